"""The kind of numbers that a restored picture has in common with its original."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.stored import Form, Stored

PNG_TYPES = (np.uint8, np.uint16)
# The types that ImageJ's stacks may have, and the axes that ImageJ's and OME's may have.
IMAGEJ_TYPES = (np.uint8, np.uint16, np.float32)
NAMED_AXES = set("TZC")


class Kind(NamedTuple):
    """What a restored file has in common with its original.

    Attributes:
        dtype: The type of the samples. PNGs have uint8 and uint16 only.
        alpha: Whether the last channel is transparency.
        axes, shape, form: Those of a stack, as in `Stored`.
        inverted: Whether the smallest number is white.
    """

    dtype: np.dtype
    alpha: bool = False
    axes: str = ""
    shape: tuple[int, ...] = ()
    form: Form = "pages"
    inverted: bool = False


def kind_of(stored: Stored) -> Kind:
    """Find the kind of a picture. Fewer than 8 bits become 8, and 12 become 16."""
    form = stored.form
    if form in ("imagej", "ome") and not NAMED_AXES.issuperset(stored.axes):
        form = "shaped"
    if form == "imagej" and stored.dtype not in IMAGEJ_TYPES:
        form = "shaped"
    return Kind(stored.dtype, stored.alpha, stored.axes, stored.shape, form, stored.inverted)


def require_png_holds(path: Path, kind: Kind) -> None:
    """Refuse a TIFF that is not named like one if no PNG can hold it.

    Raises:
        ValueError: It is a stack, or has numbers of another type.
    """
    if kind.shape or kind.dtype not in PNG_TYPES:
        what = f"a stack of {np.prod(kind.shape)}" if kind.shape else f"numbers of {kind.dtype}"
        raise ValueError(f"{path} has {what}, which a PNG cannot hold: rename it to end in .tif")
