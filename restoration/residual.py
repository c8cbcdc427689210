"""What a denoiser has taken away: it should look like noise.

C channels, H x W pixels.
"""

import math
from typing import NamedTuple

import numpy as np

from restoration.noise_level import clipped_moments

STEPS = 4096  # of the table over the brightness
LEAST_STD = 1 / 255 / math.sqrt(12)  # of the noise: what rounding to 8 bits makes


class Residual(NamedTuple):
    """Of the noisy picture minus the restored one.

    mean, std: in units of the [0, 1] range.
    explained_mean: of what cutting the noise to [0, 1] adds, if the restored picture is right.
    strength: root mean square of the whitened residual: 1 for noise as strong as was estimated.
    across, down: autocorrelation of the whitened residual between neighbours: near 0 for white
        noise, and 0 where nothing was taken away or there are no neighbours.
    white: half the width of the interval in which 95 % of the autocorrelations of white noise are.

    The whitened residual is that less its expected mean, in each pixel's expected standard
    deviation, both as cutting leaves them. Where the noise could not be estimated, it is the
    residual less its mean, and `strength` and `explained_mean` are None.
    """

    mean: float
    std: float
    explained_mean: float | None
    strength: float | None
    across: float
    down: float
    white: float


def residual_of(noisy: np.ndarray, restored: np.ndarray, noise_std: float | None) -> Residual:
    """noisy, restored: float32 C H W, in [0, 1] but for rounding and for noise that was not cut.
    noise_std: as estimated."""
    residual = noisy - restored
    mean, std = float(residual.mean(dtype=np.float64)), float(residual.std(dtype=np.float64))
    if noise_std is None:
        white, explained, strength = residual - np.float32(mean), None, None
    else:
        means, stds = _expected(restored, max(noise_std, LEAST_STD))
        explained = float((means - restored).mean(dtype=np.float64))
        white = (noisy - means) / stds
        strength = math.sqrt(np.square(white).mean(dtype=np.float64))
    power = float(np.square(white).mean(dtype=np.float64))
    return Residual(
        mean,
        std,
        explained,
        strength,
        correlation(white[..., 1:], white[..., :-1], power),
        correlation(white[:, 1:], white[:, :-1], power),
        1.96 / math.sqrt(residual.size),
    )


def _expected(restored: np.ndarray, std: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the noisy pixels, were the restored ones right."""
    means, variances = clipped_moments(np.linspace(0, 1, STEPS + 1), std)
    place = np.rint(restored * STEPS).clip(0, STEPS).astype(np.int16)
    return means.astype(np.float32)[place], np.sqrt(variances).astype(np.float32)[place]


def correlation(first: np.ndarray, second: np.ndarray, power: float) -> float:
    """Mean product over the power, or 0 where there is nothing to multiply."""
    if first.size == 0 or power == 0:
        return 0.0
    return float((first * second).mean(dtype=np.float64)) / power
