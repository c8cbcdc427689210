"""TIFFs with the metadata of their original."""

import re
import struct
from dataclasses import replace
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from restoration import exif
from restoration.about import CENTIMETRE, DESCRIPTION, IPTC, UNITS, XMP, Metadata, Resolution
from restoration.exif import BIG, CLASSIC, Entry, Exif, Layout
from restoration.samples import Kind

MOST = 2**32 - 1
# `tifffile` does not write these tags. Unused ones hold their places until they are replaced.
STAND_IN = {exif.EXIF: exif.EXIF - 1, exif.GPS: exif.GPS - 1}
# The keys in ImageJ's description that describe the planes.
PLANES = ("images", "channels", "slices", "frames", "hyperstack", "mode", "loop")
OME_TYPES = {"float": "float32", "double": "float64"}


def encoded(pixels: np.ndarray, metadata: Metadata, kind: Kind) -> tuple[bytes, Metadata]:
    """Encode a TIFF.

    Args:
        pixels: ... H W or ... H W C, C from 1 to 4, of any type that TIFFs have. The axes before H
            are those of a stack.
        metadata: The metadata to write.
        kind: What the file has in common with the original.

    Returns:
        The file's bytes, and the metadata. Its `lost` also has what this TIFF cannot hold.
    """
    colours = pixels.ndim > len(kind.shape) + 2
    axes = f"{kind.axes}YX{'S' * colours}"
    channels = pixels.shape[-1] if colours else 1
    planes = int(np.prod(pixels.shape[: axes.index("Y")]))
    metadata, block = _fitting(metadata, pixels, axes, planes)
    description = block.main.pop(DESCRIPTION, None)
    extra: dict[str, Any] = {"metadata": None}
    text = description.value.rstrip(b"\0") if description else b""
    if kind.shape and kind.form != "pages" and not _describes_planes(text):
        text = b""
        extra = {"metadata": {"axes": axes}, "ome": kind.form == "ome"}
    if channels in (2, 4):
        extra["extrasamples"] = ["unassalpha"]
    if metadata.resolution:
        extra["resolution"] = _ratios(metadata.resolution)
        codes = {unit: code for code, unit in UNITS.items()}
        unit = metadata.resolution.unit
        extra["resolutionunit"] = 1 if unit is None else codes.get(unit, codes[CENTIMETRE])
    layout = BIG if pixels.nbytes > 2**32 - 2**25 else CLASSIC
    content = BytesIO()
    tifffile.imwrite(
        content,
        pixels,
        byteorder="<",
        bigtiff=layout is BIG,
        photometric="rgb" if channels > 2 else "miniswhite" if kind.inverted else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        compression="zlib",
        iccprofile=metadata.profile,
        description=text or None,
        software=False,
        extratags=_extratags(block, metadata, layout),
        **extra,
    )
    _add_directories(content, block, layout)
    return content.getvalue(), metadata


def _fitting(
    metadata: Metadata, pixels: np.ndarray, axes: str, planes: int
) -> tuple[Metadata, Exif]:
    """Select the metadata that this file can hold, and its tags in little-endian order."""
    block = Exif()
    if metadata.exif:
        read = exif.read(metadata.exif)
        for name in ("main", "exif", "gps", "interoperability"):
            directory = {
                tag: exif.turned(entry, read.order, "<")
                for tag, entry in getattr(read, name).items()
            }
            setattr(block, name, directory)
    note = block.exif.get(exif.MAKER_NOTE)
    if note and not note.value.startswith(exif.SELF_CONTAINED):
        del block.exif[exif.MAKER_NOTE]
        metadata = metadata.without("the camera's maker note")
    for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT):
        block.main.pop(tag, None)
    description = block.main.get(DESCRIPTION)
    if description and description.value.startswith(b"ImageJ="):
        value = _of_planes(description.value, planes)
        block.main[DESCRIPTION] = Entry(2, len(value), value)
    elif (
        description
        and _describes_planes(description.value.rstrip(b"\0"))
        and not _ome_agrees(description.value, pixels, axes, planes)
    ):
        del block.main[DESCRIPTION]
        metadata = metadata.without("the OME-XML, which tells of other pixels")
    if metadata.png:
        metadata = metadata.without(f"the chunks {', '.join(metadata.png)}", png={})
    if metadata.texts:
        names = ", ".join(dict.fromkeys(text.keyword for text in metadata.texts))
        metadata = metadata.without(f"the texts {names}", texts=())
    resolution = metadata.resolution
    if resolution and _ratios(resolution) is None:
        metadata = metadata.without("a resolution that TIFF has no numbers for", resolution=None)
    return replace(metadata, exif=exif.block_of(block) if block else None), block


