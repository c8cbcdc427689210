"""Stabilised noise and its exact inverse, against integration and simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, poisson

from estimation.anscombe import (
    MANY_PHOTONS,
    SensorNoise,
    expected,
    mean_stabilised,
    stabilised,
    unstabilised,
)

NOISES = [SensorNoise(0.05, 0.0), SensorNoise(0.05, 0.0025), SensorNoise(0.02, 0.01)]


def test_a_sensors_offset_moves_all_values_alike() -> None:
    there, offset = SensorNoise(0.02, 0.01), SensorNoise(0.02, 0.01, black=0.3)
    values = np.linspace(-1, 4, 101)
    np.testing.assert_allclose(stabilised(values + 0.3, offset), stabilised(values, there))
    clean, means = np.linspace(0, 3, 61), np.linspace(0, 30, 61)
    found = mean_stabilised(clean + 0.3, offset)
    np.testing.assert_allclose(found, mean_stabilised(clean, there))
    np.testing.assert_allclose(unstabilised(means, offset), 0.3 + unstabilised(means, there))
    assert offset.variance(np.array([0.0, 0.3, 1.3])) == pytest.approx([0.01, 0.01, 0.03])
    assert (str(there), str(offset)) == ("0.02 x + 0.01", "0.02 (x - 0.3) + 0.01")


def noisy(clean: np.ndarray, noise: SensorNoise, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    shot = noise.a * random.poisson(clean / noise.a) if noise.a else clean
    return np.asarray(shot + noise.b**0.5 * random.standard_normal(clean.shape))


def integral(photons: float, variance: float) -> float:
    """Integrate the transform over counts and, by adaptive quadrature, over the normal part."""
    std, total = variance**0.5, 0.0
    for count in range(int(photons + 12 * photons**0.5 + 40)):
        middle = count + 3 / 8 + variance
        inside, _ = quad(
            lambda n, m=middle: 2 * np.sqrt(max(m + n, 0)) * norm.pdf(n, 0, std),
            max(-middle, -9 * std),
            9 * std,
            points=[0],
            limit=200,
        )
        total += poisson.pmf(count, photons) * inside
    return total


@pytest.mark.parametrize("variance", [0.01, 1.0, 25.0])
@pytest.mark.parametrize("photons", [0.0, 0.5, 7.0])
def test_the_mean_of_stabilised_values_is_the_integral(photons: float, variance: float) -> None:
    found = expected(np.array([photons]), variance)[0]
    assert found == pytest.approx(integral(photons, variance), abs=1e-5)


@pytest.mark.parametrize("noise", NOISES)
def test_stabilised_noise_has_a_standard_deviation_of_one(noise: SensorNoise) -> None:
    for grey in (0.25, 0.5, 1.0, 4.0):
        found = stabilised(noisy(np.full(100_000, grey), noise), noise).std()
        assert found == pytest.approx(1, abs=0.04)
    assert (
        noisy(np.full(100_000, 4.0), noise).std() > 1.5 * noisy(np.full(9_999, 0.25), noise).std()
    )


@pytest.mark.parametrize("noise", [*NOISES, SensorNoise(0.0, 0.04)])
def test_the_inverse_of_the_mean_is_the_clean_value(noise: SensorNoise) -> None:
    """In simulation, from less than a photon to a hundred; the plain inverse is too dark."""
    for grey in (0.0, 0.01, 0.05, 0.3, 1.0, 5.0):
        values = stabilised(noisy(np.full(400_000, grey), noise), noise)
        error = values.std() / len(values) ** 0.5
        low, found, high = unstabilised(values.mean() + np.array([-5, 0, 5]) * error, noise)
        assert low <= grey + 1e-9
        assert found == pytest.approx(grey, abs=0.003 + 0.003 * grey)
        assert high >= grey
    if noise.a:
        mean = stabilised(noisy(np.full(400_000, 0.05), noise), noise).mean()
        plain = noise.a * (mean**2 / 4 - 3 / 8 - noise.b / noise.a**2)
        assert plain < 0.05 - 0.1 * noise.a


@pytest.mark.parametrize("variance", [0.0, 0.3, 10.0])
def test_the_inverse_is_exact_between_the_knots_and_has_no_step(variance: float) -> None:
    noise = SensorNoise(1.0, variance)
    photons = np.linspace(0, 2 * MANY_PHOTONS, 701)
    found = unstabilised(expected(photons, variance), noise)
    assert np.abs((found - photons) / np.sqrt(photons + variance + 1)).max() < 4e-4
    around = unstabilised(np.linspace(0, 60, 4_001), noise)
    assert (np.diff(around) >= -0.02).all()


def test_black_stays_black_and_nothing_is_below_it() -> None:
    noise = SensorNoise(0.1, 0.001)
    assert stabilised(np.array([-5.0]), noise) == 0
    assert unstabilised(np.array([-1.0, 0.0, 0.5]), noise).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("a", "b"), [(0.01, 0.0), (0.002, 0.0005), (0.0, 0.01)])
def test_the_mean_of_stabilised_values_is_inverted_by_unstabilised(a: float, b: float) -> None:
    noise, clean = SensorNoise(a, b), np.linspace(0, 3, 61)
    found = unstabilised(mean_stabilised(clean, noise), noise)
    np.testing.assert_allclose(found, clean, atol=2e-4)
