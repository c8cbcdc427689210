"""The metadata of a picture's file, as far as another file can hold it."""

import logging
import math
import mmap
import re
import struct
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import tifffile
from PIL import Image

from datamodules.pictures import orientation
from restoration import exif
from restoration.about import (
    CENTIMETRE,
    DESCRIPTION,
    INCH,
    IPTC,
    LARGEST_TEXT,
    UNITS,
    XMP,
    Metadata,
    Resolution,
    Text,
)
from restoration.exif import Entry, Exif
from restoration.png import metadata_of_png

PROFILE, PHOTOMETRIC = 34675, 262
TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LAYOUT = {256, 257, PHOTOMETRIC, exif.ORIENTATION}  # width and height come first
INKS = 5  # the photometric of CMYK
SIDEWAYS = (5, 6, 7, 8)
IMAGEJ = (50838, 50839)
# Tags of a TIFF that stay true: texts, times, places on earth and on a slide.
CARRIED = {exif.EXIF, exif.GPS, XMP, IPTC, PROFILE, DESCRIPTION, *IMAGEJ}
CARRIED |= {exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT}
CARRIED |= {269, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 318, 319, 18246, 18249}
CARRIED |= {33432, 33550, 33922, 34264, 34735, 34736, 34737, 37510, *range(40091, 40096)}
CARRIED |= {42016, 42032, 42033, 42035, 42036, 42037, 42112, 42113, 50708, 51123}
LARGEST = 2**24  # bytes of a profile, of XMP or of IPTC


def metadata_of(path: Path) -> Metadata:
    """Read the metadata of a file, as it is true of the upright picture that `open_picture` reads.

    Args:
        path: The file, which `open_picture` can read.

    Returns:
        The metadata. Damaged parts, and parts of a size that no honest file has, are in `lost`: no
        error is raised for them.
    """
    found = Metadata()
    try:
        with path.open("rb") as file:
            mark = file.read(4)
        if mark in TIFFS:
            found, size, sideways = _of_tiff(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(path) as image:
                    sideways = orientation(image) in SIDEWAYS
                    size = image.size
                    if image.format == "PNG":
                        found = metadata_of_png(path)
                        if found.exif and not found.resolution:
                            found = replace(found, resolution=_of_exif(found.exif))
                    else:
                        found = _of_others(path, image)
                    if image.mode == "CMYK":
                        found = _of_inks(found)
        width, height = size[::-1] if sideways else size
        return _upright(_checked(found), width, height, sideways)
    except Exception as error:  # parsers raise errors of any type
        reason = " ".join(str(error).split()) or type(error).__name__
        return found.without(f"metadata that cannot be read ({reason[:80]})")


def _of_inks(found: Metadata) -> Metadata:
    """Drop the profile of CMYK: `open_picture` has converted the colours by it."""
    if not found.profile:
        return found
    return found.without("the CMYK profile (the colours are sRGB now)", profile=None)


def _checked(found: Metadata) -> Metadata:
    for name, words in (("profile", "a colour profile"), ("xmp", "XMP"), ("iptc", "IPTC")):
        content = getattr(found, name)
        if content and len(content) > LARGEST:
            found = found.without(f"{words} of {len(content):,} bytes", **{name: None})
    profile = found.profile
    # ICC.1:2022, 7.2
    if profile and (len(profile) < 132 or profile[36:40] != b"acsp"):
        found = found.without("a damaged colour profile", profile=None)
    resolution = found.resolution
    if resolution and not all(n > 0 and d > 0 for n, d in resolution[:2]):
        found = replace(found, resolution=None)  # 0/0 stands for an unknown resolution
    return found


def _upright(found: Metadata, width: int, height: int, sideways: bool) -> Metadata:
    """Drop or turn what was true of the stored pixels only."""
    if found.xmp:
        turned = rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]"
        found = replace(found, xmp=re.sub(turned, rb"\g<1>1", found.xmp))
    if sideways and found.resolution:
        x, y, unit = found.resolution
        found = replace(found, resolution=Resolution(y, x, unit))
    if sideways and "sCAL" in found.png:
        scale = found.png["sCAL"]
        across, _, down = scale[1:].partition(b"\0")
        found = replace(found, png=found.png | {"sCAL": scale[:1] + down + b"\0" + across})
    if not found.exif:
        return found
    try:
        block = exif.read(found.exif)
    except ValueError:
        return found.without("damaged Exif", exif=None)
    if block.damaged:
        found = found.without("damaged parts of the Exif")
    main, tags = block.main, block.exif
    if sideways:
        other = {exif.X_RESOLUTION: exif.Y_RESOLUTION, exif.Y_RESOLUTION: exif.X_RESOLUTION}
        block.main = main = {other.get(tag, tag): entry for tag, entry in main.items()}
    for tag in exif.STRUCTURE & main.keys():
        del main[tag]
    for tag in exif.STORED_AS_JPEG & tags.keys():
        del tags[tag]
    for tag, size in ((exif.WIDTH, width), (exif.HEIGHT, height)):
        if tag in tags:
            tags[tag] = Entry(exif.LONG, 1, struct.pack(block.order + "I", size))
    return replace(found, exif=exif.block_of(block) if block else None)