def _of_planes(description: bytes, planes: int) -> bytes:
    """Correct the number of planes in ImageJ's description."""
    count = re.search(rb"^images=(\d+)", description, re.MULTILINE)
    if (int(count[1][:9]) if count else 1) == planes:
        return description
    kept = [
        line
        for line in description.rstrip(b"\0").split(b"\n")
        if line.partition(b"=")[0].decode("latin-1") not in PLANES
    ]
    if planes > 1:
        kept[1:1] = [b"images=%d" % planes, b"slices=%d" % planes]
    return b"\n".join(kept) + b"\0"


def _describes_planes(text: bytes) -> bool:
    return text.startswith(b"ImageJ=") or text.rstrip().endswith(b"OME>")


def _ome_agrees(description: bytes, pixels: np.ndarray, axes: str, planes: int) -> bool:
    """Tell whether OME-XML describes pixels like these."""
    if b"<!" in description.replace(b"<!--", b""):  # entities, which may be endless
        return False
    try:
        root = ElementTree.fromstring(description.rstrip(b"\0"))
        (found,) = (element for element in root.iter() if element.tag.endswith("}Pixels"))
        width, height = int(found.attrib["SizeX"]), int(found.attrib["SizeY"])
        counts = [int(found.attrib[f"Size{axis}"]) for axis in "ZCT"]
        kind = found.attrib["Type"]
    except (ElementTree.ParseError, ValueError, KeyError):
        return False
    names = {element.get("FileName") for element in root.iter() if element.tag.endswith("}UUID")}
    y, x = axes.index("Y"), axes.index("X")
    samples = pixels.shape[-1] if axes.endswith("S") else 1
    return (
        (height, width) == (pixels.shape[y], pixels.shape[x])
        and int(np.prod(counts)) == planes * samples
        and OME_TYPES.get(kind, kind) == pixels.dtype.name
        and len(names) <= 1
    )


def _extratags(block: Exif, metadata: Metadata, layout: Layout) -> list[tuple[Any, ...]]:
    tags: list[tuple[Any, ...]] = [
        (tag, entry.kind, entry.length, entry.value, True) for tag, entry in block.main.items()
    ]
    if metadata.xmp:
        tags.append((XMP, 1, len(metadata.xmp), metadata.xmp, True))
    if metadata.iptc:
        tags.append((IPTC, 7, len(metadata.iptc), metadata.iptc, True))
    if metadata.imagej:
        tags += tifffile.tifffile.imagej_metadata_tag(metadata.imagej, "<")
    tags += [(STAND_IN[exif.EXIF], layout.pointer, 1, 0, True)] * bool(block.exif)
    tags += [(STAND_IN[exif.GPS], layout.pointer, 1, 0, True)] * bool(block.gps)
    return tags


def _add_directories(content: BytesIO, block: Exif, layout: Layout) -> None:
    """Append the directories of Exif and GPS, which `tifffile` does not write, and link them."""
    end = content.seek(0, 2)
    content.write(bytes(end % 2))
    offsets, directories = exif.laid_out(block, end + end % 2, layout=layout, main=False)
    if not offsets:
        return
    content.write(directories)
    content.seek(0)
    with tifffile.TiffFile(content) as file:
        places = {tag.code: (tag.offset, tag.valueoffset) for tag in file.pages.first.tags}
        for name, tag in (("exif", exif.EXIF), ("gps", exif.GPS)):
            if name in offsets:
                place, value = places[STAND_IN[tag]]
                content.seek(place)
                content.write(struct.pack("<H", tag))
                content.seek(value)
                content.write(struct.pack("<" + layout.next, offsets[name]))


def _ratios(resolution: Resolution) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return a resolution in a unit that TIFF has: pixels per metre become pixels per centimetre.

    None stands for numbers that TIFF cannot hold.
    """
    pairs = resolution.x, resolution.y
    if resolution.unit is not None and resolution.unit not in UNITS.values():
        pairs = tuple((n, int(d * 100 * resolution.unit)) for n, d in pairs)  # type: ignore[assignment]
    return pairs if all(0 < n <= MOST and 0 < d <= MOST for n, d in pairs) else None
