"""Noise against theory, and the random streams that it is drawn from."""

import math

import pytest
import torch
from torch import Tensor

from contract import derive_seed, generator
from datamodules.noise import Gaussian

SHAPE = (200, 1, 28, 28)
COUNT = math.prod(SHAPE)


def draw(noise: Gaussian, clean: Tensor, seed: int = 0) -> Tensor:
    return noise(clean, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("std", [0.1, 0.5, 1.5])
def test_unclipped_noise_has_zero_mean_and_the_given_std(std: float) -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    error = draw(Gaussian(std, clip=False), clean).double() - clean.double()
    assert abs(error.mean().item()) < 5 * std / math.sqrt(COUNT)
    assert abs(error.std().item() / std - 1) < 5 / math.sqrt(2 * COUNT)


def test_unclipped_noise_is_normal_white_and_independent_of_the_image() -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    error = (draw(Gaussian(0.5, clip=False), clean) - clean).double() / 0.5
    assert abs(error.pow(4).mean().item() - 3) < 5 * math.sqrt(96 / COUNT)
    neighbours = (error[..., 1:] * error[..., :-1]).mean().item()
    assert abs(neighbours) < 5 / math.sqrt(COUNT)
    assert abs((error * (clean - 0.5)).mean().item()) < 5 * math.sqrt(1 / 12 / COUNT)


@pytest.mark.parametrize("std", [0.1, 0.3])
def test_clipped_noise_on_black_and_white_has_the_mean_of_half_a_normal(std: float) -> None:
    # Half of the draws are cut to the pixel's own value, the others are a half-normal:
    # mean std / sqrt(2 pi). Of 0.3 the far end of the range cuts off next to nothing.
    noise = Gaussian(std, clip=True)
    lift = std / math.sqrt(2 * math.pi)
    black = draw(noise, torch.zeros(SHAPE)).mean().item()
    white = draw(noise, torch.ones(SHAPE)).mean().item()
    assert black == pytest.approx(lift, abs=5 * std / math.sqrt(COUNT))
    assert 1 - white == pytest.approx(lift, abs=5 * std / math.sqrt(COUNT))


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("std", [0.0, 0.1, 0.5, 1.5])
def test_the_mean_is_that_of_many_draws(std: float, clip: bool) -> None:
    noise, clean = Gaussian(std, clip), torch.linspace(0, 1, 11)
    draws = 200_000
    found = draw(noise, clean.expand(draws, 11)).double().mean(0)
    assert (found - noise.mean(clean)).abs().max() < 5 * std / math.sqrt(draws) + 1e-6


def test_the_mean_of_clipped_noise_is_exact_where_it_is_known() -> None:
    black, grey, white = Gaussian(0.2, clip=True).mean(torch.tensor([0.0, 0.5, 1.0])).tolist()
    # Of half a normal, less the 3e-8 of it that 1 cuts off; and symmetric about grey.
    assert black == pytest.approx(0.2 / math.sqrt(2 * math.pi), abs=1e-6)
    assert grey == pytest.approx(0.5, abs=1e-6)
    assert white == pytest.approx(1 - black, abs=1e-6)


def test_clip_cuts_to_the_unit_range_and_changes_nothing_inside() -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    clipped, whole = draw(Gaussian(0.5, clip=True), clean), draw(Gaussian(0.5, clip=False), clean)
    assert whole.min() < 0
    assert whole.max() > 1
    assert torch.equal(clipped, whole.clip(0, 1))


@pytest.mark.parametrize("clip", [False, True])
def test_std_zero_is_the_identity(clip: bool) -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    assert torch.equal(draw(Gaussian(0.0, clip), clean), clean)


@pytest.mark.parametrize("clip", [False, True])
def test_the_clean_batch_is_not_changed(clip: bool) -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    before = clean.clone()
    noisy = draw(Gaussian(0.5, clip), clean)
    assert torch.equal(clean, before)
    assert (noisy.shape, noisy.dtype) == (clean.shape, torch.float32)


def test_noise_follows_from_the_generator_alone() -> None:
    noise, clean = Gaussian(0.5, clip=True), torch.full(SHAPE, 0.5)
    torch.manual_seed(1)
    first = draw(noise, clean, seed=3)
    torch.manual_seed(2)
    assert torch.equal(draw(noise, clean, seed=3), first)
    assert not torch.equal(draw(noise, clean, seed=4), first)
    random = torch.Generator().manual_seed(3)
    assert not torch.equal(noise(clean, random), noise(clean, random))


def test_at_changes_the_level_and_nothing_else() -> None:
    noise = Gaussian(0.5, clip=False)
    other = noise.at(0.2)
    assert (noise.level, other.level, other.clip) == (0.5, 0.2, False)
    assert Gaussian(0.5, clip=True).at(0.2) == Gaussian(0.2, clip=True)
    clean = torch.zeros(SHAPE)
    assert torch.allclose(draw(noise, clean) * 0.4, draw(other, clean))


@pytest.mark.parametrize("std", [-0.1, math.nan, math.inf])
def test_a_std_out_of_range_is_refused(std: float) -> None:
    with pytest.raises(ValueError, match=r"^std must"):
        Gaussian(std, clip=True)
    with pytest.raises(ValueError, match=r"^std must"):
        Gaussian(0.5, clip=True).at(std)


def test_derived_seeds_are_the_same_on_every_machine_and_in_every_release() -> None:
    assert derive_seed("noise", 0, 1, 2) == 5485189452959592713


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("noise", 0, 1, 2), ("noise", 0, 2, 1)),
        (("noise", 0, 1, 2), ("latent", 0, 1, 2)),
        (("noise", 0, 12), ("noise", 0, 1, 2)),
        (("noise", 0), ("noise",)),
        (("noise", 2**32 + 5), ("noise", 5, 1)),
        (("val", 0), (0, "val")),
    ],
)
def test_different_keys_give_different_streams(
    one: tuple[int | str, ...], other: tuple[int | str, ...]
) -> None:
    assert derive_seed(*one) != derive_seed(*other)
    draws = [torch.rand(8, generator=generator("cpu", *key)) for key in (one, other)]
    assert not torch.equal(*draws)


def test_the_same_key_gives_the_same_stream() -> None:
    draws = [torch.rand(8, generator=generator("cpu", "noise", 7, 1)) for _ in range(2)]
    assert torch.equal(*draws)


def test_streams_of_neighbouring_keys_are_uncorrelated() -> None:
    draws = torch.stack(
        [torch.randn(10_000, generator=generator("cpu", "noise", 0, step)) for step in range(20)]
    )
    others = torch.corrcoef(draws)[~torch.eye(20, dtype=torch.bool)]
    assert others.abs().max() < 5 / math.sqrt(10_000)
