"""Zero-shot Noise2Noise: a network that learns from one noisy picture."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from groundwork.seeding import generator
from restoration import zero_shot
from tests.helpers.pictures import photograph, with_noise

STEPS = 120  # of 2,000; enough for a gain


def gain(clean: np.ndarray, noisy: np.ndarray, restored: np.ndarray) -> float:
    """Return by how many dB the PSNR has risen."""
    before, after = (
        peak_signal_noise_ratio(clean, each, data_range=1) for each in (noisy, restored)
    )
    return float(after - before)


def random_pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_the_loss_is_the_papers() -> None:
    """Equations 2 to 5 in double precision, with the kernels of the paper's downsampler."""

    def half(pictures: Tensor, kernel: list[list[float]]) -> Tensor:
        weight = torch.tensor(kernel, dtype=torch.float64).expand(3, 1, 2, 2)
        return nn.functional.conv2d(pictures, weight, stride=2, groups=3)

    def squared(left: Tensor, right: Tensor) -> Tensor:
        return (left - right).square().mean()

    net = zero_shot.network(3, generator("cpu", "test")).double()
    noisy = random_pictures(1, 3, 10, 12).double()
    first_kernel, second_kernel = [[0, 0.5], [0.5, 0]], [[0.5, 0], [0, 0.5]]
    first, second = half(noisy, first_kernel), half(noisy, second_kernel)
    whole = noisy - net(noisy)
    restored_first, restored_second = first - net(first), second - net(second)
    residual = (squared(restored_first, second) + squared(restored_second, first)) / 2
    consistency = squared(restored_first, half(whole, first_kernel)) / 2
    consistency += squared(restored_second, half(whole, second_kernel)) / 2
    assert zero_shot.loss(net, noisy).item() == pytest.approx((residual + consistency).item())


def test_the_network_is_the_papers() -> None:
    """It has about 22,000 parameters for colours. Its first weights are spread as torch's are."""
    net = zero_shot.network(3, generator("cpu", "test"))
    assert sum(parameter.numel() for parameter in net.parameters()) == 22_275
    torch.manual_seed(0)
    usual = nn.Conv2d(48, 48, 3)
    assert isinstance(net[2], nn.Conv2d)
    for name, parameter in net[2].named_parameters():
        other = usual.get_parameter(name)
        assert parameter.abs().max().item() == pytest.approx(other.abs().max().item(), rel=0.1)
        assert parameter.std().item() == pytest.approx(other.std().item(), rel=0.2)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_noisy_picture_gains(channels: int) -> None:
    clean = photograph(channels, 96, 96)
    noisy = with_noise(clean, 0.1)
    restored = zero_shot.restore(noisy, seed=0, steps=STEPS)
    assert restored.dtype == np.float32
    assert gain(clean, noisy, restored) > 4


def test_the_same_seed_gives_the_same_bits_and_leaves_global_generators_alone() -> None:
    noisy = with_noise(photograph(1, 150, 140), 0.1)
    state = torch.get_rng_state()
    first = zero_shot.restore(noisy, seed=7, steps=5)
    torch.manual_seed(1)
    np.testing.assert_array_equal(first, zero_shot.restore(noisy, seed=7, steps=5))
    assert not np.array_equal(first, zero_shot.restore(noisy, seed=8, steps=5))
    torch.set_rng_state(state)
    zero_shot.restore(noisy, seed=7, steps=5)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_dark_picture_is_learned_as_fast() -> None:
    noisy = with_noise(photograph(1, 96, 96), 0.1)
    bright = zero_shot.restore(noisy, seed=0, steps=20)
    dark = zero_shot.restore(noisy / 64, seed=0, steps=20)
    inside = bright < 1  # what was not cut
    np.testing.assert_allclose(64 * dark[inside], bright[inside], atol=1e-4)


def test_a_picture_of_one_colour_stays_as_it_is() -> None:
    even = np.full((3, 20, 20), 0.3, np.float32)
    np.testing.assert_allclose(zero_shot.restore(even, seed=0, steps=3), even, atol=1e-5)


@pytest.mark.parametrize("size", [(2, 2), (2, 41), (33, 3), (131, 129)])
@pytest.mark.parametrize("channels", [1, 3])
def test_odd_sizes(channels: int, size: tuple[int, int]) -> None:
    noisy = with_noise(photograph(channels, *size), 0.1)
    restored = zero_shot.restore(noisy, seed=0, steps=3)
    assert restored.shape == noisy.shape
    assert np.isfinite(restored).all()
    assert restored.min() >= 0
    assert restored.max() <= 1


def test_a_picture_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(ValueError, match="a picture of 1 x 9 pixels is too small"):
        zero_shot.restore(np.zeros((1, 1, 9), np.float32), seed=0)


def test_a_large_picture_is_restored_in_tiles_that_leave_no_traces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noisy = with_noise(photograph(1, 150, 131), 0.1)
    whole = zero_shot.restore(noisy, seed=0, steps=20)
    monkeypatch.setattr(zero_shot, "TILE", 50)
    np.testing.assert_allclose(zero_shot.restore(noisy, seed=0, steps=20), whole, atol=1e-5)


def test_crops_come_from_everywhere_and_no_step_sees_more() -> None:
    places = torch.arange(300 * 200.0).view(1, 1, 300, 200)
    random = generator("cpu", "test")
    crops = [zero_shot.random_crop(places, random) for _ in range(200)]
    assert {crop.shape for crop in crops} == {(1, 1, zero_shot.CROP, zero_shot.CROP)}
    starts = torch.tensor([int(crop[0, 0, 0, 0]) for crop in crops])
    rows, columns = starts // 200, starts % 200
    for found, size in ((rows, 300), (columns, 200)):
        last = size - zero_shot.CROP
        assert found.min() < last / 10
        assert found.max() > last * 9 / 10
        assert 0.3 < (found % 2).float().mean() < 0.7  # the halves pair other pixels each time


def test_progress_rises_to_one_and_what_it_raises_ends_the_training() -> None:
    noisy = with_noise(photograph(1, 20, 20), 0.1)
    shares: list[float] = []
    zero_shot.restore(noisy, seed=0, progress=shares.append, steps=4)
    assert shares == [0.25, 0.5, 0.75, 1]

    def stop(share: float) -> None:
        shares.append(share)
        raise KeyboardInterrupt

    shares.clear()
    with pytest.raises(KeyboardInterrupt):
        zero_shot.restore(noisy, seed=0, progress=stop)
    assert len(shares) == 1
