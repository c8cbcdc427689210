"""What a picture's file says beside its pixels, as far as another file can say it too."""

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

from restoring import exif
from restoring.about import (
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
from restoring.exif import Entry, Exif
from restoring.png import metadata_of_png

PROFILE = 34675
IMAGEJ = (50838, 50839)
# Tags of a TIFF that are true of another file too: texts, times, places on earth and on a slide.
CARRIED = {exif.EXIF, exif.GPS, XMP, IPTC, PROFILE, DESCRIPTION, *IMAGEJ}
CARRIED |= {exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT}
CARRIED |= {269, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 318, 319, 18246, 18249}
CARRIED |= {33432, 33550, 33922, 34264, 34735, 34736, 34737, 37510, *range(40091, 40096)}
CARRIED |= {42016, 42032, 42033, 42035, 42036, 42037, 42112, 42113, 50708, 51123}
LARGEST = 2**24  # bytes of a profile, of XMP, of IPTC


def metadata_of(path: Path) -> Metadata:
    """Of a picture that `read_picture` reads, for the upright one that it gives.

    Args:
        path: the file.

    Returns:
        What could be read. Nothing in a file stops this: what is damaged, or larger than honest
        files have it, is among `lost`.
    """
    found = Metadata()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as image:
                sideways = image.getexif().get(exif.ORIENTATION, 1) in (5, 6, 7, 8)
                width, height = image.size[::-1] if sideways else image.size
                if image.format == "PNG":
                    found = metadata_of_png(path)
                elif image.format == "TIFF":
                    found = _of_tiff(path)
                else:
                    found = _of_others(path, image)
                if image.mode == "CMYK" and found.profile:  # `read_picture` converts by it
                    found = found.without("the CMYK profile (it is sRGB now)", profile=None)
        except Exception as error:  # parsers raise what they like
            reason = " ".join(str(error).split()) or type(error).__name__
            return found.without(f"metadata that cannot be read ({reason[:80]})")
        return _upright(_checked(found), width, height, sideways)


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
        found = replace(found, resolution=None)  # 0/0 is how it is said that there is none
    return found


def _upright(found: Metadata, width: int, height: int, sideways: bool) -> Metadata:
    """Without what was true only of the pixels as they were stored."""
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
        x, y = main.pop(exif.X_RESOLUTION, None), main.pop(exif.Y_RESOLUTION, None)
        pairs = ((exif.X_RESOLUTION, y), (exif.Y_RESOLUTION, x))
        main.update({tag: entry for tag, entry in pairs if entry})
    for tag in exif.STRUCTURE & main.keys():
        del main[tag]
    for tag in exif.STORED_AS_JPEG & tags.keys():
        del tags[tag]
    for tag, size in ((exif.WIDTH, width), (exif.HEIGHT, height)):
        if tag in tags:
            tags[tag] = Entry(exif.LONG, 1, struct.pack(block.order + "I", size))
    return replace(found, exif=exif.block_of(block) if block else None)


def _of_tiff(path: Path) -> Metadata:
    """Of its first page."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as block:
        read = exif.read(block, CARRIED)
        everything = _tags(path)
    main, found = read.main, Metadata()
    if read.damaged:
        found = found.without("damaged tags")
    unknown = sorted(everything - CARRIED - exif.STRUCTURE - {292, 293, 333})
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
        del main[DESCRIPTION]  # tifffile's, of the old file's layout
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
    block = exif.block_of(read) if read else None
    return replace(
        found,
        profile=profile,
        resolution=resolution,
        exif=block,
        xmp=xmp,
        iptc=iptc,
        imagej=imagej,
    )


def _tags(path: Path) -> set[int]:
    logger = logging.getLogger("tifffile")
    try:
        logger.disabled = True  # it tells of each damaged tag
        with tifffile.TiffFile(path) as file:
            return {tag.code for tag in file.pages.first.tags}
    finally:
        logger.disabled = False


def _imagej(path: Path) -> dict[str, Any]:
    logger = logging.getLogger("tifffile")
    try:
        logger.disabled = True
        with tifffile.TiffFile(path) as file:
            value = file.pages.first.tags[IMAGEJ[1]].value
        tifffile.tifffile.imagej_metadata_tag(value, "<")  # whether it can be written
        return dict(value)
    except Exception:  # parsers raise what they like
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


def _of_others(path: Path, image: Image.Image) -> Metadata:
    """What Pillow gives of JPEG, MPO, WebP, AVIF, JPEG 2000, BMP, GIF and others."""
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
    if found.exif:
        try:
            resolution = _resolution(exif.read(found.exif))
        except ValueError:
            resolution = None
        if resolution:
            return resolution
    if density:
        # A ratio of 1 says nothing.
        ratio = density[0] != density[1]
        return Resolution((density[0], 1), (density[1], 1), None) if ratio else None
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
