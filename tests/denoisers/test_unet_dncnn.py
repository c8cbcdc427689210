"""U-Net and DnCNN, which have no bottleneck."""

import pytest
import torch

from denoisers.dncnn import DnCNN
from denoisers.layers import BatchNorm2d
from denoisers.unet import UNet
from tests.helpers.models import new_model, random_batch


def test_a_unets_details_go_through_its_skips() -> None:
    """Without the deepest features the output still depends on each pixel."""
    model = new_model("unet").eval()
    assert isinstance(model, UNet)
    deepest = model.encoder[-1]
    assert isinstance(deepest, torch.nn.Sequential)
    norm = deepest[1]
    assert isinstance(norm, BatchNorm2d)
    torch.nn.init.zeros_(norm.weight)
    noisy = random_batch(1).noisy.requires_grad_()
    assert not model.encode(noisy).any()
    model(noisy).sum().backward()
    assert noisy.grad is not None
    assert (noisy.grad != 0).all()


def test_a_dncnn_takes_away_what_it_predicts() -> None:
    model = new_model("dncnn").eval()
    assert isinstance(model, DnCNN)
    torch.nn.init.zeros_(model.last.weight)
    assert model.last.bias is not None
    torch.nn.init.constant_(model.last.bias, 0.25)
    noisy = random_batch(2).noisy
    assert torch.equal(model(noisy), (noisy - 0.25).clamp(0, 1))


def test_a_dncnn_learns_where_its_output_is_cut() -> None:
    model, batch = new_model("dncnn", loss="mse").train(), random_batch(2)
    assert isinstance(model, DnCNN)
    far = batch._replace(noisy=batch.noisy + 10, clean=batch.clean)
    torch.nn.init.zeros_(model.last.weight)
    model.loss_of(far, torch.Generator()).terms["loss"].backward()
    assert model.last.bias is not None
    # The derivative by b of each image's sum of (noisy - b - clean)^2.
    expected = -2 * (far.noisy - model.last.bias - far.clean).sum() / 2
    assert model.last.bias.grad is not None
    assert model.last.bias.grad.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("loss", ["mse", "l1"])
def test_a_dncnns_loss_is_a_sum_over_pixels(loss: str) -> None:
    model, batch = new_model("dncnn", loss=loss).eval(), random_batch(3)
    assert isinstance(model, DnCNN)
    with torch.no_grad():
        found = model.loss_of(batch, torch.Generator()).terms["loss"]
        error = model.estimate(batch.noisy) - batch.clean
    measured = error.square() if loss == "mse" else error.abs()
    assert found.item() == pytest.approx(measured.sum((1, 2, 3)).mean().item(), rel=1e-5)


def test_a_dncnn_has_no_cross_entropy_and_at_least_two_layers() -> None:
    with pytest.raises(ValueError, match=r"model\.loss=bce: .*'mse', 'l1' or 'psnr'"):
        new_model("dncnn", loss="bce")
    with pytest.raises(ValueError, match="depth must be in \\[2, 1,000\\], got 1"):
        new_model("dncnn", depth=1)
