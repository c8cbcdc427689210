"""The baselines that a denoiser is compared with, fitted and tuned for one noise.

They know the noise. They learn from training images, and are tuned on the first validation images.
They never see the images that are scored.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

import torch
from torch import Tensor

from baselines.filters import BM3D, BM3D_CURE, FILTERS, Cost, Filter
from baselines.linear import ROWS, projections, regressions
from baselines.mean_curve import InverseMean
from datamodules.noise import Noise
from denoisers.metrics import psnr
from groundwork.batch import Batch

Which = Literal["none", "fast", "all"]
Restore = Callable[[Tensor], Tensor]

TUNED_ON: dict[Cost, int] = {"low": 200, "medium": 200, "high": 20}  # validation images
LEAST_STD = 1e-3  # the filters divide by the noise's standard deviation
LINEAR_UP_TO = 3_072  # values in an image; time grows with their cube, and 4,096 take minutes
RANKS = (4, 8, 16, 32, 64, 128, 256, 512)
RIDGES = (1e-6, 1e-4, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Baseline:
    """A fitted method that needs no gradients.

    Attributes:
        name: The name in tables.
        restore: B C H W -> B C H W in [0, 1], on the CPU.
        settings: The settings that tuning has chosen.
        cost: The time for an image, as in `Filter`.
    """

    name: str
    restore: Restore
    settings: dict[str, Any]
    cost: Cost


def require_available(which: Which) -> None:
    """Check that the packages of the chosen baselines are installed.

    Raises:
        ValueError: BM3D is chosen, and its package is missing.
    """
    if which == "all" and find_spec("bm3d") is None:
        raise ValueError(f"baselines=all needs BM3D: {BM3D_CURE}")


def baselines(
    which: Which, training: Callable[[], Batch], validation: Batch, noise: Noise
) -> Iterator[Baseline]:
    """Yield the chosen baselines. Each is fitted when it is asked for.

    If images have too many values for the linear methods, these are left out, with a warning.

    Args:
        which: "all" is "fast" and BM3D.
        training: Makes noisy training images, on the CPU. It is called if a baseline learns.
        validation: Noisy validation images, on the CPU.
        noise: The noise of both.

    Raises:
        ValueError: As in `require_available`.
    """
    require_available(which)
    if which == "none":
        return
    unbiased = InverseMean(noise)
    around_mean = validation.noisy - unbiased.mean(validation.clean)
    std = max(around_mean.square().mean().sqrt().item(), LEAST_STD)
    for each in FILTERS if which == "fast" else (*FILTERS, BM3D):
        filtered = partial(_filter, each, std, unbiased)
        yield _tuned(each.name, each.setting, each.values, filtered, validation, each.cost)
    values = validation.clean[0].numel()
    if values > LINEAR_UP_TO:
        limit = f"images of {values:,} values, over {LINEAR_UP_TO:,}"
        warnings.warn(f"no PCA and no linear baseline for {limit}", stacklevel=2)
        return
    learned_from = training()
    clean, noisy = learned_from.clean.flatten(1), learned_from.noisy.flatten(1)
    # PCA is fitted to the means of noisy images, so that their bias is removed after it.
    means = torch.cat([unbiased.mean(part) for part in clean.split(ROWS)])
    projected = _then(unbiased, projections(means))
    yield _tuned("PCA", "rank", RANKS, projected, validation, "low")
    mapped = _then(_cut, regressions(noisy, clean))
    yield _tuned("linear (Wiener)", "ridge", RIDGES, mapped, validation, "low")


def _tuned(
    name: str,
    setting: str,
    values: Sequence[Any],
    with_value: Callable[[Any], Restore],
    validation: Batch,
    cost: Cost,
) -> Baseline:
    """Choose the value of the setting with the highest mean PSNR on validation images."""
    noisy, clean = (part[: TUNED_ON[cost]] for part in (validation.noisy, validation.clean))
    scores = {value: psnr(with_value(value)(noisy), clean).mean().item() for value in values}
    best = max(scores, key=scores.__getitem__)
    return Baseline(name, with_value(best), {setting: best}, cost)


def _filter(each: Filter, std: float, unbiased: Restore, value: Any) -> Restore:
    last = unbiased if each.averages else _cut
    return lambda noisy: last(torch.from_numpy(each.apply(noisy.numpy(), std, value)))


def _then(last: Restore, with_value: Callable[[Any], Restore]) -> Callable[[Any], Restore]:
    """Append `last` to what `with_value` makes."""

    def composed(value: Any) -> Restore:
        first = with_value(value)
        return lambda noisy: last(first(noisy))

    return composed


def _cut(images: Tensor) -> Tensor:
    return images.clamp(0, 1)
