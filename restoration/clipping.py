"""The bias of a picture whose noise was cut to [0, 1], and its correction."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from baselines.mean_curve import InverseMean
from datamodules.noise import Gaussian


def is_clipped(noisy: np.ndarray) -> bool:
    """Tell whether the noise was cut: some values are exactly black or white, none is outside."""
    low, high = noisy.min(), noisy.max()
    return bool(low >= 0 and high <= 1 and (low == 0 or high == 1))


def clean_from_means(noisy: np.ndarray, std: float) -> Callable[[Tensor], Tensor]:
    """Return what maps the means of noisy pixels, of any shape, to clean pixels in [0, 1].

    Filters estimate the means. Where the noise was cut, these are too bright near black and too
    dark near white, which `InverseMean` corrects. Elsewhere they are only cut to [0, 1].

    Args:
        noisy: The picture that the means are of.
        std: Standard deviation of its noise before it was cut, above 0.
    """
    if is_clipped(noisy):
        return InverseMean(Gaussian(std, clip=True))
    return lambda means: torch.clamp(means, 0, 1)
