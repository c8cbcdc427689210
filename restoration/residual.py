"""The residual: what a denoiser has taken away, which should look like noise.

C channels, H x W pixels.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from estimation.noise_level import clipped_moments
from estimation.whiteness import mean_product

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
    # One channel after another, since a picture may have many megapixels.
    channels = [*zip(noisy, restored, strict=True)]
    mean, std = mean_and_std(one - other for one, other in channels)
    found = []
    for one, other in channels:
        if noise_std is None:
            white, explained = one - other, 0.0
            white -= np.float32(mean)
        else:
            white, stds = _expected(other, max(noise_std, LEAST_STD))
            explained = float((white - other).mean(dtype=np.float64))
            np.subtract(one, white, out=white)
            white /= stds
        across = mean_product(white[:, 1:], white[:, :-1])
        down = mean_product(white[1:], white[:-1])
        found.append((explained, mean_product(white, white), across, down))
    explained, power, across, down = np.mean(found, 0).tolist()
    known = noise_std is not None
    return Residual(
        mean,
        std,
        explained if known else None,
        math.sqrt(power) if known else None,
        across / power if power else 0.0,
        down / power if power else 0.0,
        1.96 / math.sqrt(noisy.size),
    )


def mean_and_std(channels: Iterable[np.ndarray]) -> tuple[float, float]:
    """Return the mean and the standard deviation of all channels, which are of one size.

    numpy would copy all of them to float64 at once.
    """
    moments = [(one.mean(dtype=np.float64), one.var(dtype=np.float64)) for one in channels]
    means, variances = np.transpose(moments)
    return float(means.mean()), math.sqrt(variances.mean() + means.var())


def _expected(restored: np.ndarray, std: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the noisy pixels if the restored ones are right."""
    means, variances = clipped_moments(np.linspace(0, 1, STEPS + 1), std)
    place = np.rint(restored * STEPS).clip(0, STEPS).astype(np.int16)
    return means.astype(np.float32)[place], np.sqrt(variances).astype(np.float32)[place]
