"""Over how many pixels the noise of a picture is shared, judged by its flattest parts.

N patches, C channels, H x W pixels.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SIDE = 16  # pixels of a patch
FARTHEST = 6  # pixels between two whose noise is compared
FLATTEST = (
    0.25  # the share of the patches that count; fewer would be those that vary least by chance
)
FEWEST = 20  # patches that must count
SHARED = 0.15  # weaker correlations are those of chance and texture
_line = np.linspace(-1, 1, SIDE)
# Brightness that is constant or rises evenly, orthonormal: 3 x SIDE^2.
EVEN = np.stack(
    [np.ones((SIDE, SIDE)), np.tile(_line, (SIDE, 1)), np.tile(_line[:, None], SIDE)]
).reshape(3, -1)
EVEN /= np.linalg.norm(EVEN, axis=1, keepdims=True)


class NoiseCorrelation(NamedTuple):
    """Autocorrelation of the noise, at 1 to `FARTHEST` pixels.

    Attributes:
        down: Between pixels above each other.
        across: Between pixels beside each other.
    """

    down: tuple[float, ...]
    across: tuple[float, ...]

    @property
    def reach(self) -> tuple[int, int]:
        """How many pixels down and across noise is shared. White noise has (0, 0)."""
        down, across = (
            max((lag for lag, r in enumerate(found, 1) if abs(r) > SHARED), default=0)
            for found in self
        )
        return down, across

    @property
    def strongest(self) -> float:
        return max(self.down + self.across, key=abs)


def noise_correlation(pictures: Sequence[np.ndarray]) -> NoiseCorrelation | None:
    """Measure how neighbours share the noise in the patches that vary least.

    What rises evenly is subtracted from each patch. In the flattest quarter, hardly more than noise
    is left; if a picture has no flat part, its texture counts as noise.

    Args:
        pictures: C H W each.

    Returns:
        None if too few patches have any noise.
    """
    patches = np.concatenate([_patches(picture) for picture in pictures])
    patches -= patches @ EVEN.T @ EVEN
    power = np.square(patches).mean(1)
    patches, power = patches[power > 0], power[power > 0]
    count = math.ceil(FLATTEST * len(patches))
    if count < FEWEST:
        return None
    chosen = np.argsort(power, kind="stable")[:count]
    noise = (patches[chosen] / np.sqrt(power[chosen, None])).reshape(-1, SIDE, SIDE)
    lags = range(1, FARTHEST + 1)
    return NoiseCorrelation(
        tuple(float((noise[:, lag:] * noise[:, :-lag]).mean()) for lag in lags),
        tuple(float((noise[..., lag:] * noise[..., :-lag]).mean()) for lag in lags),
    )


def _patches(picture: np.ndarray) -> np.ndarray:
    """Cut a picture into patches: float64 N SIDE^2."""
    channels, height, width = picture.shape
    rows, columns = height // SIDE, width // SIDE
    whole = picture[:, : rows * SIDE, : columns * SIDE].astype(np.float64)
    parts = whole.reshape(channels, rows, SIDE, columns, SIDE).swapaxes(2, 3)
    return parts.reshape(-1, SIDE**2)
