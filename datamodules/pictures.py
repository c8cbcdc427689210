"""Picture files as their own numbers, and as tensors.

C channels, H x W pixels.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from torch import Tensor

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
    """What is in a PNG, JPEG, TIFF, BMP, WebP, GIF, PGM, PPM, JPEG 2000 or AVIF file.

    The content says which it is. Planes are grey or RGB, with alpha or without: palettes are looked
    up, what has less than 8 bits has 8, and what stands on its side is upright. CMYK becomes sRGB
    by the file's profile; other profiles are not applied. The planes of a TIFF's stack are read
    when they are asked for.

    Raises FileNotFoundError where there is no such file. Raises ValueError, which names the file,
    for anything else that stands in the way, here and when planes are read: no picture of these
    formats, a damaged one, an animation, one of over 179 million pixels, CMYK without a profile,
    TIFFs of numbers or colours that are not supported.
    """
    with named(path):
        stored = open_tiff(path) if is_tiff(path) else None
        stored = stored or _read(path)
    return replace(stored, planes=lambda: _named_planes(path, stored))


def read_picture(path: Path, given: Given = "dtype") -> Tensor:
    """The picture of a file, float32 C H W, 0 for black and 1 for white.

    C is 1 for grey pictures and 3 for others. Transparency is blended over white. given: which of
    the file's numbers are black and white, as in `value_range`.

    Raises ValueError for a stack too.
    """
    stored = open_picture(path)
    with named(path):
        if stored.shape:
            raise ValueError(f"it is a stack of {stored.count} planes, not one")
        (plane,) = stored.planes()
    return torch.from_numpy(over_white(plane, stored, range_of(path, stored, given)))


def range_of(path: Path, stored: Stored, given: Given) -> ValueRange:
    """Which of a file's numbers are black and white; see `value_range`."""
    with named(path):
        return value_range(given, [numbers_of(stored)])


def numbers_in(path: Path) -> Numbers:
    """What there is to judge a file's range by, where it is one with others."""
    stored = open_picture(path)
    with named(path):
        return numbers_of(stored)


def over_white(plane: np.ndarray, stored: Stored, values: ValueRange) -> np.ndarray:
    """float32 C H W of a plane: 0 is black, 1 is white, and what is transparent lies over white."""
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
    """Errors in reading a file are raised as one line that names it."""
    try:
        with warnings.catch_warnings():
            # Of metadata that is not read, and of pictures half as large as the limit.
            warnings.simplefilter("ignore")
            yield
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture at {path}") from None
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise ValueError(f"{path} is damaged, or not of a kind that is read: {kinds}") from None
    except Exception as error:  # decoders raise what they like
        if str(error).startswith(f"{path} "):  # it is named already
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be read: {reason}") from error


def _named_planes(path: Path, stored: Stored) -> Iterator[np.ndarray]:
    planes = stored.planes()
    while True:
        with named(path):  # not around the yield: what is done with a plane is not its file's fault
            plane = next(planes, None)
        if plane is None:
            return
        yield plane


def _read(path: Path) -> Stored:
    """A picture that Pillow opens."""
    # An open file, not a path: Pillow would map a TIFF into memory, and scramble it where it is
    # stored on its side.
    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        # A camera's MPO is a photograph, then its preview or depth.
        if frames > 1 and image.format != "MPO":
            raise ValueError(f"it has {frames} frames, not one")
        samples, bits, top = read_deep(path, image) or (_shallow(image), 8, None)
        # Last, since Pillow turns TIFFs itself when it loads them, and forgets the tag.
        turned = upright(samples, orientation(image))
        return single(np.ascontiguousarray(turned), bits, top, len(samples) in (2, 4))


def orientation(image: Image.Image) -> int:
    """As Exif numbers it; that of damaged Exif is the usual one."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow's parser raises what it likes
        return 1


def _shallow(image: ImageFile) -> np.ndarray:
    """uint8 C H W, as stored."""
    if image.mode == "CMYK":
        return _planes(_from_cmyk(image))
    if image.mode not in GREY + COLOUR:
        raise ValueError(f"pixels of the kind {image.mode} are not supported")
    kind = "L" if image.mode in GREY else "RGB"
    return _planes(image.convert(f"{kind}A" if image.has_transparency_data else kind))


def _planes(image: Image.Image) -> np.ndarray:
    """C H W."""
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
