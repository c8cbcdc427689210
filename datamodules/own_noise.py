"""What noisy pictures say of their own noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from estimation.noise_correlation import NoiseCorrelation, noise_correlation
from estimation.noise_level import estimate_std
from estimation.stabilising import estimate_growing


class OwnNoise(NamedTuple):
    """The noise of some pictures.

    Attributes:
        std: The median of their standard deviations. None if it cannot be estimated.
        grows: Whether it grows with the light, in most of them.
        cut: The share of the values that are black or white where none is beyond, so that noise
            was cut there.
        correlation: Of neighbouring pixels. None if it cannot be estimated.
    """

    std: float | None
    grows: bool
    cut: float
    correlation: NoiseCorrelation | None

    @property
    def reach(self) -> tuple[int, int]:
        """How many pixels down and across noise is shared."""
        return self.correlation.reach if self.correlation else (0, 0)


def noise_of(pictures: Sequence[np.ndarray]) -> OwnNoise:
    """Estimate the noise of pictures, float C H W each, 0 for black and 1 for white."""
    stds = [std for std in map(estimate_std, pictures) if std is not None]
    growing = [estimate_growing(picture) is not None for picture in pictures]
    return OwnNoise(
        float(np.median(stds)) if stds else None,
        2 * sum(growing) > len(pictures),
        float(np.mean([_share_cut(picture) for picture in pictures])),
        noise_correlation(pictures),
    )


def _share_cut(picture: np.ndarray) -> float:
    low, high = picture.min(), picture.max()
    black = float((picture == 0).mean()) if low == 0 else 0.0
    return black + (float((picture == 1).mean()) if high == 1 else 0.0)
