"""The field's protocol: Gaussian noise that is neither cut nor rounded, results of 8 bits.

It is that of KAIR's test scripts (Zhang, https://github.com/cszn/KAIR), in whose tables the recent
networks stand. C channels, H x W pixels.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from restoration.scores import scores

WHITE = 255


def noisy(clean: NDArray[np.uint8], sigma: float) -> NDArray[np.float32]:
    """Return a picture with noise. The draws begin anew for each picture, as KAIR's do.

    Args:
        clean: C H W.
        sigma: The noise's standard deviation, of 255.

    Returns:
        C H W, 0 for black and 1 for white, also outside of these.
    """
    channels, height, width = clean.shape
    # Their pictures are H W C, and their generator is numpy's old one, which keeps its stream.
    random = np.random.RandomState(0)
    drawn = random.normal(0, sigma / WHITE, (height, width, channels))
    scaled = (clean / WHITE).astype(np.float32)
    return (scaled + np.moveaxis(drawn, -1, 0)).astype(np.float32)


def rounded(restored: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a restored picture as a file of 8 bits has it."""
    return (restored.clip(0, 1) * WHITE).round().astype(np.uint8)


def score(restored: NDArray[np.uint8], clean: NDArray[np.uint8]) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of a picture C H W, over all its pixels.

    SSIM is the mean over the channels, as in KAIR. A picture needs at least 11 pixels a side.
    """
    both = (torch.from_numpy(picture / WHITE) for picture in (restored, clean))  # float64
    found = scores(*both)
    assert found["psnr"] is not None
    assert found["ssim"] is not None
    return found["psnr"], found["ssim"]
