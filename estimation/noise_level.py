"""An estimate of the noise in a picture, from the picture alone.

The model is a clean picture in [0, 1] plus white Gaussian noise, clipped to [0, 1] as a file's
pixels are. Clipping weakens the noise where the picture is dark or bright: a black pixel loses half
of it.

N patches, C channels, H x W pixels.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtr
from scipy.stats import chi2

# The operator of Immerkær (1996). Its response to constant or linear brightness is 0.
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
GAIN = (LAPLACIAN**2).sum()
PATCH = 5  # pixels on a side; the picture is assumed to be even within a patch
# The operator at each place in a patch: places x pixels.
ANSWERS = np.array(
    [
        np.pad(LAPLACIAN, ((y, PATCH - 3 - y), (x, PATCH - 3 - x))).flatten()
        for y in range(PATCH - 2)
        for x in range(PATCH - 2)
    ]
)
# Neighbouring responses share pixels, so a patch's mean square response to noise is a quadratic
# form. It is approximated by a chi-squared variable of the same variance, with these degrees of
# freedom.
FREEDOM = (len(ANSWERS) * GAIN) ** 2 / np.square(ANSWERS @ ANSWERS.T).sum()
FEWEST_PATCHES = 100
MOST_PATCHES = 20_000
STEPS = 512  # of brightness, in the table of moments
LOWEST, HIGHEST = 1e-4, 2.0  # standard deviations
HALVINGS = 24
TINY = 1e-30  # the least variance, since rounding may make it negative


def estimate_std(picture: np.ndarray) -> float | None:
    """Estimate the standard deviation of the noise before it was clipped.

    The Laplacian's responses differ between patches, by chance and by structure in the picture.
    Only the median response counts: the estimate is the standard deviation at which half of all
    patches without structure would respond more strongly. The expected response of a patch depends
    on its mean, to account for clipping. Patches that are all black or all white do not count.

    The estimate is too low for noise that is not white, as in a JPEG. It is too high for weak noise
    if more than half of a picture is fine texture.

    Args:
        picture: C H W in [0, 1]. The noise is assumed to be equally strong in all channels.

    Returns:
        The standard deviation, in units of the [0, 1] range. 0.0 if no noise is found. None if
        fewer than a hundred patches count, or if they respond more strongly than to any noise.
    """
    means, variances = patch_statistics(picture)
    if len(means) < FEWEST_PATCHES:
        return None
    median = chi2.median(FREEDOM) / FREEDOM  # of a patch's variance, relative to the mean
    clean = np.linspace(0, 1, STEPS)

    def noisier_than(std: float) -> bool:
        mean, variance = clipped_moments(clean, std)
        return bool(np.median(variances / np.interp(means, mean, variance)) > median)

    if noisier_than(HIGHEST):
        return None
    if not noisier_than(LOWEST):
        return 0.0
    low, high = LOWEST, HIGHEST
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if noisier_than(middle) else (low, middle)
    return low


def patch_statistics(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure the mean and the variance of each patch, by the Laplacian's responses: float64 N.

    Patches that are all black or all white are left out. In a patch without structure, the variance
    is that of the noise times a chi-squared variable of mean 1 and `FREEDOM` degrees of freedom.
    """
    patches = _patches(picture)
    patches = patches[~((patches <= 0) | (patches >= 1)).all((1, 2))]
    answers = patches.reshape(len(patches), PATCH**2) @ ANSWERS.T
    return patches.mean((1, 2)), np.square(answers).mean(1) / GAIN


def clipped_moments(clean: np.ndarray, std: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and variance of pixels with Gaussian noise that is clipped to [0, 1].

    They are those of a normal variable that is censored on both sides (Foi 2009).

    Args:
        clean: The clean pixels, in [0, 1].
        std: The standard deviation before clipping.
    """
    low, high = -clean / std, (1 - clean) / std
    at_low, at_high = (np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) for z in (low, high))
    inside, above = ndtr(high) - ndtr(low), ndtr(-high)
    mean = clean * inside + std * (at_low - at_high) + above
    square = (clean**2 + std**2) * inside + 2 * clean * std * (at_low - at_high)
    square += std**2 * (low * at_low - high * at_high) + above
    return mean, np.maximum(square - mean**2, TINY)


def _patches(picture: np.ndarray) -> np.ndarray:
    """Return patches of all channels, evenly spread: N PATCH PATCH."""
    if min(picture.shape[1:]) < PATCH:
        return np.empty((0, PATCH, PATCH))
    windows = sliding_window_view(picture, (PATCH, PATCH), (1, 2))
    count = math.prod(windows.shape[:3])
    step = math.ceil(math.sqrt(count / MOST_PATCHES))
    return windows[:, ::step, ::step].reshape(-1, PATCH, PATCH).astype(np.float64)
