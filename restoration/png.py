"""The chunks of PNG: https://www.w3.org/TR/png-3/."""

import math
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from restoration.about import LARGEST_TEXT, Metadata, Resolution, Text

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 33  # bytes of the signature and the first chunk
# Chunks that only PNG has, and that are true of the restored samples too.
CARRIED = ("cICP", "mDCV", "cLLI", "sRGB", "gAMA", "cHRM", "sCAL", "pCAL")
SIZES = {"cICP": 4, "mDCV": 24, "cLLI": 8, "sRGB": 1, "gAMA": 4, "cHRM": 32}
# Chunks that belong to the old samples, or to how they were stored.
STRUCTURE = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "bKGD", "hIST", "sBIT", "sPLT", "tIME"}
XMP = "XML:com.adobe.xmp"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by the number of channels
MOST = 2**31 - 1  # the largest number in a chunk


def encoded(pixels: np.ndarray, metadata: Metadata) -> tuple[bytes, Metadata]:
    """Encode a PNG.

    Args:
        pixels: Unsigned integers of 8 or 16 bits, H W or H W C, C from 1 to 4.
        metadata: The metadata to write.

    Returns:
        The file's bytes, and the metadata. Its `lost` also has what a PNG cannot hold.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.dtype == np.uint16:
        content = _deep(pixels)
    else:
        written = BytesIO()
        Image.fromarray(pixels).save(written, "PNG")
        content = written.getvalue()
    if metadata.profile and len(metadata.profile) > LARGEST_TEXT:
        metadata = metadata.without("a colour profile of over a million bytes", profile=None)
    if metadata.imagej:
        metadata = metadata.without("ImageJ's own tags", imagej={})
    if metadata.xmp and not _is_text(metadata.xmp):
        metadata = metadata.without("XMP that is not UTF-8", xmp=None)
    if metadata.resolution and _per_metre(metadata.resolution) is None:
        metadata = metadata.without("a resolution that PNG has no numbers for", resolution=None)
    chunks = b"".join(chunk(name.encode(), part) for name, part in _ancillary(metadata))
    return content[:HEADER] + chunks + content[HEADER:], metadata


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _deep(pixels: np.ndarray) -> bytes:
    """Encode pixels of several 16-bit samples, which Pillow does not write.

    The filter type is 1: from each byte, that of the pixel to the left is subtracted.
    """
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    rows[:, 1:] -= rows[:, :-1].copy()
    filtered = np.insert(rows.reshape(height, -1), 0, 1, axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b""))
    return SIGNATURE + b"".join(chunk(*pair) for pair in chunks)


def _ancillary(metadata: Metadata) -> Iterator[tuple[str, bytes]]:
    """Yield the chunks of the metadata. All may stand between a PNG's header and its pixels."""
    for name in CARRIED:
        # A file has a profile or the chunk sRGB, not both.
        if name in metadata.png and not (name == "sRGB" and metadata.profile):
            yield name, metadata.png[name]
    if metadata.profile:
        yield "iCCP", b"ICC profile\0\0" + zlib.compress(metadata.profile)
    if metadata.resolution:
        numbers = _per_metre(metadata.resolution)
        assert numbers is not None
        yield "pHYs", struct.pack(">IIB", *numbers, metadata.resolution.unit is not None)
    if metadata.exif:
        yield "eXIf", metadata.exif
    if metadata.xmp:
        yield "iTXt", XMP.encode() + b"\0\0\0\0\0" + metadata.xmp
    if metadata.iptc:
        yield "zTXt", b"Raw profile type iptc\0\0" + zlib.compress(_raw_profile(metadata.iptc))
    for text in metadata.texts:
        yield _text_chunk(text)


def _per_metre(resolution: Resolution) -> tuple[int, int] | None:
    x, y = Fraction(*resolution.x), Fraction(*resolution.y)
    if resolution.unit is None:
        scale = math.lcm(x.denominator, y.denominator)
        numbers = int(x * scale), int(y * scale)
    else:
        numbers = round(x / resolution.unit), round(y / resolution.unit)
    return numbers if all(0 < number <= MOST for number in numbers) else None


def _text_chunk(text: Text) -> tuple[str, bytes]:
    keyword = text.keyword.encode("latin-1") + b"\0"
    if not text.language and not text.translated:
        try:
            return "tEXt", keyword + text.text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    tags = text.language.encode("latin-1") + b"\0" + text.translated.encode() + b"\0"
    return "iTXt", keyword + b"\0\0" + tags + text.text.encode()


