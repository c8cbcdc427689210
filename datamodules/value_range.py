"""Which of a file's numbers are black and white. They are 0 and 1 for the model."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from datamodules.stored import Stored

Given = Literal["auto", "dtype"] | float | list[float]

DEPTHS = (10, 12, 14, 16)  # bits of cameras and microscopes, whose files have 16
# Floating-point numbers that are meant to be in [0, 1] may leave it this far by noise and rounding.
BEYOND = 0.5


class Numbers(NamedTuple):
    """What a file's range is judged by.

    Attributes:
        dtype, bits, top, inverted: See `Stored`.
        low, high: The smallest and the largest number.
    """

    dtype: np.dtype
    bits: int
    top: float | None
    low: float
    high: float
    inverted: bool


class ValueRange(NamedTuple):
    """The numbers that are black and white.

    Attributes:
        low: Black.
        high: White. It is smaller than `low` in inverted pictures.
        reason: Why the range is this one.
    """

    low: float
    high: float
    reason: str

    def scaled(self, samples: np.ndarray) -> np.ndarray:
        """Scale numbers to float32, 0 for `low` and 1 for `high`. Nothing is clipped."""
        if (self.low, self.high) == (0, 1) or samples.dtype.itemsize <= 2:
            picture = samples.astype(np.float32, order="C")
            if self.low:
                picture -= np.float32(self.low)
            picture /= np.float32(self.high - self.low)
            return picture
        wide = (samples.astype(np.float64) - self.low) / (self.high - self.low)
        return wide.astype(np.float32, order="C")

    def stored(self, picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Turn the result of `scaled`, C H W, back into the file's own numbers."""
        # One channel after another, since float64 takes eight times the memory of 8 bits.
        return np.stack([self._stored(channel, dtype) for channel in picture])

    def _stored(self, channel: np.ndarray, dtype: np.dtype) -> np.ndarray:
        samples = channel.astype(np.float64)
        samples *= self.high - self.low
        samples += self.low
        if dtype.kind == "f":
            return samples.astype(dtype)
        limits = np.iinfo(dtype)
        return np.rint(samples, out=samples).clip(limits.min, limits.max, out=samples).astype(dtype)


def require_range(given: Given) -> None:
    """Refuse a setting that is no range.

    Raises:
        ValueError: Its numbers are not finite, or black is not below white.
    """
    if isinstance(given, str):
        return
    low, high = _pair(given)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            f"range={given}: must be auto, dtype, the number that is white, or [BLACK,WHITE] with "
            "BLACK below WHITE"
        )


def numbers_of(stored: Stored) -> Numbers:
    """Read what a range is judged by. Planes of 8 bits are not read.

    Raises:
        ValueError: The file has NaN or infinite values.
    """
    if stored.dtype == np.uint8:
        low, high = 0.0, 2.0**stored.bits - 1
        return Numbers(stored.dtype, stored.bits, stored.top, low, high, stored.inverted)
    low, high = math.inf, -math.inf
    for plane in stored.planes():
        colours = plane[: stored.size[0]]
        low, high = min(low, float(colours.min())), max(high, float(colours.max()))
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(
                "it has NaN or infinite values: replace them first, as numpy.nan_to_num does"
            )
    return Numbers(stored.dtype, stored.bits, stored.top, low, high, stored.inverted)


def value_range(given: Given, pictures: Iterable[Numbers]) -> ValueRange:
    """Find the range of pictures that belong together.

    Args:
        given: "auto" follows the files' values and tags. "dtype" takes all that the type can hold.
            A number is white, with 0 for black. A list has both numbers.
        pictures: Pictures of one type. All of them are inverted, or none is.

    Raises:
        ValueError: The type does not hold the given range.
    """
    several = list(pictures)
    found = _upward_range(given, several)
    if several[0].inverted:
        return ValueRange(found.high, found.low, found.reason)
    return found


def _upward_range(given: Given, several: Sequence[Numbers]) -> ValueRange:
    """Find the range as if the larger number were white."""
    dtype = several[0].dtype
    bits = max(some.bits for some in several)
    limit = full_range(dtype, bits)
    if not isinstance(given, str):
        low, high = _pair(given)
        if dtype.kind != "f" and not limit[0] <= low < high <= limit[1]:
            raise ValueError(f"range={given}: numbers of {dtype} go from {spoken(*limit)}")
        return ValueRange(low, high, "as given")
    if given == "dtype":
        return ValueRange(*limit, f"all of {dtype}")
    low, high = min(some.low for some in several), max(some.high for some in several)
    if dtype.kind == "f":
        return _of_floats(low, high)
    if bits != 8 * dtype.itemsize or dtype == np.uint8:
        return ValueRange(*limit, f"{bits} bits a number")
    if low < 0:
        return ValueRange(low, high, "from the smallest to the largest number")
    tops = [some.top for some in several if some.top is not None]
    if tops and len(tops) == len(several) and high <= max(tops) <= limit[1]:
        return ValueRange(0, max(tops), "the file's tags")
    for depth in DEPTHS:
        if high < 2**depth:
            reason = f"the largest number is {high:,.0f}: {depth} bits"
            return ValueRange(0, min(2**depth - 1, limit[1]), reason)
    return ValueRange(0, high, "the largest number")


def spoken(low: float, high: float) -> str:
    return f"{low:,.10g} to {high:,.10g}"


def _of_floats(low: float, high: float) -> ValueRange:
    if low >= -BEYOND and high <= 1 + BEYOND:
        return ValueRange(0, 1, "floating-point numbers in [0, 1], but for noise")
    if low >= 0:
        return ValueRange(0, high, "the largest number")
    if low == high:
        return ValueRange(low, 0, "all numbers are the same")
    return ValueRange(low, high, "from the smallest to the largest number")


def full_range(dtype: np.dtype, bits: int) -> tuple[float, float]:
    """Return the smallest and the largest number of a type that uses `bits` of its bits."""
    if dtype.kind == "f":
        return 0, 1
    if dtype.kind == "u":
        return 0, 2**bits - 1
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def _pair(given: float | list[float]) -> tuple[float, float]:
    if isinstance(given, list):
        return (given[0], given[1]) if len(given) == 2 else (math.nan, math.nan)
    return 0, given