def _of_tiff(path: Path) -> tuple[Metadata, tuple[int, int], bool]:
    """Read the metadata of a TIFF's first page.

    Returns:
        The metadata, the width and height as stored, and whether the picture lies on its side.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as block:
        read = exif.read(block, CARRIED | LAYOUT)
    main, found = read.main, Metadata()
    width, height, photometric, turn = (
        int.from_bytes(exif.turned(main.pop(tag), read.order, "<").value, "little")
        if tag in main
        else 0
        for tag in (256, 257, PHOTOMETRIC, exif.ORIENTATION)
    )
    if read.damaged:
        found = found.without("damaged tags")
    unknown = sorted(read.passed_over - exif.STRUCTURE)
    if unknown:
        names = (tifffile.TIFF.TAGS.get(tag, str(tag)) for tag in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        found = found.without(f"the tags {', '.join(names)}{more}")
    note = read.exif.get(exif.MAKER_NOTE)
    if note and note.value.startswith(exif.SELF_CONTAINED):
        read.exif[exif.MAKER_NOTE] = note._replace(offset=0)
    elif note:
        del read.exif[exif.MAKER_NOTE]
        found = found.without("the camera's maker note, which is bound to its place in the file")
    resolution = _resolution(read)
    for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT):
        main.pop(tag, None)
    if DESCRIPTION in main and main[DESCRIPTION].value.startswith(b'{"shape":'):
        del main[DESCRIPTION]  # by tifffile, about the layout of the old file
    profile, xmp, iptc = (
        main.pop(tag).value if tag in main else None for tag in (PROFILE, XMP, IPTC)
    )
    imagej: dict[str, Any] = {}
    if set(IMAGEJ) & main.keys():
        imagej = _imagej(path)
        for tag in IMAGEJ:
            main.pop(tag, None)
        if not imagej:
            found = found.without("ImageJ's damaged tags")
    found = replace(found, profile=profile, resolution=resolution, xmp=xmp, iptc=iptc)
    found = replace(found, exif=exif.block_of(read) if read else None, imagej=imagej)
    if photometric == INKS:
        found = _of_inks(found)
    return found, (width, height), turn in SIDEWAYS


def _imagej(path: Path) -> dict[str, Any]:
    logger = logging.getLogger("tifffile")
    try:
        logger.disabled = True
        with tifffile.TiffFile(path) as file:
            value = file.pages.first.tags[IMAGEJ[1]].value
        tifffile.tifffile.imagej_metadata_tag(value, "<")  # raises an error if it cannot be written
        return dict(value)
    except Exception:  # parsers raise errors of any type
        return {}
    finally:
        logger.disabled = False


def _resolution(read: Exif) -> Resolution | None:
    x, y = read.main.get(exif.X_RESOLUTION), read.main.get(exif.Y_RESOLUTION)
    unit = read.main.get(exif.RESOLUTION_UNIT)
    if x is None or y is None or {x.kind, y.kind} != {exif.RATIONAL}:
        return None
    code = 2
    if unit is not None and unit.kind == exif.SHORT:
        (code,) = struct.unpack(read.order + "H", unit.value[:2])
    across, down = (struct.unpack(read.order + "II", entry.value[:8]) for entry in (x, y))
    return Resolution(across, down, UNITS.get(code))


def _of_exif(block: bytes) -> Resolution | None:
    try:
        return _resolution(exif.read(block))
    except ValueError:
        return None


def _of_others(path: Path, image: Image.Image) -> Metadata:
    """Read the metadata of JPEG, MPO, WebP, AVIF, JPEG 2000, BMP, GIF and others by Pillow."""
    info = image.info
    found = Metadata(
        profile=info.get("icc_profile") or None,
        exif=(info.get("exif") or b"").removeprefix(b"Exif\0\0") or None,
        xmp=info.get("xmp") or None,
    )
    resources = info.get("photoshop", {})
    if isinstance(resources, dict) and isinstance(resources.get(0x0404), bytes):
        found = replace(found, iptc=resources[0x0404])
    comments = [content for name, content in getattr(image, "applist", []) if name == "COM"]
    for comment in comments or [info.get("comment")]:
        if isinstance(comment, bytes) and len(comment) <= LARGEST_TEXT:
            text = Text("Comment", _decoded(comment).replace("\0", ""))
            found = replace(found, texts=(*found.texts, text))
        elif comment:
            found = found.without("a comment of over a million bytes")
    if image.format == "MPO":
        found = found.without("the file's further pictures")
    return replace(found, resolution=_density(path, image, found))


def _density(path: Path, image: Image.Image, found: Metadata) -> Resolution | None:
    info = image.info
    density, unit = info.get("jfif_density"), info.get("jfif_unit")
    if density and unit in (1, 2):
        return Resolution((density[0], 1), (density[1], 1), (INCH, CENTIMETRE)[unit - 1])
    if found.exif and (resolution := _of_exif(found.exif)):
        return resolution
    if density:
        square = density[0] == density[1]  # such pixels need no ratio
        return None if square else Resolution((density[0], 1), (density[1], 1), None)
    if image.format == "BMP":
        with path.open("rb") as file:
            head = file.read(46)
        if len(head) == 46 and struct.unpack("<I", head[14:18])[0] >= 40:
            x, y = struct.unpack("<ii", head[38:46])
            return Resolution((x, 1), (y, 1), Fraction(1))
        return None
    dpi = info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2 and all(math.isfinite(d) for d in dpi):
        x, y = (Fraction(float(d)).limit_denominator(10**4) for d in dpi)
        return Resolution(x.as_integer_ratio(), y.as_integer_ratio(), INCH)
    return None


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
