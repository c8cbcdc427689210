"""Pictures in 8 bits, or in 16 where they have more.

C channels, H x W pixels.
"""

import numpy as np

EXACT = 1e-3  # how near a level of 8 bits a sample is on it; those of 16 bits are 4 times as near
LUMA = np.array([19_595, 38_470, 7_471], np.uint32)[:, None, None]  # of ITU-R BT.601, times 2^16


def quantised(image: np.ndarray, channels: int) -> np.ndarray:
    """uint8 or uint16 C H W, whichever holds the picture."""
    image = image.clip(0, 1)
    levels = image * 255
    deep = np.abs(levels - np.rint(levels)).max() > EXACT
    samples = np.rint(image * (2**16 - 1) if deep else levels).astype(np.uint32)
    if len(samples) > channels:
        samples = ((samples * LUMA).sum(0, dtype=np.uint32, keepdims=True) + 2**15) >> 16
    samples = np.broadcast_to(samples, (channels, *samples.shape[1:]))
    return samples.astype(np.uint16 if deep else np.uint8)


def of_16_bits(samples: np.ndarray) -> np.ndarray:
    return samples if samples.dtype == np.uint16 else samples.astype(np.uint16) * 257
