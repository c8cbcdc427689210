"""Restores a picture whose noise grows with the light by a method for white noise.

C channels, H x W pixels.
"""

from collections.abc import Callable

import numpy as np

from estimation.anscombe import SensorNoise, stabilised, unstabilised
from estimation.sensor_noise import estimate_sensor_noise

# The least share of the noise's variance at mean brightness that grows with the light. With less,
# the noise is as even as it needs to be, and the estimate is uncertain.
GROWING = 0.5


def estimate_growing(noisy: np.ndarray) -> SensorNoise | None:
    """Estimate noise that grows with the light. None if the noise is even or cannot be estimated.

    Args:
        noisy: C H W, 0 for black and 1 for white.
    """
    noise = estimate_sensor_noise(noisy)
    if noise is None:
        return None
    growing = noise.a * max(float(noisy.mean(dtype=np.float64)), 0.0)
    return noise if growing > GROWING * (growing + noise.b) else None


def restored_evenly(
    restore: Callable[[np.ndarray], np.ndarray], noisy: np.ndarray, noise: SensorNoise
) -> np.ndarray:
    """Make the variance of the noise even, restore the picture, and go back.

    Args:
        restore: Restores a picture with values from 0 to 1, C H W to C H W, both float32.
        noisy: float32 C H W.
        noise: Its noise.

    Returns:
        The restored picture, float32 C H W in [0, 1].
    """
    even = stabilised(noisy.astype(np.float64), noise)
    low, high = float(even.min()), float(even.max())
    width = high - low or 1.0
    restored = restore(((even - low) / width).astype(np.float32)).astype(np.float64)
    means = restored * width + low
    return unstabilised(means, noise).clip(0, 1).astype(np.float32)
