"""Noise that grows with the light, made even: the generalised Anscombe transform and its inverse.

The model is Poisson-Gaussian noise: a noisy value is z = black + a p + sqrt(b) n, where p is a
Poisson count of mean (x - black) / a, n is a standard normal value and x the clean value. Its
variance is a (x - black) + b.
After the transform the standard deviation is about 1 wherever some photons are counted, or b is
large.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy

NODES = 64  # of the quadrature over the normal part
KNOTS = 1_000  # of the inverse's table
MANY_PHOTONS = 500  # from where the closed form is off by less than 3e-4 standard deviations
REACH = 9  # standard deviations, beyond which a normal variable is not


class SensorNoise(NamedTuple):
    """The variance is a max(x - black, 0) + b for a clean value x.

    Attributes:
        a, b: At least 0, and not both 0.
        black: The value where no light is counted. It is the offset of a sensor, and 0 in a picture
            from which the offset was taken away.
    """

    a: float
    b: float
    black: float = 0.0

    def variance(self, clean: np.ndarray) -> np.ndarray:
        """Return the noise's variance at clean values, of any shape."""
        return self.a * np.maximum(clean - self.black, 0) + self.b

    def __str__(self) -> str:
        """Return the variance as a formula."""
        light = f"(x - {self.black:.3g})" if self.black else "x"
        return f"{self.a:.3g} {light} + {self.b:.3g}"


def stabilised(noisy: np.ndarray, noise: SensorNoise) -> np.ndarray:
    """Transform values so that their noise has a standard deviation of 1 (Murtagh et al. 1995).

    Values below black - 3/8 a - b / a have no root and become 0. Without shot noise it is a
    scaling.
    """
    a, b, black = noise
    if a == 0:
        return noisy / np.sqrt(b)
    return 2 * np.sqrt(np.maximum((noisy - black) / a + 3 / 8 + b / a**2, 0))


def unstabilised(means: np.ndarray, noise: SensorNoise) -> np.ndarray:
    """Return the clean values whose noisy ones have these means after `stabilised`.

    That is the exact unbiased inverse (Mäkitalo and Foi 2011, 2013). The plain inverse of a mean is
    not the mean of the inverse: it would be too dark where there is little light. Means below that
    of black become black.
    """
    a, b, black = noise
    if a == 0:
        return means * np.sqrt(b)
    photons, table = _table(b / a**2)
    few = np.interp(means, table, photons)
    return black + a * np.where(means < table[-1], few, _many(means, b / a**2))


def mean_stabilised(clean: np.ndarray, noise: SensorNoise) -> np.ndarray:
    """Return the means that `stabilised` has for noisy values of clean ones.

    Below black they are those of black.
    It is the inverse of `unstabilised`. For many photons it is the expansion of second order.
    """
    a, b, black = noise
    if a == 0:
        return clean / np.sqrt(b)
    counts = np.maximum((clean - black) / a, 0)
    photons, table = _table(b / a**2)
    root = np.sqrt(counts + 3 / 8 + b / a**2)
    many = 2 * root - (counts + b / a**2) / (4 * root**3)
    return np.where(counts < photons[-1], np.interp(counts, photons, table), many)


def _many(means: np.ndarray, variance: float) -> np.ndarray:
    """The closed form of the inverse (Mäkitalo and Foi 2013), for many photons."""
    safe = np.maximum(means, 1)
    inverse = safe**2 / 4 + np.sqrt(1.5) / 4 / safe - 11 / 8 / safe**2
    inverse += 5 * np.sqrt(1.5) / 8 / safe**3 - 1 / 8 - variance
    return np.maximum(inverse, 0)


@lru_cache(maxsize=32)
def _table(variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean counts, and what the transform's mean is at each: float64 KNOTS, both rising.

    variance: of the normal part, in squared photons.
    """
    photons = MANY_PHOTONS * np.linspace(0, 1, KNOTS) ** 2  # the transform bends most near black
    return photons, expected(photons, variance)


def expected(photons: np.ndarray, variance: float) -> np.ndarray:
    """Integrate the transform over the noise.

    Args:
        photons: Mean counts, N.
        variance: Of the normal part, in squared photons.

    Returns:
        The mean of the stabilised values, N.
    """
    counts = np.arange(np.ceil(photons.max() + 12 * np.sqrt(photons.max()) + 40))
    rate = photons[:, None]
    chance = np.exp(xlogy(counts, rate) - rate - gammaln(counts + 1))
    return chance @ _mean_root(counts + 3 / 8 + variance, variance)


def _mean_root(mean: np.ndarray, variance: float) -> np.ndarray:
    """Integrate 2 sqrt(max(y, 0)) over a normal variable y, by Gauss and Legendre.

    The variable is u = sqrt(y), in which nothing has a kink at 0.
    """
    if variance == 0:
        return 2 * np.sqrt(mean)
    std = np.sqrt(variance)
    low, high = (np.sqrt(np.maximum(mean + side * std, 0))[:, None] for side in (-REACH, REACH))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    root = (low + high) / 2 + (high - low) / 2 * nodes
    density = np.exp(-(((root**2 - mean[:, None]) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))
    return ((high - low) / 2 * (2 * root * density * 2 * root)) @ weights