def _raw_profile(iptc: bytes) -> bytes:
    """Encode IPTC as ImageMagick and exiftool do: a Photoshop resource, in hexadecimal."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)
    digits = resource.hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return "\n".join(["", "iptc", f"{len(resource):8}", *lines, ""]).encode()


def metadata_of_png(path: Path) -> Metadata:
    """Read the metadata in a PNG's chunks."""
    found = Metadata()
    lost: dict[str, None] = {}  # in order, each once
    texts: list[Text] = []
    for name, content in _chunks(path):
        try:
            if name in CARRIED:
                if len(content) != SIZES.get(name, len(content)):
                    raise ValueError("of another size than it should be")
                found.png[name] = content
            elif name == "pHYs":
                x, y, unit = struct.unpack(">IIB", content)
                resolution = Resolution((x, 1), (y, 1), Fraction(1) if unit == 1 else None)
                found = replace(found, resolution=resolution)
            elif name == "eXIf":
                found = replace(found, exif=content.removeprefix(b"Exif\0\0"))
            elif name == "iCCP":
                _, _, packed = content.partition(b"\0")
                found = replace(found, profile=_inflated(packed[1:]))
            elif name in ("tEXt", "zTXt", "iTXt"):
                texts.append(_text(name, content))
            elif name not in STRUCTURE:
                lost[f"the chunk {name}"] = None
        except (ValueError, struct.error, zlib.error):
            lost[f"a damaged or huge chunk {name}"] = None
    kept = []
    for text in texts:
        raw = re.fullmatch(r"Raw profile type (exif|APP1|iptc|xmp)", text.keyword)
        if text.keyword == XMP:
            found = replace(found, xmp=text.text.encode())
        elif raw:
            name = {"APP1": "exif"}.get(raw[1], raw[1])
            try:
                content = _unpacked(text.text, name)
            except (ValueError, struct.error):
                lost[f"the damaged text {text.keyword}"] = None
                continue
            if not getattr(found, name):
                changes: dict[str, Any] = {name: content}
                found = replace(found, **changes)
        else:
            kept.append(text)
    return replace(found, texts=tuple(kept), lost=tuple(lost))


def _chunks(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all chunks except those of pixels, up to the first that is damaged."""
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == b"IEND":
                return
            if name == b"IDAT":
                file.seek(length + 4, 1)
                continue
            content = file.read(length)
            if file.read(4) != struct.pack(">I", zlib.crc32(name + content)):
                return
            if name.isalpha():
                yield name.decode(), content


def _text(kind: str, content: bytes) -> Text:
    """Read a text chunk.

    Raises:
        ValueError: The text is damaged or too long.
        zlib.error: The compressed text is damaged.
    """
    name, zero, rest = content.partition(b"\0")
    keyword = name.decode("latin-1")
    if not zero or not re.fullmatch(r"[ -~\xa1-\xff]{1,79}", keyword):
        raise ValueError("no keyword")
    if kind == "tEXt":
        return Text(keyword, _bounded(rest).replace(b"\0", b"").decode("latin-1"))
    if kind == "zTXt":
        return Text(keyword, _inflated(rest[1:]).replace(b"\0", b"").decode("latin-1"))
    compressed, parts = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        raise ValueError("a part of it is missing")
    language, translated, text = parts
    text = _inflated(text) if compressed else _bounded(text)
    plain = text.decode().replace("\0", "")
    return Text(keyword, plain, language.decode("ascii"), translated.decode())


def _bounded(content: bytes) -> bytes:
    if len(content) > LARGEST_TEXT:
        raise ValueError("over a million bytes")
    return content


def _inflated(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(packed, LARGEST_TEXT + 1)
    if not stream.eof and len(content) <= LARGEST_TEXT:
        raise ValueError("it ends too soon")
    return _bounded(content)


def _unpacked(text: str, name: str) -> bytes:
    """Decode what ImageMagick writes in hexadecimal.

    Raises:
        ValueError: The text is not of that form.
    """
    content = bytes.fromhex("".join(text.split("\n")[3:]))
    content = content.removeprefix(b"Exif\0\0")
    if name == "iptc" and content.startswith(b"8BIM\x04\x04\0\0"):
        (size,) = struct.unpack(">I", content[8:12])
        content = content[12 : 12 + size]
    return content


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content
