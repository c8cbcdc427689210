"""Gaussian noise, of one standard deviation or of a range, against theory."""

import math

import pytest
import torch
from scipy import integrate, stats  # type: ignore[import-untyped]

from datamodules.noise import Blind, Gaussian
from tests.helpers.noises import COUNT, GREYS, SHAPE, draw


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
    # Half of the draws are clipped to the pixel's own value, and the others are half-normal:
    # mean std / sqrt(2 pi). At 0.3 the far end of the range clips almost nothing.
    noise = Gaussian(std, clip=True)
    lift = std / math.sqrt(2 * math.pi)
    black = draw(noise, torch.zeros(SHAPE)).mean().item()
    white = draw(noise, torch.ones(SHAPE)).mean().item()
    assert black == pytest.approx(lift, abs=5 * std / math.sqrt(COUNT))
    assert 1 - white == pytest.approx(lift, abs=5 * std / math.sqrt(COUNT))


def test_the_mean_of_clipped_noise_is_exact_where_it_is_known() -> None:
    black, grey, white = Gaussian(0.2, clip=True).mean(torch.tensor([0.0, 0.5, 1.0])).tolist()
    # The mean of half a normal, without the 3e-8 that 1 clips. Means are symmetric about grey.
    assert black == pytest.approx(0.2 / math.sqrt(2 * math.pi), abs=1e-6)
    assert grey == pytest.approx(0.5, abs=1e-6)
    assert white == pytest.approx(1 - black, abs=1e-6)


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


# Blind


def test_each_image_draws_its_standard_deviation_from_the_range() -> None:
    clean = torch.full((2_000, 1, 28, 28), 0.5)
    error = draw(Blind(0.2, 0.6, clip=False), clean).double() - 0.5
    stds = error.flatten(1).std(1)
    assert stats.kstest(stds, stats.uniform(0.2, 0.4).cdf).pvalue > 0.01
    neighbours = stds - stds.mean()
    assert abs((neighbours[1:] * neighbours[:-1]).mean() / stds.var()) < 5 / math.sqrt(2_000)
    within = error.flatten(1) / stds[:, None]
    assert within.pow(4).mean().item() == pytest.approx(3, abs=0.02)


def test_the_channels_of_an_image_share_its_standard_deviation() -> None:
    error = draw(Blind(0.0, 1.0, clip=False), torch.zeros(300, 3, 28, 28)).flatten(2).std(2)
    ratios = error[:, 1:] / error[:, :1]
    assert ratios.min() > 0.8
    assert ratios.max() < 1.25


def test_the_mean_of_a_range_is_the_integral_over_it() -> None:
    for low, high in [(0.0, 1.0), (0.1, 0.7), (0.3, 0.3), (0.0, 0.05)]:
        found = Blind(low, high, clip=True).mean(GREYS.double())
        for grey, mean in zip(GREYS.double(), found, strict=True):
            if low == high:
                expected = Gaussian(low, clip=True).mean(grey).item()
            else:
                area = integrate.quad(lambda s, c=grey: Gaussian(s, True).mean(c), low, high)[0]
                expected = area / (high - low)
            assert mean.item() == pytest.approx(expected, abs=1e-6)


def test_at_one_level_blind_noise_is_gaussian() -> None:
    noise = Blind(0.1, 0.7, clip=False)
    assert noise.at(0.3) == Gaussian(0.3, clip=False)
    assert (noise.levels, noise.level) == ((0.1, 0.7), 0.7)
