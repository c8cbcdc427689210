"""What a picture's noise is, judged by the picture alone, and whether noise is white."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest
from skimage import data

from estimation.anscombe import SensorNoise, stabilised
from estimation.sensor_noise import estimate_sensor_noise
from estimation.whiteness import LAGS, whiteness

NOISES = [(0.01, 0.0004), (0.05, 0.001), (1e-6, 0.01), (0.002, 0.002)]


def noisy(clean: np.ndarray, a: float, b: float, cut: bool) -> np.ndarray:
    """By a photon counter; cut and rounded, as a file of 8 bits has it."""
    random = np.random.default_rng(0)
    values = a * random.poisson(clean / a) + b**0.5 * random.standard_normal(clean.shape)
    return np.rint(values.clip(0, 1) * 255) / 255 if cut else np.asarray(values)


def deviations(found: SensorNoise | None, a: float, b: float, clean: np.ndarray) -> np.ndarray:
    """Estimated over true standard deviation, in the dark, the middle and the bright parts."""
    assert found is not None
    greys = np.quantile(clean, [0.1, 0.5, 0.9])
    return np.sqrt((found.a * greys + found.b) / (a * greys + b))


@pytest.mark.parametrize(("a", "b"), NOISES)
def test_on_photographs(a: float, b: float) -> None:
    blacks = []
    for clean in (data.camera(), data.moon(), data.astronaut()[..., 1]):
        grey = clean[None, :300, :300] / 255
        found = estimate_sensor_noise(noisy(grey, a, b, cut=True))
        assert found is not None
        blacks.append(found.black)
        dark, middle, bright = deviations(found, a, b, grey)
        assert (middle, bright) == pytest.approx((1, 1), abs=0.12)
        assert dark == pytest.approx(1, abs=0.25)  # few photons, which are cut, are not normal
    assert blacks[-1] == 0  # of the picture whose offset is found where it has one


def test_parts_without_any_noise_are_no_obstacle() -> None:
    """As a JPEG's smooth parts. They are more than a third of the picture here."""
    clean = data.camera()[None, :200, :200] / 255
    picture = noisy(clean, 0.01, 0.0004, cut=True)
    picture[:, :, :84] = 0.5
    found = estimate_sensor_noise(picture)
    assert found is not None
    assert 0 < found.a < 0.1
    assert 0 < found.b < 0.01


@pytest.mark.parametrize("cut", [False, True])
def test_on_a_ramp_it_is_found_within_a_few_percent(cut: bool) -> None:
    ramp = np.linspace(0.02, 0.98, 400) * np.ones((1, 300, 1))
    found = estimate_sensor_noise(noisy(ramp, 0.01, 0.002, cut))
    assert found is not None
    assert found == pytest.approx((0.01, 0.002, 0), rel=0.15)
    assert deviations(found, 0.01, 0.002, ramp) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("cut", [False, True])
def test_the_offset_of_a_sensor_is_found(cut: bool) -> None:
    clean = data.astronaut()[None, :300, :300, 1] / 255
    light = noisy(0.95 * clean, 0.01, 0.00002, cut=False)
    picture = np.rint((0.05 + light).clip(0, 1) * 255) / 255 if cut else 0.05 + light
    found = estimate_sensor_noise(picture)
    assert found is not None
    assert found.black == pytest.approx(0.05, abs=0.005)
    assert found.a == pytest.approx(0.01, rel=0.15)
    assert found.b < 0.0001


def test_where_it_cannot_be_told() -> None:
    for picture in (np.zeros((1, 50, 50)), np.full((3, 50, 50), 0.5), np.ones((1, 4, 99)) / 3):
        assert estimate_sensor_noise(picture) is None


def test_white_noise_is_white_and_its_chance_is_even() -> None:
    random = np.random.default_rng(0)
    chances = [whiteness(random.standard_normal((1, 40, 50))).chance for _ in range(300)]
    assert kstest(chances, "uniform").pvalue > 0.01
    assert whiteness(random.standard_normal((3, 100, 100))).white


def test_correlated_noise_is_told_from_white() -> None:
    white = np.random.default_rng(0).standard_normal((1, 100, 100))
    for sigma in ((0, 0.5, 0), (0, 0, 0.5), (0, 0.6, 0.6)):
        found = whiteness(gaussian_filter(white, sigma))
        assert not found.white
        assert found.chance < 1e-6
    diagonal = white + np.roll(white, (1, -1), (1, 2))
    assert LAGS[int(np.argmax(whiteness(diagonal).correlations))] == (1, -1)
    # A trace of correlation in a large picture is certain, and harmless.
    trace = white + 0.05 * np.roll(white, 1, 2)
    assert whiteness(trace).chance < 0.01
    assert whiteness(trace).white


def test_the_correlations_are_numpys() -> None:
    noise = gaussian_filter(np.random.default_rng(0).standard_normal((1, 200, 200)), (0, 0.7, 0.4))
    found = dict(zip(LAGS, whiteness(noise).correlations, strict=True))
    plane = noise[0]
    pairs = {
        (0, 1): (plane[:, :-1], plane[:, 1:]),
        (2, 0): (plane[:-2], plane[2:]),
        (1, 1): (plane[:-1, :-1], plane[1:, 1:]),
        (1, -1): (plane[:-1, 1:], plane[1:, :-1]),
    }
    for lag, (one, other) in pairs.items():
        assert found[lag] == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=0.01)


def test_what_is_left_of_sensor_noise_is_white_once_stabilised() -> None:
    clean = data.camera()[None, :200, :200] / 255
    noise = SensorNoise(0.01, 0.001)
    left = stabilised(noisy(clean, 0.01, 0.001, cut=False), noise) - stabilised(clean, noise)
    assert whiteness(left).white
    assert not whiteness(gaussian_filter(left, (0, 0.5, 0.5))).white


def test_nothing_is_white() -> None:
    for shape in ((1, 1, 1), (3, 20, 20)):
        assert whiteness(np.zeros(shape)) == ((0,) * len(LAGS), 0, 1, True)
