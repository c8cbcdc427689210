"""Restored pictures as files of the kind and depth that the original has."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor

from datamodules.pictures import BITS, PNG_DEPTH
from files import whole_file
from restoring import png, tiff
from restoring.about import Metadata


class Kind(NamedTuple):
    """What a file has to have in common with the original.

    dtype: of its samples: uint8, uint16, or float32, which only TIFFs have.
    """

    dtype: np.dtype


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
    return Kind(np.dtype(name))


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


def write_picture(path: Path, samples: np.ndarray, metadata: Metadata) -> tuple[str, ...]:
    """Write C H W, losslessly, as PNG or, where the name says so, as TIFF.

    Args:
        path: where to.
        samples: the picture.
        metadata: what the file is to say beside it.

    Returns:
        What the original said and this file can't, in a reader's words.

    Raises:
        OSError: it cannot be written.
    """
    pixels = samples[0] if len(samples) == 1 else np.ascontiguousarray(np.moveaxis(samples, 0, -1))
    metadata = with_fitting_profile(metadata, len(samples))
    encoded = png.encoded if path.suffix == ".png" else tiff.encoded
    content, written = encoded(pixels, metadata)
    with whole_file(path) as file:
        file.write(content)
    return written.lost


def with_fitting_profile(metadata: Metadata, channels: int) -> Metadata:
    """Without a profile for another kind of colour than the picture has: readers refuse those."""
    profile = metadata.profile
    space = b"GRAY" if channels < 3 else b"RGB "
    if profile is None or profile[16:20] == space:
        return metadata
    name = profile[16:20].decode("latin-1").strip()
    kind = "grey" if channels < 3 else "colour"
    return metadata.without(f"a colour profile for {name}, not for a {kind} picture", profile=None)
