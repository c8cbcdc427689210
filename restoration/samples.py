"""The numbers of a restored picture, as the original's file has them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.stored import Form, Stored

PNG_TYPES = (np.uint8, np.uint16)
# What the two forms of stacks can say: ImageJ's axes and types, and OME's axes.
IMAGEJ_TYPES = (np.uint8, np.uint16, np.float32)
NAMED_AXES = set("TZC")


class Kind(NamedTuple):
    """What a file has to have in common with the original.

    dtype: of its samples; PNGs have uint8 and uint16 only.
    alpha: whether the last channel is transparency.
    axes, shape, form: of a stack, as in Stored.
    inverted: whether the smallest number is white.
    """

    dtype: np.dtype
    alpha: bool = False
    axes: str = ""
    shape: tuple[int, ...] = ()
    form: Form = "pages"
    inverted: bool = False


def kind_of(stored: Stored) -> Kind:
    """What has less than 8 bits is written with 8, what has 12 with 16."""
    form = stored.form
    if form in ("imagej", "ome") and not NAMED_AXES.issuperset(stored.axes):
        form = "shaped"
    if form == "imagej" and stored.dtype not in IMAGEJ_TYPES:
        form = "shaped"
    return Kind(stored.dtype, stored.alpha, stored.axes, stored.shape, form, stored.inverted)


def require_png_holds(path: Path, kind: Kind) -> None:
    """Raises ValueError for a TIFF that is not named like one, and has what no PNG can hold."""
    if kind.shape or kind.dtype not in PNG_TYPES:
        what = f"a stack of {np.prod(kind.shape)}" if kind.shape else f"numbers of {kind.dtype}"
        raise ValueError(f"{path} has {what}, which a PNG cannot hold: rename it to end in .tif")
