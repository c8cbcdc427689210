"""Salt and pepper, missing pixels, photons, speckle and mixtures, against theory."""

import math

import pytest
import torch
from scipy import stats  # type: ignore[import-untyped]

from cli.config import build
from datamodules.mixed_noise import Mixed
from datamodules.noise import (
    Blind,
    Dropout,
    Gaussian,
    Noise,
    Poisson,
    SaltAndPepper,
    Speckle,
    Uniform,
)
from datamodules.poisson_gaussian import PoissonGaussian
from tests.helpers.noises import GREYS, SHAPE, draw, random_images
from tests.helpers.runs import compose


def test_salt_and_pepper_are_equally_many_and_the_rest_is_as_it_was() -> None:
    clean = 0.25 + random_images(3) / 2
    noisy = draw(SaltAndPepper(0.3, clip=True), clean)
    count = clean.numel()
    black, white = (noisy == 0).sum().item(), (noisy == 1).sum().item()
    assert stats.binomtest(black, count, 0.15).pvalue > 0.01
    assert stats.binomtest(white, count, 0.15).pvalue > 0.01
    assert (noisy == clean).sum().item() == count - black - white
    assert set(draw(SaltAndPepper(1.0, clip=True), clean).unique().tolist()) == {0, 1}


def test_missing_pixels_are_black_in_all_channels_and_the_rest_is_as_it_was() -> None:
    clean = 0.25 + random_images(3) / 2
    noisy = draw(Dropout(0.3, clip=True), clean)
    lost = (noisy == 0).all(1)
    assert stats.binomtest(lost.sum().item(), lost.numel(), 0.3).pvalue > 0.01
    assert torch.equal(noisy, clean * ~lost[:, None])
    assert not draw(Dropout(1.0, clip=True), clean).any()


# Poisson


@pytest.mark.parametrize("grey", [0.1, 0.5, 1.0])
def test_shot_noise_counts_photons(grey: float) -> None:
    counts = 4 * draw(Poisson(4.0, clip=False), torch.full((100, 1, 28, 28), grey)).double()
    assert torch.equal(counts, counts.round())
    expected = stats.poisson(4 * grey).pmf(range(6)) * counts.numel()
    found = [(counts == k).sum().item() for k in range(6)]
    beyond = counts.numel() - sum(found), counts.numel() - expected.sum()
    p_value = stats.chisquare([*found, beyond[0]], [*expected, beyond[1]]).pvalue
    assert p_value > 0.01


@pytest.mark.parametrize("peak", [0.5, 1.0, 3.7, 4.0, 100.0])
def test_the_mean_of_cut_counts_is_the_sum_over_them(peak: float) -> None:
    found = Poisson(peak, clip=True).mean(GREYS.double())
    counts = torch.arange(1_000)
    for grey, mean in zip(GREYS.double(), found, strict=True):
        chances = stats.poisson(peak * grey).pmf(counts)
        expected = ((counts / peak).clamp(max=1).double() * chances).sum().item()
        assert mean.item() == pytest.approx(expected, abs=1e-6)


def test_the_brightest_light_is_counted_too() -> None:
    noise, white = Poisson(1e9, clip=False), torch.ones(SHAPE)
    error = draw(noise, white).double() - 1
    assert error.std().item() == pytest.approx(noise.level, rel=0.05)


# Poisson and Gaussian


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.02), (0.01, 0.001), (0.002, 0.04), (0.0011, 1e-5)])
def test_the_mean_of_clipped_sensor_noise_is_the_integral(a: float, b: float) -> None:
    """Of the probability that a noisy value lies above each value in [0, 1]."""
    found = PoissonGaussian(a, b, 1.0, clip=True).mean(GREYS.double())
    cuts = (torch.arange(2_000).double() + 0.5) / 2_000
    for grey, mean in zip(GREYS.double(), found, strict=True):
        counts = torch.arange(stats.poisson.ppf(1 - 1e-14, grey / a) + 1).double()
        chances = torch.from_numpy(stats.poisson.pmf(counts, grey / a))
        above = stats.norm.sf((cuts[:, None] - a * counts) / b**0.5) @ chances.numpy()
        assert mean.item() == pytest.approx(above.mean(), abs=1e-5)


def test_much_light_is_taken_as_normal_without_a_step() -> None:
    many = [PoissonGaussian(1 / n, 1e-4, 1.0, clip=True).mean(GREYS) for n in (999, 1_001)]
    torch.testing.assert_close(*many, rtol=0, atol=1e-4)


