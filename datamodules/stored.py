"""The numbers that a picture's file holds.

C channels, H x W pixels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

Form = Literal["pages", "shaped", "imagej", "ome"]


@dataclass(frozen=True)
class Stored:
    """A picture, or a stack of pictures, as its file stores it.

    Attributes:
        planes: Reads the planes one after the other: C H W of `dtype`, upright, alpha as the last
            channel.
        dtype: The type of the numbers.
        bits: The bits of a number. They may be fewer than those of the type.
        top: The largest number that the file's tags name, or None.
        alpha: Whether the last channel is transparency.
        size: C, without alpha, H and W.
        axes: The letters of a stack's axes, such as "ZC". A single picture has none.
        shape: The length of each of these axes.
        form: How a TIFF describes its axes. "pages" stands for no description.
        inverted: Whether the smallest number is white.
    """

    planes: Callable[[], Iterator[np.ndarray]]
    dtype: np.dtype
    bits: int
    top: float | None
    alpha: bool
    size: tuple[int, int, int]
    axes: str = ""
    shape: tuple[int, ...] = ()
    form: Form = "pages"
    inverted: bool = False

    @property
    def count(self) -> int:
        """The number of planes."""
        return int(np.prod(self.shape))


def single(plane: np.ndarray, bits: int, top: float | None, alpha: bool) -> Stored:
    """Return a picture that has been read already: C H W, upright."""
    channels, height, width = plane.shape
    size = channels - alpha, height, width
    return Stored(lambda: iter([plane]), plane.dtype, bits, top, alpha, size)


def upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Turn ... H W by Exif's orientation (Exif 2.32, 4.6.5.1.6), as the camera was held."""
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(-1, -2)
    if orientation in (2, 3, 6, 7):
        picture = picture[..., ::-1]
    if orientation in (3, 4, 7, 8):
        picture = picture[..., ::-1, :]
    return picture
