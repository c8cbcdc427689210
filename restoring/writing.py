"""Restored pictures as files of the kind and depth that the original has."""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor

from datamodules.pictures import BITS, PNG_DEPTH
from files import whole_file

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


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


def write_picture(path: Path, samples: np.ndarray, kind: Kind) -> None:
    """Write C H W, losslessly, as PNG or, where the name says so, as TIFF.

    Raises OSError where it cannot be written.
    """
    pixels = samples[0] if len(samples) == 1 else np.ascontiguousarray(np.moveaxis(samples, 0, -1))
    content = _png(pixels, kind.profile) if path.suffix == ".png" else _tiff(pixels, kind.profile)
    with whole_file(path) as file:
        file.write(content)


def _tiff(pixels: np.ndarray, profile: bytes | None) -> bytes:
    content = BytesIO()
    photometric = "minisblack" if pixels.ndim == 2 else "rgb"
    tifffile.imwrite(
        content,
        pixels,
        photometric=photometric,
        compression="zlib",
        iccprofile=profile,
        metadata=None,  # tifffile's own
    )
    return content.getvalue()


def _png(pixels: np.ndarray, profile: bytes | None) -> bytes:
    if pixels.ndim == 3 and pixels.dtype == np.uint16:
        return _deep_png(pixels, profile)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG", icc_profile=profile)
    return content.getvalue()


def _deep_png(pixels: np.ndarray, profile: bytes | None) -> bytes:
    """Colours of 16 bits, which Pillow does not write: RFC 2083, sections 3 and 6.

    Of each byte, that of the pixel to the left is subtracted: filter type 1.
    """
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    rows[:, 1:] -= rows[:, :-1].copy()
    filtered = np.insert(rows.reshape(height, -1), 0, 1, axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b"")]
    if profile:
        chunks.insert(1, (b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
