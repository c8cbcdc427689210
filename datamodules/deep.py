"""Pictures of more than 8 bits, which Pillow would cut: PNG, PGM and PPM, JPEG 2000, AVIF.

C channels, H x W pixels.
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from torchvision.io import decode_png, read_file

# The samples C H W as stored, the bits of a number, and the largest number that the file names.
Deep = tuple[np.ndarray, int, float | None]

PNG_DEPTH = 24  # the byte of a PNG that holds its bits per sample
# Magic, width, height and largest number of a netpbm file, with comments between them.
PNM = re.compile(rb"P([2356])" + rb"(?:\s+|#[^\n]*\n)+(\d+)" * 3 + rb"\s")
J2K_SIZE = b"\xff\x4f\xff\x51"  # the start of a codestream, and of the segment with its sizes
J2K_DEPTH = 42  # bytes from there to the first component's bits minus one, and its sign
AVIF_PIXELS = b"pixi\0\0\0\0"  # the box with the bits of each channel, after their number


def read_deep(path: Path, image: ImageFile) -> Deep | None:
    """Read a picture of more than 8 bits.

    Args:
        path: The file.
        image: The same file, as Pillow has opened it.

    Returns:
        None for a picture of up to 8 bits.

    Raises:
        ValueError: The file is damaged, or of a kind that is not supported. Decoders raise errors
            of other types too.
    """
    readers = {"PNG": _png, "PPM": _pnm, "JPEG2000": _jpeg2000, "AVIF": _avif}
    reader = readers.get(image.format or "")
    return reader(path, image) if reader else None


def _png(path: Path, image: ImageFile) -> Deep | None:
    if np.fromfile(path, np.uint8, 1, offset=PNG_DEPTH) != 16:
        return None
    # torchvision's decoder crashes the process on damaged files, so Pillow reads the file first: it
    # checks the CRC of every chunk, and then whether all pixels are there.
    with Image.open(path) as checked:
        checked.verify()
    image.load()
    if "transparency" in image.info:
        raise ValueError("a transparent colour of 16 bits is not supported")
    significant = _significant_bits(path.read_bytes())
    top = 2**significant - 1 if significant else None
    return decode_png(read_file(str(path))).numpy(), 16, top


def _significant_bits(content: bytes) -> int:
    """Return the largest number of bits that a PNG's sBIT chunk gives for a colour, or 0.

    The specification wants numbers scaled to 16 bits even so. Scaled numbers are larger than the
    chunk says, and their range is judged by their values.
    """
    place = content.find(b"sBIT", 0, content.find(b"IDAT"))
    if place < 0:
        return 0
    count = int.from_bytes(content[place - 4 : place], "big")
    return max(content[place + 4 : place + 4 + min(count, 3)], default=0)


def _pnm(path: Path, image: ImageFile) -> Deep | None:
    content = path.read_bytes()
    header = PNM.match(content)
    if header is None:
        return None
    magic, width, height, top = (int(number) for number in header.groups())
    if top < 256:
        return None
    channels = 3 if magic in (3, 6) else 1
    count = height * width * channels
    if magic in (2, 3):
        numbers = np.array(content[header.end() :].split()[:count], dtype=np.int64)
        if len(numbers) < count or numbers.max() > top or numbers.min() < 0:
            raise ValueError("it is damaged: numbers are missing, or larger than it says")
    else:
        numbers = np.frombuffer(content, ">u2", count, header.end())
    samples = numbers.astype(np.uint16).reshape(height, width, channels)
    return np.moveaxis(samples, -1, 0), 16, float(top)


def _jpeg2000(path: Path, image: ImageFile) -> Deep | None:
    content = path.read_bytes()
    depth = content[content.index(J2K_SIZE) + J2K_DEPTH]
    bits = (depth & 127) + 1
    if depth & 128:
        raise ValueError("JPEG 2000 with signed numbers is not supported")
    if bits <= 8:
        return None
    if bits > 16:
        raise ValueError(f"JPEG 2000 of {bits} bits is not supported")
    from imagecodecs import jpeg2k_decode

    return _channels_first(jpeg2k_decode(content)), 16, 2.0**bits - 1


def _avif(path: Path, image: ImageFile) -> Deep | None:
    content = path.read_bytes()
    place = content.find(AVIF_PIXELS) + len(AVIF_PIXELS)
    bits = content[place + 1] if place >= len(AVIF_PIXELS) else 8
    if bits <= 8:
        return None
    from imagecodecs import avif_decode

    return _channels_first(avif_decode(content)), 16, 2.0**bits - 1


def _channels_first(samples: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.atleast_3d(samples), -1, 0)
