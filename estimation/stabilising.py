"""Restores a picture whose noise grows with the light by a method for white noise.

C channels, H x W pixels.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from estimation.anscombe import SensorNoise, mean_stabilised, stabilised, unstabilised
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
    growing = noise.a * max(float(noisy.mean(dtype=np.float64)) - noise.black, 0.0)
    return noise if growing > GROWING * (growing + noise.b) else None


class Evening(NamedTuple):
    """Makes the variance of a picture's noise even, with values from 0 to 1, and goes back.

    Attributes:
        noise: The picture's.
        low, width: Where the picture's stabilised values begin, and how far they go.
    """

    noise: SensorNoise
    low: float
    width: float

    def of(self, noisy: np.ndarray) -> np.ndarray:
        """Transform noisy values: float32 of the same shape."""
        return self._scaled(stabilised(noisy.astype(np.float64), self.noise))

    def of_clean(self, clean: np.ndarray) -> np.ndarray:
        """Return the means to which noisy values are transformed, for clean ones: float32."""
        return self._scaled(mean_stabilised(clean.astype(np.float64), self.noise))

    def _scaled(self, even: np.ndarray) -> np.ndarray:
        return ((even - self.low) / self.width).astype(np.float32)

    def back(self, restored: np.ndarray) -> np.ndarray:
        """Return the clean values whose noisy ones have these means: float32 in [0, 1]."""
        means = restored.astype(np.float64) * self.width + self.low
        return unstabilised(means, self.noise).clip(0, 1).astype(np.float32)


def evening_of(noisy: np.ndarray, noise: SensorNoise) -> Evening:
    """Find how a picture with this noise is made even."""
    even = stabilised(noisy.astype(np.float64), noise)
    low, high = float(even.min()), float(even.max())
    return Evening(noise, low, high - low or 1.0)


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
    evening = evening_of(noisy, noise)
    return evening.back(restore(evening.of(noisy)))
