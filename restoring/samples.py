"""The numbers of a restored picture, as the original's file has them."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile

from datamodules.stored import Form, Stored
from datamodules.tiff import is_tiff

PROFILE = 34675  # the tag of TIFF that holds an ICC profile
PNG_TYPES = (np.uint8, np.uint16)
# What the two forms of stacks can say: ImageJ's axes and types, and OME's axes.
IMAGEJ_TYPES = (np.uint8, np.uint16, np.float32)
NAMED_AXES = set("TZC")


class Kind(NamedTuple):
    """What a file has to have in common with the original.

    dtype: of its samples; PNGs have uint8 and uint16 only.
    profile: the ICC profile, by which the samples are to be shown; None for sRGB.
    alpha: whether the last channel is transparency.
    axes, shape, form: of a stack, as in Stored.
    inverted: whether the smallest number is white.
    """

    dtype: np.dtype
    profile: bytes | None
    alpha: bool = False
    axes: str = ""
    shape: tuple[int, ...] = ()
    form: Form = "pages"
    inverted: bool = False


def kind_of(path: Path, stored: Stored) -> Kind:
    """What has less than 8 bits is written with 8, what has 12 with 16."""
    form = stored.form
    if form in ("imagej", "ome") and not NAMED_AXES.issuperset(stored.axes):
        form = "shaped"
    if form == "imagej" and stored.dtype not in IMAGEJ_TYPES:
        form = "shaped"
    return Kind(
        stored.dtype, _profile(path), stored.alpha, stored.axes, stored.shape, form, stored.inverted
    )


def _profile(path: Path) -> bytes | None:
    """None for CMYK, too: it is converted as its profile says, and the result is sRGB."""
    if is_tiff(path):
        with TiffFile(path, _multifile=False) as file:
            page = file.pages.first
            inks = page.photometric == PHOTOMETRIC.SEPARATED
            return None if inks else page.tags.valueof(PROFILE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is not read
        with Image.open(path) as image:
            return None if image.mode == "CMYK" else image.info.get("icc_profile")


def require_png_holds(path: Path, kind: Kind) -> None:
    """Raises ValueError for a TIFF that is not named like one, and has what no PNG can hold."""
    if kind.shape or kind.dtype not in PNG_TYPES:
        what = f"a stack of {np.prod(kind.shape)}" if kind.shape else f"numbers of {kind.dtype}"
        raise ValueError(f"{path} has {what}, which a PNG cannot hold: rename it to end in .tif")
