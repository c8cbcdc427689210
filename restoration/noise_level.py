"""How strong the noise in a picture is, judged by the picture alone.

The model is a clean picture in [0, 1] plus white Gaussian noise, cut to [0, 1], as a file's pixels
have to be. Of it, cutting leaves less where the picture is dark or bright: half of a black pixel's.

N patches, C channels, H x W pixels.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtr
from scipy.stats import chi2

# Immerkær's (1996) operator: it answers to no brightness that is even or changes evenly.
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
GAIN = (LAPLACIAN**2).sum()
PATCH = 5  # pixels on a side, in which the picture is taken to be even
# The operator in all places of a patch: by place, and by pixel.
ANSWERS = np.array(
    [
        np.pad(LAPLACIAN, ((y, PATCH - 3 - y), (x, PATCH - 3 - x))).flatten()
        for y in range(PATCH - 2)
        for x in range(PATCH - 2)
    ]
)
# Degrees of freedom of a patch's mean square answer to noise: those of a chi-squared variable of
# the same variance, which is that of a quadratic form. Neighbouring answers see the same pixels.
FREEDOM = (len(ANSWERS) * GAIN) ** 2 / np.square(ANSWERS @ ANSWERS.T).sum()
FEWEST_PATCHES = 100
MOST_PATCHES = 20_000
STEPS = 512  # of the table over the brightness
LOWEST, HIGHEST = 1e-4, 2.0  # standard deviations
HALVINGS = 24
TINY = 1e-30  # variance, so that rounding makes none below it


def estimate_std(picture: np.ndarray) -> float | None:
    """Standard deviation of the noise, in units of the [0, 1] range, before it was cut.

    Patches of a noisy picture differ in how strongly the Laplacian answers, by chance and by the
    structure in them. So it is the median patch that counts: the std is the one at which half of
    all patches without structure would answer more strongly. What is expected of a patch takes
    account of what was cut, by the patch's mean. Patches that are black or white throughout say
    nothing.

    picture: C H W in [0, 1]; the channels' noise is taken to have the same strength.

    Returns 0.0 where no noise is to be seen, and None where it can't be told: there are less than a
    hundred patches that say something, or they answer more strongly than any noise. It is too low
    for noise that is not white, as a JPEG's, and too high for weak noise where more than half of a
    picture is fine texture.
    """
    means, variances = patch_statistics(picture)
    if len(means) < FEWEST_PATCHES:
        return None
    median = chi2.median(FREEDOM) / FREEDOM  # of a patch's variance, relative to its mean
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
    """Mean and variance of each patch, by the Laplacian's answers: float64 N.

    Patches that are black or white throughout are left out. In a patch without structure, the
    variance is that of the noise times a chi-squared variable of mean 1 and `FREEDOM` degrees.
    """
    patches = _patches(picture)
    patches = patches[~((patches <= 0) | (patches >= 1)).all((1, 2))]
    answers = patches.reshape(len(patches), PATCH**2) @ ANSWERS.T
    return patches.mean((1, 2)), np.square(answers).mean(1) / GAIN


def clipped_moments(clean: np.ndarray, std: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a clean pixel with Gaussian noise of this std, cut to [0, 1].

    Those of a normal variable that is censored on both sides (Foi 2009).
    """
    low, high = -clean / std, (1 - clean) / std
    at_low, at_high = (np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) for z in (low, high))
    inside, above = ndtr(high) - ndtr(low), ndtr(-high)
    mean = clean * inside + std * (at_low - at_high) + above
    square = (clean**2 + std**2) * inside + 2 * clean * std * (at_low - at_high)
    square += std**2 * (low * at_low - high * at_high) + above
    return mean, np.maximum(square - mean**2, TINY)


def _patches(picture: np.ndarray) -> np.ndarray:
    """Patches of all channels, evenly spread: N PATCH PATCH."""
    if min(picture.shape[1:]) < PATCH:
        return np.empty((0, PATCH, PATCH))
    windows = sliding_window_view(picture, (PATCH, PATCH), (1, 2))
    count = math.prod(windows.shape[:3])
    step = math.ceil(math.sqrt(count / MOST_PATCHES))
    return windows[:, ::step, ::step].reshape(-1, PATCH, PATCH).astype(np.float64)
