"""Classical filters of single images.

All take and return float32 B C H W. Libraries are imported when a filter runs.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Cost = Literal["low", "medium", "high"]
BM3D_CURE = (
    "its package, whose licence is for non-commercial use only, is absent: pip install '.[bm3d]'"
)


class Filter(NamedTuple):
    """A filter and the values of its one setting, from which tuning chooses.

    Attributes:
        name: The name in tables.
        apply: The function. Its arguments are noisy images, the noise's standard deviation and a
            value of the setting.
        setting: The name of the setting.
        values: Its values.
        cost: The time for an image. It is "low" for microseconds, "medium" for milliseconds and
            "high" for hundreds of milliseconds.
        averages: Whether the filter estimates the mean of noisy pixels. A median does not, since
            clipping the noise to [0, 1] leaves the median of a pixel where it was.
    """

    name: str
    apply: Callable[[Images, float, Any], Images]
    setting: str
    values: Sequence[float]
    cost: Cost
    averages: bool = True


def median(noisy: Images, std: float, size: int) -> Images:
    """Take the median of a window of `size` x `size` pixels."""
    from scipy.ndimage import median_filter

    return median_filter(noisy, (1, 1, size, size))


def gaussian(noisy: Images, std: float, sigma: float) -> Images:
    """Average with a Gaussian window of standard deviation `sigma`, in pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(noisy, (0, 0, sigma, sigma))


def wavelets(noisy: Images, std: float, factor: float) -> Images:
    """Shrink wavelet coefficients by a soft threshold (Donoho and Johnstone 1994).

    The threshold is factor * std * sqrt(2 log(H W)). There are two levels of Haar wavelets,
    averaged over all shifts of their grid (Coifman and Donoho 1995).
    """
    import pywt

    height, width = noisy.shape[2:]
    to_multiple_of_4 = (0, 0), (0, 0), (0, -height % 4), (0, -width % 4)
    padded = np.pad(noisy, to_multiple_of_4, "symmetric")
    threshold = factor * std * math.sqrt(2 * math.log(height * width))
    smooth, *details = pywt.swt2(padded, "haar", level=2, trim_approx=True, axes=(2, 3))
    # pywt's own soft threshold divides by the coefficients, which is 0 / 0 in images of one pixel.
    shrunk = [
        tuple(np.sign(part) * np.maximum(np.abs(part) - threshold, 0) for part in level)
        for level in details
    ]
    restored: Images = pywt.iswt2([smooth, *shrunk], "haar", axes=(2, 3))
    return restored[..., :height, :width]


def total_variation(noisy: Images, std: float, weight: float) -> Images:
    """Minimise total variation (Rudin, Osher and Fatemi 1992) by Chambolle's (2004) algorithm.

    The total variation counts by `weight`, in units of `std`.
    """
    from skimage.restoration import denoise_tv_chambolle

    return _each(noisy, partial(denoise_tv_chambolle, weight=weight * std, channel_axis=-1))


def non_local_means(noisy: Images, std: float, h: float) -> Images:
    """Average pixels with similar surroundings (Buades, Coll and Morel 2005).

    The patches have 5 x 5 pixels and are at most 6 pixels apart. `h` is the cut-off of the distance
    between patches, in units of `std`.
    """
    from skimage.restoration import denoise_nl_means

    settings = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "channel_axis": -1}
    return _each(noisy, partial(denoise_nl_means, h=h * std, sigma=std, **settings))


def bm3d(noisy: Images, std: float, factor: float) -> Images:
    """Apply BM3D (Dabov, Foi, Katkovnik and Egiazarian 2007) for noise of `factor * std`.

    Blocks of colour images are matched by luminance alone, as in CBM3D.
    """
    import bm3d

    block_matching = bm3d.bm3d_rgb if noisy.shape[1] == 3 else bm3d.bm3d
    return _each(noisy, partial(block_matching, sigma_psd=factor * std))


def _each(noisy: Images, restore: Callable[[Images], Any]) -> Images:
    """Restore each image as H W C. Some filters return grey ones as H W."""
    images = noisy.transpose(0, 2, 3, 1)
    restored = [np.reshape(restore(image), image.shape) for image in images]
    return np.stack(restored, dtype=np.float32).transpose(0, 3, 1, 2)


FILTERS = (
    Filter("median filter", median, "size", (3, 5, 7, 9), "low", averages=False),
    Filter("Gaussian filter", gaussian, "sigma", (0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8), "low"),
    Filter("wavelets", wavelets, "factor", (0.2, 0.3, 0.4, 0.5, 0.7, 1.0), "low"),
    Filter("total variation", total_variation, "weight", (0.5, 0.7, 1.0, 1.4, 2.0, 2.8), "medium"),
    Filter("non-local means", non_local_means, "h", (0.4, 0.5, 0.6, 0.8, 1.0, 1.2), "medium"),
)
BM3D = Filter("BM3D", bm3d, "factor", (0.7, 0.85, 1.0, 1.2), "high")
