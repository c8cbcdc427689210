"""What a picture's file holds: its own numbers.

C channels, H x W pixels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

Form = Literal["pages", "shaped", "imagej", "ome"]


@dataclass(frozen=True)
class Stored:
    """A picture or a stack of them, as its file has it.

    planes: reads the planes one after the other: C H W of `dtype`, upright, alpha as the last.
    dtype: of the numbers.
    bits: of a number, where not all of the type's are used.
    top: the largest number that the file's tags speak of, or None.
    inverted: whether the smallest number is white.
    alpha: whether the last channel is transparency.
    size: C, without alpha, H and W.
    axes: the letters of a stack's axes, as "ZC"; none for a single picture.
    shape: how long each of these axes is.
    form: the way in which a TIFF tells its axes; "pages" where it does not.
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
        """How many planes there are."""
        return int(np.prod(self.shape))


def single(plane: np.ndarray, bits: int, top: float | None, alpha: bool) -> Stored:
    """A picture that has been read: C H W, upright."""
    channels, height, width = plane.shape
    size = channels - alpha, height, width
    return Stored(lambda: iter([plane]), plane.dtype, bits, top, alpha, size)


def upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """... H W; undoes how the camera was held: Exif 2.32, 4.6.5.1.6."""
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(-1, -2)
    if orientation in (2, 3, 6, 7):
        picture = picture[..., ::-1]
    if orientation in (3, 4, 7, 8):
        picture = picture[..., ::-1, :]
    return picture
