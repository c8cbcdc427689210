"""Picture files, read as their own numbers.

C channels, H x W pixels.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from datamodules.deep import read_deep
from datamodules.stored import Stored, single, upright
from datamodules.tiff import is_tiff, open_tiff
from datamodules.value_range import Given, Numbers, ValueRange, full_range, numbers_of, value_range

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")

# Pillow's modes, without those of more than 8 bits.
GREY = ("1", "L", "LA", "La")
COLOUR = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "YCbCr")
ORIENTATION = 274  # Exif's tag


def open_picture(path: Path) -> Stored:
    """Open a PNG, JPEG, TIFF, BMP, WebP, GIF, PGM, PPM, JPEG 2000 or AVIF file.

    The content tells the format. Planes are grey or RGB, with or without alpha. Palettes are looked
    up, numbers of less than 8 bits are scaled to 8, and planes are turned upright. CMYK becomes
    sRGB by the file's profile. Other profiles are not applied. The planes of a TIFF's stack are
    read when they are asked for.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be read, here or when planes are read. It is of no such format,
            damaged, an animation, of over 179 million pixels, CMYK without a profile, or a TIFF of
            numbers or colours that are not supported. The message names the file.
    """
    with named(path):
        stored = open_tiff(path) if is_tiff(path) else None
        stored = stored or _read(path)
    return replace(stored, planes=lambda: _named_planes(path, stored))


def range_of(path: Path, stored: Stored, given: Given) -> ValueRange:
    """Find which of a file's numbers are black and white. See `value_range`."""
    with named(path):
        return value_range(given, [numbers_of(stored)])


def numbers_in(path: Path) -> Numbers:
    """Read what a file says about its range, for a range that it shares with others."""
    stored = open_picture(path)
    with named(path):
        return numbers_of(stored)


def over_white(plane: np.ndarray, stored: Stored, values: ValueRange) -> np.ndarray:
    """Scale a plane to float32 C H W, 0 for black and 1 for white, and blend it over white."""
    colours = values.scaled(plane[: stored.size[0]])
    if not stored.alpha:
        return colours
    most = 1 if stored.dtype.kind == "f" else full_range(stored.dtype, stored.bits)[1]
    # Like the colours, transparency of 12 bits may be stored in 16.
    white = max(values.low, values.high)
    opaque = white if 0 < plane[-1].max() <= white else most
    alpha = plane[-1:].astype(np.float32) / np.float32(opaque)
    return np.asarray(colours * alpha + (1 - alpha))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn errors in reading a file into one line that names it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Any other error was raised in the block.
    """
    try:
        with warnings.catch_warnings():
            # Warnings are about metadata that is not read, and pictures half as large as the limit.
            warnings.simplefilter("ignore")
            yield
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture at {path}") from None
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise ValueError(f"{path} is damaged, or not of a kind that is read: {kinds}") from None
    except Exception as error:  # decoders raise errors of any type
        if str(error).startswith(f"{path} "):  # it is named already
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be read: {reason}") from error


def _named_planes(path: Path, stored: Stored) -> Iterator[np.ndarray]:
    planes = stored.planes()
    while True:
        with named(path):  # not around the yield, where errors are not the file's fault
            plane = next(planes, None)
        if plane is None:
            return
        yield plane


def _read(path: Path) -> Stored:
    """Read a picture that Pillow opens."""
    # Pillow gets an open file, since it would map the path of a TIFF into memory, and scramble one
    # that is stored on its side.
    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        # A camera's MPO holds a photograph first, and then its preview or depth.
        if frames > 1 and image.format != "MPO":
            raise ValueError(f"it has {frames} frames, not one")
        samples, bits, top = read_deep(path, image) or (_shallow(image), 8, None)
        # This comes last, since Pillow turns TIFFs itself when it loads them and drops the tag.
        turned = upright(samples, orientation(image))
        return single(np.ascontiguousarray(turned), bits, top, len(samples) in (2, 4))


def orientation(image: Image.Image) -> int:
    """Return Exif's number of the orientation. Without Exif, or if it is damaged, it is 1."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow's parser raises errors of any type
        return 1


def _shallow(image: ImageFile) -> np.ndarray:
    """Return the samples of a picture of up to 8 bits: uint8 C H W, as stored."""
    if image.mode == "CMYK":
        return _planes(_from_cmyk(image))
    if image.mode not in GREY + COLOUR:
        raise ValueError(f"pixels of the kind {image.mode} are not supported")
    kind = "L" if image.mode in GREY else "RGB"
    return _planes(image.convert(f"{kind}A" if image.has_transparency_data else kind))


def _planes(image: Image.Image) -> np.ndarray:
    """Return a picture's samples: C H W."""
    return np.moveaxis(np.atleast_3d(np.asarray(image)), -1, 0)


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile:
        raise ValueError("it is CMYK without a colour profile: save it as RGB")
    inks = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, inks, srgb, outputMode="RGB")
    assert converted is not None  # None is for conversion in place
    return converted
