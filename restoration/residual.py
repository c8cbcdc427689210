"""The residual: what a denoiser has taken away, which should look like noise.

C channels, H x W pixels.
"""

import math
from typing import NamedTuple

import numpy as np

from estimation.noise_level import clipped_moments
from estimation.whiteness import correlation

STEPS = 4096  # of brightness, in the table of moments
LEAST_STD = 1 / 255 / math.sqrt(12)  # the noise of rounding to 8 bits


class Residual(NamedTuple):
    """Measures of the noisy picture minus the restored one.

    Some of them are measured on the whitened residual. From each pixel of the residual, its
    expected mean is subtracted, and the result is divided by its expected standard deviation, both
    for clipped noise. If the noise could not be estimated, only the mean of the residual is
    subtracted, and `strength` and `explained_mean` are None.

    Attributes:
        mean: In units of the [0, 1] range.
        std: In units of the [0, 1] range.
        explained_mean: The mean that clipping the noise to [0, 1] causes, if the restored picture
            is right.
        strength: Root mean square of the whitened residual. It is 1 if the residual is as strong as
            the estimated noise.
        across: Autocorrelation of the whitened residual between horizontal neighbours. It is near 0
            for white noise, and 0 if nothing was taken away or there are no neighbours.
        down: The same between vertical neighbours.
        white: 95 % of the autocorrelations of white noise are within ±white.
    """

    mean: float
    std: float
    explained_mean: float | None
    strength: float | None
    across: float
    down: float
    white: float


def residual_of(noisy: np.ndarray, restored: np.ndarray, noise_std: float | None) -> Residual:
    """Measure a residual.

    Args:
        noisy: float32 C H W. The values are in [0, 1], apart from noise that was not clipped.
        restored: float32 C H W. The values are in [0, 1], apart from rounding.
        noise_std: The estimated standard deviation of the noise, or None.
    """
    residual = noisy - restored
    mean, std = float(residual.mean(dtype=np.float64)), float(residual.std(dtype=np.float64))
    # In place where possible: a picture may have many megapixels.
    if noise_std is None:
        residual -= np.float32(mean)
        white, explained, strength = residual, None, None
    else:
        del residual
        means, stds = _expected(restored, max(noise_std, LEAST_STD))
        explained = float((means - restored).mean(dtype=np.float64))
        white = np.subtract(noisy, means, out=means)
        white /= stds
        del stds
        strength = math.sqrt(np.square(white).mean(dtype=np.float64))
    power = float(np.square(white).mean(dtype=np.float64))
    return Residual(
        mean,
        std,
        explained,
        strength,
        correlation(white[..., 1:], white[..., :-1], power),
        correlation(white[:, 1:], white[:, :-1], power),
        1.96 / math.sqrt(white.size),
    )


def _expected(restored: np.ndarray, std: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the noisy pixels if the restored ones are right."""
    means, variances = clipped_moments(np.linspace(0, 1, STEPS + 1), std)
    place = np.rint(restored * STEPS).clip(0, STEPS).astype(np.int16)
    return means.astype(np.float32)[place], np.sqrt(variances).astype(np.float32)[place]
