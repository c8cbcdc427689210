"""Noise against theory, and its random streams."""

import math
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from scipy import integrate, stats  # type: ignore[import-untyped]
from torch import Tensor

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
from groundwork.seeding import derive_seed, generator
from tests.helpers.runs import ROOT, compose

SHAPE = (200, 1, 28, 28)
COUNT = math.prod(SHAPE)
NAMES = sorted({path.stem for path in (ROOT / "conf" / "noise").glob("*.yaml")} - {"none"})
GREYS = torch.linspace(0, 1, 11)
DRAWS = 100_000  # for each grey
# A camera's neighbouring pixels are correlated: tests/datamodules/test_camera.py has its theory.
WHITE = sorted({*NAMES} - {"camera"})


def draw(noise: Noise, clean: Tensor, seed: int = 0) -> Tensor:
    return noise(clean, torch.Generator().manual_seed(seed))


def draws_of_greys(noise: Noise) -> Tensor:
    """Draw noise for each grey: float64 DRAWS x 11."""
    return draw(noise, GREYS.expand(DRAWS, 1, 1, 11)).double().flatten(1)


def random_images(channels: int = 1) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.rand(50, channels, 28, 28, generator=random)


def configured(name: str, clip: bool) -> Noise:
    """Build a noise of conf/noise/ with its defaults."""
    node = OmegaConf.load(ROOT / "conf" / "noise" / f"{name}.yaml")
    noise: Noise = build(OmegaConf.merge(node, {"clip": clip}), "noise")  # type: ignore[arg-type]
    return noise


# Every noise


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_noise_changes_images_and_not_the_clean_ones(name: str, channels: int) -> None:
    clean = random_images(channels)
    before = clean.clone()
    clipped, whole = (draw(configured(name, clip), clean) for clip in (True, False))
    assert torch.equal(clean, before)
    for noisy in (clipped, whole):
        assert (noisy.shape, noisy.dtype) == (clean.shape, torch.float32)
        assert noisy.isfinite().all()
        assert (noisy != clean).flatten(1).any(1).all()
    assert torch.equal(clipped, whole.clip(0, 1))


@pytest.mark.parametrize("name", sorted({*NAMES} - {"salt_and_pepper", "dropout"}))
def test_noise_that_is_not_cut_leaves_the_unit_range(name: str) -> None:
    assert draw(configured(name, clip=False), random_images()).max() > 1


