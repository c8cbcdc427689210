"""The numbers of a restored picture, as the original's file has them."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor

from datamodules.pictures import BITS, PNG_DEPTH


class Kind(NamedTuple):
    """What a file has to have in common with the original.

    dtype: of its samples: uint8, uint16, or float32, which only TIFFs have.
    profile: the ICC profile, by which the samples are to be shown; None for sRGB.
    """

    dtype: np.dtype
    profile: bytes | None


def kind_of(path: Path) -> Kind:
    """Of a picture that `read_picture` reads. What has less than 8 bits is written with 8, what has
    12 with 16."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is not read
        with Image.open(path) as image:
            deep = image.mode.startswith("I;16")
            if image.format == "PNG":
                deep = int(np.fromfile(path, np.uint8, 1, offset=PNG_DEPTH)[0]) == 16
            elif isinstance(image, TiffImageFile):
                deep = deep or max(image.tag_v2.get(BITS, (1,))) > 8
            name = "float32" if image.mode == "F" else "uint16" if deep else "uint8"
            # CMYK is converted as its profile says; the result is sRGB.
            profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
    return Kind(np.dtype(name), profile)


def quantised(picture: Tensor, kind: Kind) -> np.ndarray:
    """C H W in [0, 1] -> the samples of a file."""
    if kind.dtype.kind == "f":
        return picture.numpy()
    return (picture.double() * np.iinfo(kind.dtype).max).round().numpy().astype(kind.dtype)


def scaled(samples: np.ndarray) -> np.ndarray:
    """What `read_picture` gives of a file's samples: float32 C H W in [0, 1]."""
    if samples.dtype.kind == "f":
        return samples
    return samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)
