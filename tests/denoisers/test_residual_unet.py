"""The residual U-Net begins close to the identity, scales with its input, and takes any size."""

import pytest
import torch

from denoisers.residual_unet import ResidualUNet
from tests.helpers.models import new_generator, new_model, random_batch


def trained_model(channels: int = 1, **settings: float) -> ResidualUNet:
    """Return a small one with larger random weights than training begins with."""
    shape = (channels, 16, 16)
    model = new_model(
        "residual_unet", shape, channels=[8, 8, 8], blocks=[1, 1, 1], **settings
    ).eval()
    assert isinstance(model, ResidualUNet)
    random = new_generator()
    for weight in model.parameters():
        weight.data.copy_(0.1 * torch.randn(weight.shape, generator=random))
    return model


@torch.no_grad()
def test_it_begins_close_to_the_noisy_image() -> None:
    model, batch = new_model("residual_unet").eval(), random_batch(2)
    assert isinstance(model, ResidualUNet)
    difference = model.estimate(batch.noisy) - batch.noisy
    assert 0 < difference.abs().max() < 0.02
    assert torch.equal(model(batch.noisy), model.estimate(batch.noisy).clamp(0, 1))


@torch.no_grad()
def test_its_estimate_scales_with_its_input() -> None:
    model, noisy = trained_model(), random_batch(2).noisy
    estimate = model.estimate(noisy)
    assert (estimate - noisy).abs().max() > 0.1  # it does something
    torch.testing.assert_close(model.estimate(4 * noisy), 4 * estimate)


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (7, 30), (29, 31)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_size_that_is_padded_gives_what_the_padded_image_gives(
    size: tuple[int, int], channels: int
) -> None:
    """The multiple of 8 above the size, with the last row and column repeated."""
    model, (height, width) = trained_model(channels), size
    noisy = torch.rand(2, channels, height, width, generator=new_generator())
    rows = torch.arange(-(-height // 8) * 8).clamp(max=height - 1)
    columns = torch.arange(-(-width // 8) * 8).clamp(max=width - 1)
    padded = noisy[..., rows, :][..., columns]
    assert model(noisy).shape == noisy.shape
    torch.testing.assert_close(model(noisy), model(padded)[..., :height, :width])


def test_the_loss_psnr_is_minus_the_mean_psnr_of_the_estimates() -> None:
    """Of estimates that are not cut to [0, 1]."""
    model, batch = trained_model(), random_batch(3)
    model.loss = "psnr"
    with torch.no_grad():
        loss = model.loss_of(batch, new_generator()).terms["loss"]
        errors = (model.estimate(batch.noisy) - batch.clean).double().square().mean((1, 2, 3))
    assert loss.item() == pytest.approx(10 * errors.log10().mean().item(), abs=1e-2)


@torch.no_grad()
def test_units_are_leaky() -> None:
    """With a slope of 1 the network is linear, with 0 it has ReLUs, and 0.5 lies between."""
    noisy = random_batch(2).noisy

    def estimate(slope: float, images: torch.Tensor) -> torch.Tensor:
        model = trained_model(slope=slope)
        return model.estimate(images) - images

    def odd(slope: float) -> torch.Tensor:
        return (estimate(slope, noisy) + estimate(slope, -noisy)).abs().max()

    assert odd(0.999) < 0.01 * odd(0.0)
    assert 0.01 * odd(0.0) < odd(0.5) < odd(0.0)


def test_blocks_without_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks must have as many numbers as channels"):
        new_model("residual_unet", channels=[8, 8], blocks=[1])
