"""The measures of a restored picture, and their summary for the planes of a stack."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
import torch

from restoration.residual import Residual, residual_of
from restoration.scores import scores

Scores = dict[str, dict[str, float | None]]


class Measures(NamedTuple):
    """The measures of one picture.

    Attributes:
        noise_std: The standard deviation of the noise, given or estimated. None if it is unknown.
        residual: The measures of what was taken away.
        scores: PSNR and SSIM of the "noisy" and the "restored" picture. None without a clean one.
    """

    noise_std: float | None
    residual: Residual
    scores: Scores | None


def measure(
    noisy: np.ndarray, restored: np.ndarray, clean: np.ndarray | None, std: float | None
) -> Measures:
    """Measure a restored picture.

    Args:
        noisy, restored, clean: float32 C H W, 0 for black and 1 for white.
        std: The standard deviation of the noise. None if it is unknown.
    """
    pictures = {"noisy": noisy, "restored": restored}
    found = None
    if clean is not None:
        right = torch.from_numpy(clean)
        found = {name: scores(torch.from_numpy(p), right) for name, p in pictures.items()}
    return Measures(std, residual_of(noisy, restored, std), found)


def summary(planes: Sequence[Measures]) -> Measures:
    """Summarise the planes of a stack.

    Returns:
        The median of the noise's standard deviation, and the means of all else. Planes without a
        value do not count.
    """
    if len(planes) == 1:
        return planes[0]
    stds = [plane.noise_std for plane in planes if plane.noise_std is not None]
    columns = zip(*(plane.residual for plane in planes), strict=True)
    residual = Residual(*map(_mean, columns))  # type: ignore[arg-type]  # they have numbers
    scored = [plane.scores for plane in planes if plane.scores is not None]
    means = {
        name: {key: _mean([one[name][key] for one in scored]) for key in measured}
        for name, measured in (scored[0] if scored else {}).items()
    }
    return Measures(median(stds) if stds else None, residual, means or None)


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None
