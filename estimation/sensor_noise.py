"""How noise grows with the light, judged by one picture alone.

N patches, C channels, H x W pixels.
"""

import math

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit, gammaln

from estimation.anscombe import SensorNoise
from estimation.noise_level import FEWEST_PATCHES, FREEDOM, clipped_moments, patch_statistics

STEPS = 256  # of the table over the brightness
LEAST, MOST = 1e-9, 4.0  # variances
STRUCTURE = 1 / 12  # density over the log of the variance of patches with structure
STARTS = (0.01, 0.5, 0.99)  # shares of the variance at white that grow with the light


def estimate_sensor_noise(picture: np.ndarray) -> SensorNoise | None:
    """Estimate a and b of a noise whose variance is a x + b for a clean value x.

    Patches either are even, so that their variance is that of the noise times a chi-squared
    variable, or have structure and may have any variance. Both kinds are fitted by maximum
    likelihood, together with their share. No brightness needs many patches. Where the picture has
    no value outside of [0, 1], the noise is taken to be cut, as Foi (2009) describes.

    On five photographs of scikit-image, the standard deviation at the median brightness was off by
    at most 10 % in most; fine texture makes weak noise too high, by up to 39 % at a = 0.001 and b =
    0.0001. Where less than a photon is counted and values are cut, it was off by up to 20 %.

    Args:
        picture: C H W, 0 for black and 1 for white. The channels have the same noise.

    Returns:
        The noise, or None where it cannot be told: fewer than a hundred patches say something.
    """
    means, variances = patch_statistics(picture)
    if len(means) < FEWEST_PATCHES or not np.median(variances) > 0:
        return None
    cut = picture.min() >= 0 and picture.max() <= 1
    grid = np.linspace(0, 1, STEPS)
    logs = np.log(np.maximum(variances, LEAST * 1e-3))

    def unlikelihood(guess: np.ndarray) -> float:
        a, b = np.exp(np.clip(guess[:2], math.log(LEAST), math.log(MOST)))
        if cut:
            expected = np.interp(means, *clipped_moments(grid, np.sqrt(a * grid + b)))
        else:
            expected = a * np.maximum(means, 0) + b
        log_ratio = logs - np.log(expected)
        even = np.exp(EVEN + FREEDOM / 2 * (log_ratio - np.exp(log_ratio)))
        share = expit(guess[2])
        return -float(np.log(share * even + (1 - share) * STRUCTURE).mean())

    # Even where most patches have structure, some have little.
    level = float(np.quantile(variances, 0.3)) / max(float(means.mean()), 0.05)
    level = max(level, LEAST)  # smooth parts of a JPEG have no variance at all
    guesses = [np.array([math.log(level * s), math.log(level * (1 - s)), 0.0]) for s in STARTS]
    found = min((minimize(unlikelihood, g, method="Nelder-Mead") for g in guesses), key=_badness)
    a, b = np.exp(np.clip(found.x[:2], math.log(LEAST), math.log(MOST)))
    return SensorNoise(float(a), float(b))


def _badness(result: OptimizeResult) -> float:
    return float(result.fun)


# Log density of the log of a chi-squared variable over its mean, less what depends on its value.
EVEN = FREEDOM / 2 * math.log(FREEDOM / 2) - float(gammaln(FREEDOM / 2))
