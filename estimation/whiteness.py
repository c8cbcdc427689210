"""Whether noise is white: whether its values at neighbouring pixels know nothing of each other.

C channels, H x W pixels.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

# Rows and columns between two pixels. Demosaicking and JPEG correlate pixels over two and more.
LAGS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
CORRELATED = 0.1  # weaker correlations are those that a good restoration leaves behind


class Whiteness(NamedTuple):
    """What the autocorrelation of some noise says.

    Attributes:
        correlations: One for each of `LAGS`, 0 for white noise.
        strongest: The one that is furthest from 0, without its sign.
        chance: The probability that white noise has correlations as large (Box and Pierce 1970). In
            large pictures, a trace of structure makes it 0.
        white: Whether the noise may be treated as white: it is by chance, or no correlation is
            above `CORRELATED`.
    """

    correlations: tuple[float, ...]
    strongest: float
    chance: float
    white: bool


def whiteness(noise: np.ndarray) -> Whiteness:
    """Test noise of an even variance.

    Args:
        noise: C H W, such as a stabilised picture minus the restored one.
    """
    noise = noise - noise.mean(dtype=np.float64)
    power = float(np.square(noise).mean())
    _, height, width = noise.shape
    found, statistic = [], 0.0
    for down, right in LAGS:
        upper, lower = noise[:, : max(height - down, 0)], noise[:, down:]
        if right < 0:
            upper, lower, right = lower, upper, -right
        first, second = upper[..., : max(width - right, 0)], lower[..., right:]
        found.append(mean_product(first, second) / power if power else 0.0)
        statistic += first.size * found[-1] ** 2
    chance = float(chi2.sf(statistic, len(LAGS)))
    strongest = max(map(math.fabs, found))
    return Whiteness(tuple(found), strongest, chance, chance > 0.01 or strongest < CORRELATED)


def mean_product(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean product, or 0 where there is nothing to multiply."""
    return float((first * second).mean(dtype=np.float64)) if first.size else 0.0
