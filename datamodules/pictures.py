"""Picture files as tensors.

C channels, H x W pixels.
"""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from tifffile import TiffFile
from torch import Tensor
from torchvision.io import decode_png, read_file

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")

# Pillow's modes, without those of more than 8 bits.
GREY = ("1", "L", "LA", "La")
COLOUR = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "YCbCr")

PNG_DEPTH = 24  # the byte of a PNG that holds its bits per sample
# Tags of TIFF and Exif, and their values
BITS, PHOTOMETRIC, ORIENTATION = 258, 262, 274
WHITE_IS_ZERO, RGB = 0, 2
STRAIGHT_ALPHA = 2  # colours that are not multiplied by it


def read_picture(path: Path) -> Tensor:
    """The picture in a PNG, JPEG, TIFF, BMP or WebP file: float32 C H W in [0, 1].

    C is 1 for grey pictures and 3 for others, those with a palette among them. A sample v of b bits
    is v / (2^b - 1); 16 bits are not cut to 8. Transparency is blended over white, and the picture
    stands upright, as its Exif orientation says. CMYK becomes sRGB by the file's profile; other
    profiles are not applied: samples are what the file says.

    Raises FileNotFoundError where there is no such file. Raises ValueError, which names the file,
    for anything else that stands in the way: no picture of these formats, a damaged one, one of
    several frames, one of over 179 million pixels, CMYK without a profile, floating-point numbers
    that are outside [0, 1] or several to a pixel.
    """
    try:
        with warnings.catch_warnings():
            # Of metadata that is not read, and of pictures half as large as the limit.
            warnings.simplefilter("ignore")
            return _over_white(_read(path)).contiguous()
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture at {path}") from None
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise ValueError(f"{path} is damaged, or not of a kind that is read: {kinds}") from None
    except Exception as error:  # decoders raise what they like
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be read: {reason}") from error


def _read(path: Path) -> Tensor:
    """C H W in [0, 1], upright; C is 2 or 4 with alpha as the last."""
    # An open file, not a path: Pillow would map a TIFF into memory, and scramble it where it is
    # stored on its side.
    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        # A camera's MPO is a photograph, then its preview or depth.
        if frames > 1 and image.format != "MPO":
            raise ValueError(f"it has {frames} frames, not one")
        samples = _samples(path, image)
        # Last, since Pillow turns TIFFs itself when it loads them, and forgets the tag.
        return _upright(samples, orientation(image))


def orientation(image: Image.Image) -> int:
    """As Exif numbers it; that of damaged Exif is the usual one."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow's parser raises what it likes
        return 1


def _samples(path: Path, image: ImageFile) -> Tensor:
    """C H W in [0, 1], as stored; C is 2 or 4 with alpha as the last."""
    # Pillow has no colours of 16 bits: it cuts them to 8.
    if image.format == "PNG" and np.fromfile(path, np.uint8, 1, offset=PNG_DEPTH) == 16:
        return _deep_png(path, image)
    if isinstance(image, TiffImageFile):
        bits = image.tag_v2.get(BITS, (1,))
        if len(bits) > 1 and max(bits) > 8:
            return _deep_tiff(path)
        if image.mode.startswith("I;16"):
            grey = _scaled(_planes(image), 2 ** bits[0] - 1)  # 12 bits, too
            return 1 - grey if image.tag_v2[PHOTOMETRIC] == WHITE_IS_ZERO else grey
    if image.mode == "F":
        grey = _scaled(_planes(image), 1)
        if not ((grey >= 0) & (grey <= 1)).all():  # NaN is in no range
            raise ValueError("its floating-point numbers are not in [0, 1]")
        return grey
    if image.mode == "CMYK":
        return _scaled(_planes(_from_cmyk(image)), 255)
    if image.mode not in GREY + COLOUR:
        raise ValueError(f"pixels of the kind {image.mode} are not supported")
    kind = "L" if image.mode in GREY else "RGB"
    plain = image.convert(f"{kind}A" if image.has_transparency_data else kind)
    return _scaled(_planes(plain), 255)


def _planes(image: Image.Image) -> np.ndarray:
    """C H W."""
    return np.moveaxis(np.atleast_3d(np.asarray(image)), -1, 0)


def _scaled(samples: np.ndarray, maximum: int) -> Tensor:
    return torch.from_numpy(samples.astype(np.float32, order="C")).div_(maximum)


def _deep_png(path: Path, image: ImageFile) -> Tensor:
    # torchvision's decoder crashes the process on damaged files, so that Pillow goes first: it
    # checks every chunk's CRC, and then whether all pixels are there.
    with Image.open(path) as checked:
        checked.verify()
    image.load()
    if "transparency" in image.info:
        raise ValueError("a transparent colour of 16 bits is not supported")
    return _scaled(decode_png(read_file(str(path))).numpy(), 2**16 - 1)


def _deep_tiff(path: Path) -> Tensor:
    with TiffFile(path) as file:
        page = file.pages.first
        if not (
            page.bitspersample == 16
            and page.photometric == RGB
            and page.extrasamples in ((), (STRAIGHT_ALPHA,))
            and page.axes in ("YXS", "SYX")
        ):
            raise ValueError("of deep TIFFs in colour, only 16-bit RGB is supported")
        return _scaled(np.moveaxis(page.asarray(), page.axes.index("S"), 0), 2**16 - 1)


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile:
        raise ValueError("it is CMYK without a colour profile: save it as RGB")
    inks = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, inks, srgb, outputMode="RGB")
    assert converted is not None  # None is for conversion in place
    return converted


def _over_white(samples: Tensor) -> Tensor:
    if len(samples) in (1, 3):
        return samples
    colour, alpha = samples[:-1], samples[-1:]
    return colour * alpha + (1 - alpha)


def _upright(image: Tensor, orientation: int) -> Tensor:
    """Undo how the camera was held: Exif 2.32, 4.6.5.1.6."""
    if orientation in (5, 6, 7, 8):
        image = image.mT
    if orientation in (2, 3, 6, 7):
        image = image.flip(-1)
    if orientation in (3, 4, 7, 8):
        image = image.flip(-2)
    return image
