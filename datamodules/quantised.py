"""Pictures in 8 bits a sample, or in 16 if they have more.

C channels, H x W pixels.
"""

import numpy as np

# A sample this close to a level of 8 bits is on it. Levels of 16 bits lie 4 times this far apart.
EXACT = 1e-3
LUMA = np.array([19_595, 38_470, 7_471], np.uint32)[:, None, None]  # of ITU-R BT.601, times 2^16


def quantised(image: np.ndarray, channels: int) -> np.ndarray:
    """Quantise a picture to 8 bits if they hold it exactly, else to 16.

    Args:
        image: float C H W. Values outside of [0, 1] are cut.
        channels: 1 makes colours grey; 3 repeats grey.

    Returns:
        uint8 or uint16 C H W.
    """
    image = image.clip(0, 1)
    levels = image * 255
    deep = np.abs(levels - np.rint(levels)).max() > EXACT
    samples = np.rint(image * (2**16 - 1) if deep else levels).astype(np.uint32)
    if len(samples) > channels:
        samples = ((samples * LUMA).sum(0, dtype=np.uint32, keepdims=True) + 2**15) >> 16
    samples = np.broadcast_to(samples, (channels, *samples.shape[1:]))
    return samples.astype(np.uint16 if deep else np.uint8)


def of_16_bits(samples: np.ndarray) -> np.ndarray:
    """Scale uint8 to uint16. uint16 stays as it is."""
    return samples if samples.dtype == np.uint16 else samples.astype(np.uint16) * 257
