"""TIFFs, read with tifffile: pictures and stacks of every type of numbers.

C channels, H x W pixels; S samples of a pixel, which are colours, transparency or channels.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile, TiffPage, TiffPageSeries

from datamodules.stored import Form, Stored, upright

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION, MAX_SAMPLE, LARGEST_SAMPLE = 274, 281, 341
JPEG = 7
PREMULTIPLIED, STRAIGHT = 1, 2  # kinds of alpha in ExtraSamples
REDUCED, MASK = 1, 4  # bits of NewSubfileType
# The types whose numbers can be written as a float32 in [0, 1] and a range.
TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")
GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
FORMS: dict[str, Form] = {"ome": "ome", "imagej": "imagej", "shaped": "shaped"}  # by series kind
# tifffile logs such lines about files that lack pages or data, and then reads a part of them.
INCOMPLETE = re.compile(
    "page offset|missing|incomplete|corrupt|match|reshape|range|expected", re.IGNORECASE
)


def _refuse_incomplete(record: logging.LogRecord) -> bool:
    """Turn tifffile's remark on an incomplete file into an error, and drop its other remarks.

    Raises:
        ValueError: The file is incomplete. It is raised in the thread that reads the file.
    """
    line = record.getMessage()
    if INCOMPLETE.search(line):
        raise ValueError(f"it is damaged: {line.rpartition('> ')[2]}")
    return False


logging.getLogger("tifffile").addFilter(_refuse_incomplete)


def is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in SIGNATURES


def open_tiff(path: Path) -> Stored | None:
    """Open a TIFF. Thumbnails and masks are not among its planes.

    Returns:
        None for colours that Pillow has to convert, such as inks.

    Raises:
        ValueError: The pages differ in size or type, or their numbers are not supported.
    """
    with TiffFile(path, _multifile=False) as file:
        if not (file.is_ome or file.is_imagej or file.is_shaped):
            _require_alike(file)
        series = _only(file)
        page = series.keyframe
        colour = page.photometric
        if not (
            colour in (*GREY, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE)
            or (colour == PHOTOMETRIC.YCBCR and page.compression == JPEG)
        ):
            if len(series.pages) > 1:
                raise ValueError(f"it has {len(series.pages)} pages of {_name(colour)}, not one")
            if page.bitspersample != 8:
                raise ValueError(f"{page.bitspersample}-bit {_name(colour)} is not supported")
            return None
        _require_numbers(page)
        axes, shape = _stacked(series)
        form: Form = FORMS.get(series.kind, "pages")
        tags = (page.tags.valueof(tag) for tag in (LARGEST_SAMPLE, MAX_SAMPLE))
        top = next((_largest(value) for value in tags if value is not None), None)
    bits = 8 if colour == PHOTOMETRIC.PALETTE or page.bitspersample in (1, 2, 4) else 0
    dtype = np.dtype(np.uint8) if bits else page.dtype
    assert dtype is not None
    channels, alpha = _channels(page)
    height, width = page.imagelength, page.imagewidth
    if page.tags.valueof(ORIENTATION, default=1) in (5, 6, 7, 8):
        height, width = width, height
    return Stored(
        lambda: _planes(path),
        dtype,
        bits or page.bitspersample,
        top,
        alpha,
        (channels, height, width),
        axes,
        shape,
        form,
        colour == PHOTOMETRIC.MINISWHITE,
    )


def _require_alike(file: TiffFile) -> None:
    """Refuse pages that differ.

    tifffile compares some pages only, and takes smaller ones at the end for thumbnails even if
    they are not marked as such.

    Raises:
        ValueError: The pages differ in size, type or kind of colour.
    """
    pages = [page for page in file.pages if isinstance(page, TiffPage) and not _aside(page)]
    kinds = {(page.shape, page.dtype, page.photometric): page for page in pages}
    if len(kinds) > 1:
        named = ", ".join(f"{' x '.join(map(str, p.shape))} of {p.dtype}" for p in kinds.values())
        raise ValueError(f"its pages differ in size or type ({named}): split it")


def _aside(page: TiffPage) -> bool:
    """Return whether a page is a smaller copy or a mask of another one."""
    return bool(int(page.subfiletype) & (REDUCED | MASK))


def _only(file: TiffFile) -> TiffPageSeries:
    """Find the one series that is the picture.

    Raises:
        ValueError: There is no such series, there are several, or it is not a complete picture of
            a size that is read.
    """
    found = [series for series in file.series if series.shape and not _aside(series.keyframe)]
    if not found:
        raise ValueError("it has no picture but reduced ones")
    if len(found) > 1:
        sizes = ", ".join(" x ".join(map(str, series.shape)) for series in found[:5])
        raise ValueError(
            f"its {len(found)} stacks of pages differ in size or type ({sizes}): split it"
        )
    series = found[0]
    if any(page is None for page in series.pages):
        raise ValueError("its description names planes that are not in this file")
    keyframe = series.keyframe
    if not series.axes.count("Y") == series.axes.count("X") == 1:
        raise ValueError(f"its axes are {series.axes}: a picture has Y and X")
    pixels, most = keyframe.imagelength * keyframe.imagewidth, 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if pixels > most:
        raise ValueError(f"it has {pixels} pixels, more than {most}")
    if pixels == 0:
        raise ValueError("it has no pixels")
    return series


def _require_numbers(page: TiffPage) -> None:
    bits, dtype = page.bitspersample, page.dtype
    if not isinstance(bits, int) or dtype is None:
        raise ValueError(
            f"numbers of {bits} bits and the format {page.sampleformat} are not supported"
        )
    if dtype.kind != "b" and dtype.str[1:] not in TYPES:
        raise ValueError(f"its numbers are {dtype.name}, which is not supported: convert them")
    colours = 3 if page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR) else 1
    if page.photometric not in GREY and page.samplesperpixel != colours + (_alpha(page) > 0):
        raise ValueError(
            f"it has {page.samplesperpixel} samples a pixel, of which {colours} are its colour and "
            "none is said to be transparency: take the others out"
        )


def _stacked(series: TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Return the axes of a stack and their lengths, without those of each picture.

    Samples that are no colours count as channels.
    """
    kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if a not in "YXS"]
    channels = _channels_as_planes(series.keyframe)
    if channels > 1:
        kept.append(("C" if "C" not in series.axes else "S", channels))
    return "".join(axis for axis, _ in kept), tuple(size for _, size in kept)


