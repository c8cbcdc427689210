"""Restored pictures as files of the kind and depth that the original has."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from files import whole_file
from restoring.samples import Kind

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


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
