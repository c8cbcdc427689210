"""What holds for every kind of noise: draws, levels, means, variances and refusals."""

import math
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
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
from tests.helpers.noises import COUNT, GREYS, SHAPE, draw, random_images
from tests.helpers.runs import ROOT

NAMES = sorted({path.stem for path in (ROOT / "conf" / "noise").glob("*.yaml")} - {"none"})
DRAWS = 100_000  # for each grey


# A camera's neighbouring pixels are correlated: tests/datamodules/test_camera.py has its theory.
WHITE = sorted({*NAMES} - {"camera"})


def draws_of_greys(noise: Noise) -> Tensor:
    """Draw noise for each grey: float64 DRAWS x 11."""
    return draw(noise, GREYS.expand(DRAWS, 1, 1, 11)).double().flatten(1)


def configured(name: str, clip: bool) -> Noise:
    """Build a noise of conf/noise/ with its defaults."""
    node = OmegaConf.load(ROOT / "conf" / "noise" / f"{name}.yaml")
    noise: Noise = build(OmegaConf.merge(node, {"clip": clip}), "noise")  # type: ignore[arg-type]
    return noise


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