def test_without_one_of_its_parts_sensor_noise_is_the_other() -> None:
    for clip in (False, True):
        shot, read = PoissonGaussian(0.2, 0, 0.5, clip), PoissonGaussian(0, 0.16, 0.5, clip)
        photons, normal = Poisson(20.0, clip), Gaussian(0.2, clip)
        for noise, alone in ((shot, photons), (read, normal)):
            torch.testing.assert_close(draw(noise, random_images()), draw(alone, random_images()))
            torch.testing.assert_close(noise.mean(GREYS), alone.mean(GREYS), rtol=0, atol=1e-5)


def test_strength_is_a_factor_on_the_standard_deviation() -> None:
    noise = PoissonGaussian(0.12, 0.04, 1.0, clip=False)
    assert (noise.level, noise.at(0.1).strength) == pytest.approx((0.4, 0.25))
    assert noise.at(0.1).level == pytest.approx(0.1)
    half = PoissonGaussian(0.03, 0.01, 1.0, clip=False)
    torch.testing.assert_close(
        draw(noise.scaled(0.5), random_images()), draw(half, random_images())
    )


# Uniform and speckle


def test_uniform_noise_fills_its_interval_evenly() -> None:
    error = draw(Uniform(0.3, clip=False), torch.full(SHAPE, 0.5)).double() - 0.5
    assert stats.kstest(error.flatten(), stats.uniform(-0.3, 0.6).cdf).pvalue > 0.01


def test_speckle_is_normal_and_in_proportion_to_the_pixel() -> None:
    clean = random_images()
    noisy = draw(Speckle(0.4, clip=False), clean)
    factors = (noisy.double() / clean - 1)[clean > 0.01]
    assert stats.kstest(factors, stats.norm(0, 0.4).cdf).pvalue > 0.01
    assert not draw(Speckle(0.4, clip=False), torch.zeros(SHAPE)).any()


# Mixed


def test_parts_follow_one_another_with_one_generator() -> None:
    clean, random = random_images(3), torch.Generator().manual_seed(0)
    shot, gaussian, lost = Poisson(9.0, False), Gaussian(0.2, True), Dropout(0.3, False)
    expected = lost(gaussian(shot(clean, random), random), random)
    parts: dict[str, Noise] = {"a": shot, "b": gaussian, "c": lost}
    assert torch.equal(draw(Mixed(parts, 1.0, clip=True), clean), expected)
    half: dict[str, Noise] = {"a": Poisson(36.0, False), "b": Gaussian(0.1, True)}
    half["c"] = Dropout(0.15, False)
    mixed = Mixed(parts, strength=0.5, clip=True)
    assert torch.allclose(draw(mixed, clean), draw(Mixed(half, 1.0, clip=True), clean))


def test_strength_scales_both_ends_of_a_range() -> None:
    mixed = Mixed({"blind": Blind(0.2, 0.6, clip=False)}, strength=0.5, clip=False)
    clean = random_images()
    assert torch.equal(draw(mixed, clean), draw(Blind(0.1, 0.3, clip=False), clean))


def test_shot_noise_takes_what_another_part_has_left_below_black() -> None:
    parts: dict[str, Noise] = {"gaussian": Gaussian(0.5, False), "shot": Poisson(9.0, False)}
    noise = Mixed(parts, 1.0, clip=False)
    noisy = draw(noise, torch.zeros(SHAPE))
    assert noisy.isfinite().all()
    # E[max(z, 0)] for a normal z.
    assert noisy.mean().item() == pytest.approx(0.5 / math.sqrt(2 * math.pi), abs=0.01)
    assert noise.mean(torch.zeros(1)).item() == pytest.approx(
        0.5 / math.sqrt(2 * math.pi), abs=0.01
    )


def test_the_parts_of_a_mixture_are_named_on_the_command_line() -> None:
    changed = compose(
        "train",
        "noise=mixed",
        "noise.parts.gaussian.std=0.3",
        "~noise.parts.poisson",
        "+noise@noise.parts.speckle=speckle",
        "noise.parts.speckle.clip=false",
    )
    noise = build(changed.noise, "noise")
    assert [*noise.parts.items()] == [
        ("gaussian", Gaussian(0.3, clip=False)),
        ("salt_and_pepper", SaltAndPepper(0.05, clip=False)),
        ("speckle", Speckle(0.5, clip=False)),
    ]
