"""Picture files written by the formats' specifications, so that no library is tested by itself."""

import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tests.helpers.pictures import read_picture

HEIGHT, WIDTH = 7, 10
GREY, GREY_ALPHA, RGB, RGBA, PALETTE = 0, 4, 2, 6, 3  # PNG's colour types


def samples(channels: int, bits: int, seed: int = 0) -> np.ndarray:
    """Return random samples H W C, with the darkest and the brightest value among them."""
    pixels = np.random.default_rng(seed).integers(2**bits, size=(HEIGHT, WIDTH, channels))
    pixels[0, 0], pixels[0, 1] = 0, 2**bits - 1
    return pixels


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + crc(kind + content)


def crc(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))


def png(pixels: np.ndarray, bits: int, kind: int, *chunks: bytes) -> bytes:
    """Encode H W C. Further chunks come before the pixels."""
    height, width = pixels.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in pixels]
    else:  # each row is padded to whole bytes
        digits = np.unpackbits(pixels.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
        rows = [np.packbits(row.flatten()).tobytes() for row in digits]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
    return start + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def tiff(
    pixels: np.ndarray,
    order: Literal["<", ">"] = "<",
    photometric: int | None = None,
    sample_format: int = 1,
    **more: int,
) -> bytes:
    """Encode H W C in its own type, uncompressed, in one strip, in byte order "<" or ">"."""
    height, width, channels = pixels.shape
    content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    bits = [8 * pixels.dtype.itemsize] * channels
    if photometric is None:
        photometric = 2 if channels >= 3 else 1
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [1]),
        262: (3, [photometric]),
        273: (4, [8]),
        274: (3, [more.get("orientation", 1)]),
        277: (3, [channels]),
        278: (4, [height]),
        279: (4, [len(content)]),
        339: (3, [sample_format] * channels),
    }
    if "extra" in more:
        tags[338] = (3, [more["extra"]])
    offset = 8 + len(content)
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(packed) > 4:
            values += packed
            place = offset + 2 + 12 * len(tags) + 4 + len(values) - len(packed)
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    count = struct.pack(f"{order}H", len(tags))
    return mark + struct.pack(f"{order}I", offset) + content + count + entries + bytes(4) + values


def bmp(pixels: np.ndarray) -> bytes:
    """Encode H W 3 with 8 bits."""
    rows = [row[:, ::-1].astype(np.uint8).tobytes() for row in pixels[::-1]]
    content = b"".join(row + bytes(-len(row) % 4) for row in rows)
    height, width = pixels.shape[:2]
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(content), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(content), 0, 0, 54) + header + content


def of(folder: Path, content: bytes, name: str = "picture") -> Tensor:
    """Read a file with this content. Its name has no suffix that would tell its kind."""
    (folder / name).write_bytes(content)
    found = read_picture(folder / name)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert 0 <= found.min() <= found.max() <= 1
    return found