def _channels_as_planes(page: TiffPage) -> int:
    grey = page.photometric in GREY
    return page.samplesperpixel if grey and not _alpha(page) else 1


def _channels(page: TiffPage) -> tuple[int, bool]:
    """Return the number of a plane's colours, and whether it has alpha too."""
    return 1 if page.photometric in GREY else 3, _alpha(page) > 0


def _alpha(page: TiffPage) -> int:
    """Return the kind of alpha that comes after the colours, or 0."""
    colours = 1 if page.photometric in GREY else 3
    extra = tuple(map(int, page.extrasamples))
    plain = page.photometric != PHOTOMETRIC.PALETTE and page.samplesperpixel == colours + 1
    return extra[0] if plain and extra in ((PREMULTIPLIED,), (STRAIGHT,)) else 0


def _planes(path: Path) -> Iterator[np.ndarray]:
    """Read the planes, C H W, one after the other. Planes packed in one page are read together."""
    with TiffFile(path, _multifile=False) as file:
        series = _only(file)
        page = series.keyframe
        orientation = page.tags.valueof(ORIENTATION, default=1)
        for samples, axes in _arrays(file, series):
            if page.photometric == PHOTOMETRIC.PALETTE:
                colours = (np.asarray(page.colormap) >> 8).astype(np.uint8)
                samples, axes = colours[:, samples], f"S{axes}"
            if "S" in axes:
                samples = np.moveaxis(samples, axes.index("S"), -3)
            else:
                samples = samples[..., None, :, :]
            pictures = samples.reshape(-1, *samples.shape[-3:])
            if _channels_as_planes(page) > 1:
                pictures = pictures.reshape(-1, 1, *samples.shape[-2:])
            channels, alpha = _channels(page)
            for picture in pictures:
                plane = _numbers(picture[: channels + alpha], page)
                yield np.ascontiguousarray(upright(plane, orientation))


def _arrays(file: TiffFile, series: TiffPageSeries) -> Iterator[tuple[np.ndarray, str]]:
    """Read arrays of numbers, each with its axes."""
    if series.dataoffset is not None and len(series.pages) < np.prod(_stacked(series)[1]):
        # One page describes a stack, whose numbers lie one after the other.
        assert series.dtype is not None
        stored = series.dtype.newbyteorder(file.byteorder)
        yield (
            file.filehandle.memmap_array(stored, series.shape, series.dataoffset),
            series.axes,
        )
        return
    for page in series.pages:
        assert page is not None
        yield page.asarray(), page.axes


def _numbers(picture: np.ndarray, page: TiffPage) -> np.ndarray:
    bits, dtype = page.bitspersample, picture.dtype.newbyteorder("=")
    if page.photometric == PHOTOMETRIC.PALETTE:
        return picture
    if dtype.kind == "b":
        picture, dtype = picture.astype(np.uint8), np.dtype(np.uint8)
    if bits in (1, 2, 4):
        picture = picture * np.uint8(255 // (2**bits - 1))
    if _alpha(page) == PREMULTIPLIED:
        picture = _straight(picture, 1 if dtype.kind == "f" else 2**bits - 1)
    return picture.astype(dtype, copy=False)


def _straight(picture: np.ndarray, opaque: int) -> np.ndarray:
    """Divide colours by alpha, which they had been multiplied by."""
    alpha = picture[-1].astype(np.float64)
    factor = np.divide(opaque, alpha, out=np.zeros_like(alpha), where=alpha > 0)
    colours = picture[:-1] * factor
    if picture.dtype.kind != "f":
        colours = np.rint(colours).clip(0, opaque)
    return np.concatenate((colours.astype(picture.dtype), picture[-1:]))


def _largest(value: object) -> float:
    return float(np.max(np.asarray(value)))


def _name(photometric: int) -> str:
    try:
        return PHOTOMETRIC(photometric).name
    except ValueError:
        return f"photometric interpretation {photometric}"
