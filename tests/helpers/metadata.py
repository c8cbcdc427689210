"""Pictures with metadata."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from restoration.metadata import metadata_of
from restoration.samples import Kind
from restoration.writing import write_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" b="2"/></x:xmpmeta>'
NIKON = b"Nikon\0\x02\x10\0\0" + bytes(range(40))
EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
COLOURS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def camera(note: bytes = NIKON) -> Image.Exif:
    """Return the Exif of a photograph of 30 x 20 pixels, stored on its side, with a thumbnail."""
    exif = Image.Exif()
    exif.update({271: "Nikon", 274: 6, 306: "2020:01:01 00:00:00", 315: "A", 531: 1})
    exif.update({282: IFDRational(300), 283: IFDRational(200), 296: 2})
    exif.get_ifd(EXIF).update({33434: IFDRational(1, 125), 36867: "2019:01:01 00:00:00"})
    exif.get_ifd(EXIF).update({37500: note, 40962: 30, 40963: 20, 37121: b"\1\2\3\0"})
    exif.get_ifd(EXIF)[INTEROPERABILITY] = {1: "R98"}
    place = tuple(IFDRational(*pair) for pair in ((52, 1), (31, 1), (12345, 1000)))
    exif.get_ifd(GPS).update({1: "N", 2: place})
    return exif


def saved(path: Path, picture: np.ndarray = COLOURS, **settings: Any) -> Path:
    Image.fromarray(picture).save(path, **settings)
    return path


def restored(source: Path, output: Path, picture: np.ndarray) -> tuple[Path, tuple[str, ...]]:
    """Write a picture H W C with the metadata of `source`. All readers read the same pixels."""
    planes = np.moveaxis(np.atleast_3d(picture), -1, 0)
    lost = write_picture(output, planes[None], Kind(picture.dtype), metadata_of(source))
    np.testing.assert_array_equal(np.asarray(Image.open(output)), picture)
    if output.suffix == ".tif":
        np.testing.assert_array_equal(tifffile.imread(output), picture)
    return output, lost


def chunks(path: Path) -> dict[str, list[bytes]]:
    content, at = path.read_bytes(), 8
    found: dict[str, list[bytes]] = {}
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        data = content[at + 8 : at + 8 + length]
        assert content[at + 8 + length :][:4] == struct.pack(">I", zlib.crc32(name + data))
        found.setdefault(name.decode(), []).append(data)
        at += 12 + length
    assert next(iter(found)) == "IHDR"
    assert list(found)[-2:] == ["IDAT", "IEND"]
    return found