@pytest.mark.parametrize("name", NAMES)
def test_noise_follows_from_the_generator_alone(name: str) -> None:
    noise, clean = configured(name, clip=True), random_images()
    torch.manual_seed(1)
    first = draw(noise, clean, seed=3)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(draw(noise, clean, seed=3), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(draw(noise, clean, seed=4), first)
    random = torch.Generator().manual_seed(3)
    assert not torch.equal(noise(clean, random), noise(clean, random))


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_at_level_zero_the_image_is_exactly_as_it_was(name: str, clip: bool) -> None:
    noise, clean = configured(name, clip), random_images()
    for none in (noise.at(0), noise.scaled(0)):
        noisy = draw(none, clean)
        assert torch.equal(noisy, clean)
        assert noisy.data_ptr() != clean.data_ptr()
        torch.testing.assert_close(none.mean(GREYS), GREYS, rtol=0, atol=1e-6)
        assert none.level == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_noise_grows_with_its_level(name: str) -> None:
    noise, clean = configured(name, clip=False), random_images()
    errors = []
    for level in (0.1, 0.5, 0.9):
        there = noise.at(level)
        assert there.level == pytest.approx(level)
        assert there.levels == (there.level, there.level)
        assert there.clip == noise.clip
        assert there.at(0.1) == noise.at(0.1)
        errors.append((draw(there, clean) - clean).square().mean().item())
    assert errors[0] * 4 < errors[1] < errors[2]


@pytest.mark.parametrize("name", NAMES)
def test_a_noise_can_be_scaled(name: str) -> None:
    noise = configured(name, clip=True)
    assert noise.scaled(0.5).levels == pytest.approx(tuple(0.5 * level for level in noise.levels))
    assert type(noise.scaled(0.5)) is type(noise)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("name", WHITE)
def test_the_mean_is_that_of_many_draws(name: str, factor: float, clip: bool) -> None:
    noise = configured(name, clip).scaled(factor)
    draws, mean = draws_of_greys(noise), noise.mean(GREYS)
    assert mean.dtype == torch.float32
    tolerance = 5 * draws.std(0) / math.sqrt(DRAWS) + 1e-6
    if name == "mixed":  # its mean is an estimate
        tolerance *= 1.5
    assert ((draws.mean(0) - mean).abs() < tolerance).all()
    assert (mean.diff() >= 0).all()


@pytest.mark.parametrize("name", WHITE)
def test_pixels_and_images_have_noise_of_their_own(name: str) -> None:
    noise, clean = configured(name, clip=False), torch.full(SHAPE, 0.5)
    error = draw(noise, clean).double()
    error -= error.mean()
    for dimension in (0, 2, 3):
        products = error * error.roll(1, dimension)
        assert abs(products.mean()) < 5 * products.std() / math.sqrt(COUNT)


@pytest.mark.parametrize("name", sorted({*WHITE} - {"dropout"}))
def test_channels_have_noise_of_their_own(name: str) -> None:
    noise, clean = configured(name, clip=False), torch.full((200, 3, 28, 28), 0.5)
    error = draw(noise, clean).double()
    error -= error.mean()
    products = error * error.roll(1, 1)
    assert abs(products.mean()) < 5 * products.std() / math.sqrt(3 * COUNT)


VARIANCES: list[tuple[Noise, Any]] = [
    (Gaussian(0.4, clip=False), lambda clean: 0.4**2 + 0 * clean),
    (Blind(0.2, 0.6, clip=False), lambda clean: (0.2**2 + 0.2 * 0.6 + 0.6**2) / 3 + 0 * clean),
    (SaltAndPepper(0.3, clip=False), lambda clean: 0.3 / 4 + 0.3 * 0.7 * (clean - 0.5) ** 2),
    (Poisson(6.0, clip=False), lambda clean: clean / 6),
    (Speckle(0.4, clip=False), lambda clean: (0.4 * clean) ** 2),
    (Uniform(0.3, clip=False), lambda clean: 0.3**2 / 3 + 0 * clean),
    (Dropout(0.3, clip=False), lambda clean: 0.3 * 0.7 * clean**2),
    (PoissonGaussian(0.5, 0.2, 0.9, clip=False), lambda clean: 0.81 * (0.5 * clean + 0.2)),
    (
        Mixed({"shot": Poisson(6.0, False), "read-out": Gaussian(0.4, False)}, 1.0, clip=False),
        lambda clean: clean / 6 + 0.4**2,
    ),
]


@pytest.mark.parametrize(("noise", "expected"), VARIANCES, ids=lambda v: type(v).__name__)
def test_the_variance_is_that_of_theory(noise: Noise, expected: Any) -> None:
    draws = draws_of_greys(noise)
    squares = (draws - draws.mean(0)).square()
    error = (squares.mean(0) - expected(GREYS.double())).abs()
    assert (error <= 5 * squares.std(0) / math.sqrt(DRAWS) + 1e-9).all()


def test_the_variances_are_those_of_every_noise() -> None:
    assert {type(noise) for noise, _ in VARIANCES} == {type(configured(n, True)) for n in WHITE}


# Gaussian


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


# Salt and pepper, and missing pixels


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


# Settings


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        *(
            (name, {"std": std}, "std must")
            for name in ("gaussian", "speckle")
            for std in (-1.0, math.nan)
        ),
        ("uniform", {"half_width": -0.1}, "half_width must"),
        ("uniform", {"half_width": math.inf}, "half_width must"),
        ("blind", {"min_std": -0.1}, "min_std must"),
        ("blind", {"min_std": 0.5, "max_std": 0.4}, "max_std must .* at least 0.5"),
        ("blind", {"max_std": math.inf}, "max_std must"),
        ("salt_and_pepper", {"probability": 1.1}, "probability must"),
        ("dropout", {"probability": -0.1}, "probability must"),
        ("dropout", {"probability": math.nan}, "probability must"),
        ("poisson", {"peak": 0.0}, "peak must"),
        ("poisson", {"peak": math.inf}, "peak must"),
        ("poisson", {"peak": math.nan}, "peak must"),
        ("poisson", {"peak": 1.001e9}, "peak must"),
        ("gaussian", {"std": 1_000.1}, "std must"),
        ("poisson_gaussian", {"a": -0.1}, "a must"),
        ("poisson_gaussian", {"b": math.nan}, "b must"),
        ("poisson_gaussian", {"strength": -1.0}, "strength must"),
        ("poisson_gaussian", {"a": 0.0, "b": 0.0}, "a and b must not both be 0"),
        ("poisson_gaussian", {"strength": 1e-4}, "a must be 0 or at least 1e-09 .* got 5e-10"),
        ("camera", {"min_shot": 0.0}, "min_shot must"),
        ("camera", {"max_shot": 1.5}, "max_shot must"),
        ("camera", {"max_shot": 1e-5}, "max_shot must be at least 0.0001"),
        ("camera", {"max_smoothing": -1.0}, "max_smoothing must"),
        ("camera", {"jpeg_probability": 1.1}, "jpeg_probability must"),
        ("camera", {"min_quality": 0}, "min_quality must"),
        ("camera", {"max_quality": 101}, "max_quality must"),
        ("camera", {"max_quality": 50}, "max_quality must be at least 60"),
        ("camera", {"strength": math.nan}, "strength must"),
        ("mixed", {"strength": -1.0}, "strength must"),
        ("mixed", {"strength": 21.0}, r"strength=21.0: parts.salt_and_pepper.probability must"),
        ("mixed", {"parts": {"gaussian": {"std": -1.0}}}, "parts.gaussian.std must"),
        ("mixed", {"parts": {"gaussian": {"std": "abc"}}}, "parts.gaussian.std=abc: should be"),
        ("mixed", {"parts": {"gaussian": {"sigma": 1.0}}}, "parts.gaussian.sigma: .* no such"),
        ("mixed", {"parts": {"gaussian": 3}}, "parts.gaussian must be a noise, got 3"),
        ("mixed", {"parts": None}, "parts=None: should be"),
        ("mixed", {"parts": 3}, "parts=3: should be"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(
    name: str, settings: dict[str, Any], said: str
) -> None:
    node = OmegaConf.load(ROOT / "conf" / "noise" / f"{name}.yaml")
    for key, value in settings.items():
        OmegaConf.update(node, key, value, merge=True, force_add=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"^noise\.{said}"):
        build(node, "noise")  # type: ignore[arg-type]


def test_a_mixture_has_parts() -> None:
    with pytest.raises(ValueError, match=r"^parts must"):
        Mixed({}, strength=1.0, clip=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_level_below_zero_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        configured(name, clip=True).at(-0.1)


@pytest.mark.parametrize("level", [1e-5, 1e-200, math.ulp(0), math.inf, math.nan])
def test_a_level_that_takes_too_many_photons_or_none_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match=r"^peak must be"):
        Poisson(1.0, clip=True).at(level)


# Random streams


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
