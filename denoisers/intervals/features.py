"""What tells where a network errs: local properties of the noisy and of the restored image.

All of them take a few operations on each pixel, and no further pass of the network. Each channel
is looked at on its own. Images are B C H W.
"""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

# Pixels on a side of the windows around each pixel.
NEAR, FAR, WIDE = 3, 5, 7
COUNT = 12


def features(noisy: Tensor, restored: Tensor) -> Iterator[Tensor]:
    """Yield `COUNT` properties of each pixel, one at a time, since large pictures fill the memory.

    They are the restored brightness, its standard deviation in windows of 3 and 5 pixels, its mean
    over 5 pixels, and the mean absolute value of what was taken away, over 3 and 7 pixels. The
    square root of each follows it, since errors do not grow evenly with them.

    Args:
        noisy: The network's input.
        restored: Its output, in [0, 1].

    Yields:
        float32 B C H W, not negative.
    """
    yield from _with_root(restored)
    yield from _with_root(_deviation(restored, NEAR))
    yield from _with_root(_deviation(restored, FAR))
    yield from _with_root(_mean(restored, FAR))
    taken = (noisy - restored).abs()
    yield from _with_root(_mean(taken, NEAR))
    yield from _with_root(_mean(taken, WIDE))


def _with_root(values: Tensor) -> Iterator[Tensor]:
    yield values
    yield values.clamp(min=0).sqrt()


def _mean(images: Tensor, side: int) -> Tensor:
    """Average windows around each pixel. Beyond the border, the last pixel is repeated."""
    padded = F.pad(images, [side // 2] * 4, mode="replicate")
    return F.avg_pool2d(padded, side, stride=1)


def _deviation(images: Tensor, side: int) -> Tensor:
    variance = _mean(images.square(), side) - _mean(images, side).square()
    return variance.clamp(min=0).sqrt()  # rounding may make it negative
