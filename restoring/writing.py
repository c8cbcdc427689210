"""Restored pictures as files of the kind and depth that the original has."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import Image

from files import whole_file
from restoring.samples import Kind

LARGEST_TIFF = 2**32 - 2**25  # bytes of numbers, which leave room for tags
COLOUR_TYPES = {2: 4, 3: 2, 4: 6}  # PNG's, by the number of channels
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write_picture(path: Path, planes: np.ndarray, kind: Kind) -> None:
    """Write P C H W, losslessly, as PNG or, where the name says so, as TIFF.

    P is 1 but for stacks, which only TIFFs hold. Raises OSError where it cannot be written.
    """
    channels_last = np.ascontiguousarray(np.moveaxis(planes, 1, -1))
    pixels = channels_last[..., 0] if planes.shape[1] == 1 else channels_last
    with whole_file(path) as file:
        if kind.shape:
            _stack(file, pixels, kind)
        elif path.suffix == ".png":
            file.write(_png(pixels[0], kind.profile))
        else:
            file.write(_tiff(pixels[0], kind))


def _stack(file: BinaryIO, pixels: np.ndarray, kind: Kind) -> None:
    """P H W or P H W C, a page each, whose axes are told as the original tells them."""
    colour = pixels.ndim == 4 and pixels.shape[-1] > 2
    axes = f"{kind.axes}YX{'S' if pixels.ndim == 4 else ''}"
    # ImageJ has no TIFFs of more than 4 GB but those whose first page tells of all.
    large = kind.form == "imagej" and pixels.nbytes >= LARGEST_TIFF
    tifffile.imwrite(
        file,
        pixels.reshape(*kind.shape, *pixels.shape[1:]),
        photometric="rgb" if colour else _grey(kind),
        extrasamples=["unassalpha"] if kind.alpha else None,
        compression=None if large else "zlib",
        iccprofile=kind.profile,
        imagej=kind.form == "imagej",
        ome=kind.form == "ome",
        metadata=None if kind.form == "pages" else {"axes": axes},
    )


def _tiff(pixels: np.ndarray, kind: Kind) -> bytes:
    content = BytesIO()
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    tifffile.imwrite(
        content,
        pixels,
        photometric="rgb" if channels > 2 else _grey(kind),
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=kind.profile,
        metadata=None,  # tifffile's own
    )
    return content.getvalue()


def _grey(kind: Kind) -> str:
    return "miniswhite" if kind.inverted else "minisblack"


def _png(pixels: np.ndarray, profile: bytes | None) -> bytes:
    if pixels.ndim == 3 and pixels.dtype == np.uint16:
        return _deep_png(pixels, profile)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG", icc_profile=profile)
    return content.getvalue()


def _deep_png(pixels: np.ndarray, profile: bytes | None) -> bytes:
    """Colours and transparency of 16 bits, which Pillow does not write: RFC 2083, sections 3 and 6.

    Of each byte, that of the pixel to the left is subtracted: filter type 1.
    """
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    rows[:, 1:] -= rows[:, :-1].copy()
    filtered = np.insert(rows.reshape(height, -1), 0, 1, axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
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
