"""Where a network errs: the half-widths of intervals, fitted to images whose clean ones are known.

Images are B C H W. N pixels, F features, K knots.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self

import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor

from denoisers.intervals.features import COUNT, features

FLOOR = 0.01  # added to an error before its logarithm, since errors of 0 have none
RIDGE = 1e-6  # of the features' mean squares, for features that are alike
MOST_KNOTS = 50
FEWEST_PIXELS = 200  # between two knots, so that 5 % of them are 10
MOST_PIXELS = 2_000_000  # that widths are fitted to
LEAST = 0.5 / 255  # half a grey level of 8 bits: no width is smaller


class Images(NamedTuple):
    """A batch of images: noisy, restored from it, and clean."""

    noisy: Tensor
    restored: Tensor
    clean: Tensor


class Widths(BaseModel):
    """Half-widths of each pixel's interval, below and above the restored value.

    A weighted sum of features orders the pixels by their expected error. Widths are interpolated
    between knots of that sum. They are plain numbers, which a checkpoint can keep.

    Attributes:
        weights: Of the features in `denoisers.intervals.features`; none for constant widths.
        knots: Values of the sum, ascending: K.
        lower, upper: The half-widths at each knot, positive: K.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    weights: list[float]
    knots: list[float]
    lower: list[float]
    upper: list[float]

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        if len(self.weights) not in (0, COUNT):
            raise ValueError(f"weights must be none or {COUNT}")
        if not self.knots or not len(self.knots) == len(self.lower) == len(self.upper):
            raise ValueError("knots, lower and upper must be as many, and some")
        if self.knots != sorted(self.knots) or min(*self.lower, *self.upper) <= 0:
            raise ValueError("knots must be ascending, and widths positive")
        return self

    def __call__(self, noisy: Tensor, restored: Tensor) -> tuple[Tensor, Tensor]:
        """Return the half-widths below and above the restored values: float32 B C H W, twice."""
        return self.at(expected(self.weights, noisy, restored))

    def at(self, order: Tensor) -> tuple[Tensor, Tensor]:
        """Return the half-widths at values of the sum, of any shape."""
        knots, lower, upper = (
            torch.tensor(values, dtype=order.dtype, device=order.device)
            for values in (self.knots, self.lower, self.upper)
        )
        if len(knots) == 1:
            return lower.expand_as(order), upper.expand_as(order)
        right = torch.searchsorted(knots, order).clamp(1, len(knots) - 1)
        left = right - 1
        between = (knots[right] - knots[left]).clamp(min=torch.finfo(order.dtype).tiny)
        share = ((order - knots[left]) / between).clamp(0, 1)
        return lower[left].lerp(lower[right], share), upper[left].lerp(upper[right], share)


def expected(weights: Iterable[float], noisy: Tensor, restored: Tensor) -> Tensor:
    """Return what orders pixels by their expected error: the weighted sum of their features."""
    total = torch.zeros_like(restored)
    for weight, feature in zip(weights, features(noisy, restored), strict=False):
        total += weight * feature
    return total


def fit(parts: Iterable[Images], pixels: int, miss: float) -> tuple[Widths, Widths]:
    """Fit half-widths, such that a share of about `miss` of the pixels lies outside.

    The weights are those of the linear least squares fit of the error's logarithm. Between two
    knots are equally many pixels, and the half-widths are quantiles of their errors.

    Args:
        parts: Batches of images. They are read once.
        pixels: How many values the images have in all. Of more than 2,000,000, every n-th is taken.
        miss: The share that may lie outside, in (0, 1).

    Returns:
        Those widths, and constant ones, to compare them with.
    """
    step = -(-pixels // MOST_PIXELS) | 1  # odd, so that it does not stay in one column of an image
    columns, errors = [], []
    for images in parts:
        found = [each.flatten()[::step] for each in features(images.noisy, images.restored)]
        columns.append(torch.stack(found, 1).cpu())  # N F
        errors.append((images.clean - images.restored).flatten()[::step].cpu())
    table, error = torch.cat(columns), torch.cat(errors)
    weights = _weights(table, (error.abs() + FLOOR).log())
    c = max(_quantile(error.abs(), 1 - miss), LEAST)
    constant = Widths(weights=[], knots=[0.0], lower=[c], upper=[c])
    return at_knots(weights.tolist(), table @ weights, error, miss), constant


def at_knots(weights: list[float], order: Tensor, error: Tensor, miss: float) -> Widths:
    """Fit half-widths to errors, given what orders the pixels.

    Args:
        weights: What the order is the sum with, if it is one of features.
        order: N.
        error: Clean minus restored values: N.
        miss: The share that may lie outside.
    """
    sorted_order, position = order.sort(stable=True)
    count = max(1, min(MOST_KNOTS, len(order) // FEWEST_PIXELS))
    groups = zip(sorted_order.chunk(count), error[position].chunk(count), strict=True)
    knots, lower, upper = zip(*(_knot(*group, miss) for group in groups), strict=True)
    return Widths(weights=weights, knots=[*knots], lower=[*lower], upper=[*upper])


def _weights(table: Tensor, target: Tensor) -> Tensor:
    """Solve for the weights of N F features, beside a constant: F."""
    gram = torch.zeros(COUNT + 1, COUNT + 1, dtype=torch.float64)
    right = torch.zeros(COUNT + 1, dtype=torch.float64)
    for rows, values in zip(table.split(100_000), target.split(100_000), strict=True):
        columns = torch.cat((rows, torch.ones(len(rows), 1)), 1).double()
        gram += columns.T @ columns
        right += columns.T @ values.double()
    gram += RIDGE * gram.trace() / len(gram) * torch.eye(len(gram), dtype=torch.float64)
    return torch.linalg.solve(gram, right)[:COUNT].float()


def _knot(order: Tensor, error: Tensor, miss: float) -> tuple[float, float, float]:
    """Return the middle of a group's order, and its half-widths below and above."""
    low, high = -_quantile(error, miss / 2), _quantile(error, 1 - miss / 2)
    return order[len(order) // 2].item(), max(low, LEAST), max(high, LEAST)


def _quantile(values: Tensor, share: float) -> float:
    rank = min(len(values), max(1, round(share * len(values))))
    return values.kthvalue(rank).values.item()
