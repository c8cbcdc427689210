"""Intervals that are calibrated on one half of held-out images, with widths fitted to the other.

The guarantee, exactly: the network, its widths and the images that they were fitted to are given.
With probability 1 - delta over the images that calibrate, the expected share of an image's pixels
that lie outside of their intervals is at most 1 - level. It holds for images that are independent
of the calibrating ones and come from the same distribution, noise included. It says nothing about
a single image, a class or a range of brightness, where more may lie outside.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from torch import Tensor

from denoisers.intervals.risk import SCALES, fewest_images, scale_that_holds
from denoisers.intervals.widths import Images, Widths, fit
from groundwork.ranges import IntervalDelta, IntervalLevel
from groundwork.seeding import generator

ENTRY = "intervals"  # of a checkpoint's "run": a list of calibrations
Positive = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(ge=1)]


class Calibration(BaseModel):
    """Calibrated intervals, as a checkpoint keeps them.

    Attributes:
        noise: The node of the noise that the images had.
        symmetries: How many versions of an image the restored one was the average of.
        level: The share of pixels that lie inside.
        delta: The probability that the guarantee fails.
        images: How many images have calibrated them.
        image_shape: C H W of these.
        scale: What the half-widths are multiplied by.
        widths: The half-widths, from the other images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    noise: dict[str, Any]
    symmetries: int
    level: IntervalLevel
    delta: IntervalDelta
    images: Side
    image_shape: tuple[Side, Side, Side]
    scale: Positive
    widths: Widths

    def bounds(self, noisy: Tensor, restored: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lower and the upper end of each pixel's interval, in [0, 1].

        Args:
            noisy: B C H W.
            restored: What the network has made of it, in [0, 1].
        """
        return scaled_bounds(self.widths, self.scale, noisy, restored)


def scaled_bounds(
    widths: Widths, scale: float, noisy: Tensor, restored: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the ends of intervals, cut to [0, 1], where all clean pixels are."""
    below, above = widths(noisy, restored)
    return (restored - scale * below).clamp(min=0), (restored + scale * above).clamp(max=1)


def calibrate(
    images: Callable[[Tensor], Iterable[Images]], count: int, level: float, delta: float, seed: int
) -> list[tuple[Widths, float]]:
    """Fit half-widths to one half of images, and scale them so that they hold on the other.

    Args:
        images: Restores images of given positions, int64 N: batches, in that order.
        count: How many images there are.
        level: The share of pixels that is to lie inside.
        delta: The probability that the guarantee may fail.
        seed: Chooses the halves.

    Returns:
        The half-widths with their scale, and constant ones with theirs, to compare them with.

    Raises:
        ValueError: There are too few images, or the errors are too unlike those of the first half.
    """
    require_images(count, level, delta)
    order = torch.randperm(count, generator=generator("cpu", "interval halves", seed))
    fitting, holding = order[: count // 2], order[count // 2 :]
    first = next(iter(images(fitting[:1])))
    pixels = len(fitting) * first.clean[0].numel()
    kinds = fit(images(fitting), pixels, 1 - level)
    scales = []
    for missed in shares_missed(images(holding), kinds):
        scale = scale_that_holds(missed, 1 - level, delta)
        if scale is None:
            raise ValueError(
                f"intervals={level}: no width is ensured by {len(holding)} images that calibrate, "
                "whose errors vary too much: hold out more, by data.val_size="
            )
        scales.append(scale)
    return [*zip(kinds, scales, strict=True)]


def require_images(count: int, level: float, delta: float) -> None:
    """Refuse to calibrate on so few images that no width could be ensured.

    Raises:
        ValueError: They are too few.
    """
    fewest = fewest_images(1 - level, delta)
    if count - count // 2 < fewest:
        raise ValueError(
            f"intervals={level}: half of the {count} validation images calibrate it, and at least "
            f"{fewest} have to: set data.val_size={2 * fewest} or more"
        )


def shares_missed(parts: Iterable[Images], kinds: Sequence[Widths]) -> list[Tensor]:
    """Return the share of each image's pixels outside, for each scale: N S for each kind."""
    found: list[list[Tensor]] = [[] for _ in kinds]
    for noisy, restored, clean in parts:
        error = clean - restored
        for shares, widths in zip(found, kinds, strict=True):
            below, above = widths(noisy, restored)
            # The smallest scale that holds a pixel, and its place among those that are tried.
            least = torch.maximum(-error / below, error / above).flatten(1)
            place = torch.searchsorted(SCALES.to(least), least)  # B P, up to S
            counts = least.new_zeros(len(least), len(SCALES) + 1)
            counts.scatter_add_(1, place, torch.ones_like(least))
            inside = counts[:, :-1].cumsum(1) / least.shape[1]
            shares.append((1 - inside).clamp(0, 1).cpu())
    return [torch.cat(shares) for shares in found]


def calibrations_of(run: dict[str, Any]) -> list[Calibration]:
    """Return the calibrations in a checkpoint's "run" entry, none where it has none.

    Raises:
        ValueError: They are not what this release writes.
    """
    try:
        return TypeAdapter(list[Calibration]).validate_python(run.get(ENTRY, []))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, (ENTRY, *problem["loc"])))
        raise ValueError(f"its {where:.80} is wrong: {problem['msg']}") from None


def with_calibration(run: dict[str, Any], added: Calibration) -> dict[str, Any]:
    """Return a "run" entry with one more calibration, in place of one of the same kind."""
    key = added.noise, added.level, added.symmetries
    others = [c for c in calibrations_of(run) if (c.noise, c.level, c.symmetries) != key]
    return run | {ENTRY: [c.model_dump(mode="json") for c in (*others, added)]}
