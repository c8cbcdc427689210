"""Three pictures side by side, for people to look at: noisy, restored, and what was taken away.

C channels, H x W pixels.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from groundwork.files import whole_file
from restoration.residual import mean_and_std

SIDE = 512  # pixels, of the largest panel
SMALL = 192  # pixels; smaller pictures are shown by whole squares for pixels
GAP = 8  # pixels
CAPTION = 26  # pixels, its height
TEXT = 15  # pixels, its size
SPREAD = 3  # standard deviations of the residual between middle grey and black
LEAST_STD = 0.5 / 255  # a residual that is weaker is not made visible
MOST = 64  # times, that a residual is made stronger
INK, PAPER = "black", "white"


def write(path: Path, noisy: np.ndarray, restored: np.ndarray) -> None:
    """Write the triptych as a PNG.

    Pictures that are larger than a panel are shrunk to one. A second row then shows the middle of
    each in its own pixels, since shrinking takes noise away as well.

    Args:
        path: The file.
        noisy, restored: float32 C H W in [0, 1].

    Raises:
        OSError: The file cannot be written.
    """
    shown = noisy - restored
    gain = stronger(shown)
    shown *= gain
    shown += 0.5
    captions = ["noisy", "restored", f"taken away, {gain:g} times as strong"]
    large = max(noisy.shape[1:]) > SIDE
    views = (_whole, _middle) if large else (_whole,)
    columns = [[view(image) for view in views] for image in map(_image, (noisy, restored, shown))]
    rows = [*map(list, zip(*columns, strict=True))]
    with whole_file(path) as file:
        _laid_out(captions, rows).save(file, "PNG")


def stronger(residual: np.ndarray) -> int:
    """Choose how many times as strong a residual is shown."""
    _, std = mean_and_std(residual)
    return int(np.clip(round(0.5 / SPREAD / max(std, LEAST_STD)), 1, MOST))


def _image(picture: np.ndarray) -> Image.Image:
    pixels = np.stack([_of_8_bits(channel) for channel in picture], -1)
    return Image.fromarray(pixels[..., 0] if len(picture) == 1 else pixels)


def _of_8_bits(channel: np.ndarray) -> np.ndarray:
    shades = channel.clip(0, 1)
    shades *= 255
    return np.rint(shades, out=shades).astype(np.uint8)


def _whole(image: Image.Image) -> Image.Image:
    if (factor := SMALL // max(image.size)) > 1:
        size = image.width * factor, image.height * factor
        return image.resize(size, Image.Resampling.NEAREST)
    small = image.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)  # never larger than it is
    return small


def _middle(image: Image.Image) -> Image.Image:
    left, top = max(0, (image.width - SIDE) // 2), max(0, (image.height - SIDE) // 2)
    return image.crop((left, top, min(left + SIDE, image.width), min(top + SIDE, image.height)))


def _laid_out(captions: list[str], rows: list[list[Image.Image]]) -> Image.Image:
    font = ImageFont.load_default(TEXT)
    column = max(
        max(image.width for row in rows for image in row),
        max(round(font.getlength(caption)) for caption in captions),
    )
    heights = [max(image.height for image in row) for row in rows]
    size = (
        len(captions) * (column + GAP) + GAP,
        CAPTION + sum(height + GAP for height in heights),
    )
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, caption in enumerate(captions):
        left, top = GAP + place * (column + GAP), CAPTION
        draw.text((left + column / 2, CAPTION / 2), caption, INK, font, anchor="mm")
        for row, height in zip(rows, heights, strict=True):
            sheet.paste(row[place], (left + (column - row[place].width) // 2, top))
            top += height + GAP
    return sheet
