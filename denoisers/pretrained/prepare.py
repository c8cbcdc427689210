"""Prepare the photographs that the weights which ship were trained on.

    python -m denoisers.pretrained.prepare pictures/ data/photographs

Photographs of this size still show the noise and the sharpening of their cameras. So each is shrunk
before it is cut into tiles. Tiles of one photograph go to training together.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from groundwork.files import expand

# The folders of CC0 photographs, and the scales of each: the first also gives the test pictures.
SCALES = {
    "budgie_CC0": (1 / 3, 1 / 5),
    "gb82_CC0": (1.0, 0.6),
    "wesaturate_CC0": (1.0, 0.6),
}
# Rendered or drawn, almost empty, or a copy of another one.
LEFT_OUT = {
    *("saturnian-profile", "valley-midnight", "waves-midnight", "rain-lossless", "haze-lossless"),
    *("sunset-lossless", "mc2-lossless", "mc3-lossless", "pixel-lossless"),
    *("cvo9xd_keong_macan_grayscale", "tmshre_riaphotographs_alpha"),
}
TEST = {
    *("perched-osprey", "nyc-lossless", "flowers-lossless", "u76c0g_bliznaca_srgb8", "casa-mila"),
}
TILE = 192  # pixels on a side, about
FLAT = 4.0  # mean difference between neighbours, of 255, below which a tile shows next to nothing
KEPT = 6  # one in so many flat tiles is kept


class Photograph(NamedTuple):
    """A photograph at one scale."""

    name: str
    image: Image.Image


def photographs(root: Path, test: bool) -> Iterator[Photograph]:
    """Read the photographs for training at each of their scales, or those for the test at one.

    Raises:
        FileNotFoundError: A folder of photographs is absent.
    """
    files = []
    for folder in SCALES:
        if not (root / folder).is_dir():
            raise FileNotFoundError(f"{root / folder}: there is no such folder of photographs")
        files += [*(root / folder).glob("[!.]*.*")]
    for file in sorted(files):
        if file.suffix == ".md" or file.stem in LEFT_OUT or (file.stem in TEST) != test:
            continue
        image = Image.open(file).convert("RGB")
        for scale in SCALES[file.parent.name][: 1 if test else None]:
            size = round(image.width * scale), round(image.height * scale)
            shrunk = image if scale == 1 else image.resize(size, Image.Resampling.LANCZOS)
            yield Photograph(f"{file.stem}_{round(100 * scale)}", shrunk)


def tiles(photograph: Photograph) -> Iterator[Photograph]:
    """Cut a photograph into tiles of about the same size."""
    width, height = photograph.image.size
    columns, rows = max(1, round(width / TILE)), max(1, round(height / TILE))
    for row in range(rows):
        for column in range(columns):
            left, right = column * width // columns, (column + 1) * width // columns
            upper, lower = row * height // rows, (row + 1) * height // rows
            tile = photograph.image.crop((left, upper, right, lower))
            yield Photograph(f"{photograph.name}_{row}_{column}", tile)


def contrast(image: Image.Image) -> float:
    """Return the mean difference between neighbours, down plus across, of 255."""
    pixels = np.asarray(image.convert("L"), np.float64)
    return float(np.abs(np.diff(pixels, axis=0)).mean() + np.abs(np.diff(pixels)).mean())


def prepare(root: Path, output: Path) -> int:
    """Write tiles to `output`/train and whole pictures to `output`/test.

    Returns:
        The number of tiles.

    Raises:
        OSError: A photograph cannot be read, or a tile cannot be written.
    """
    for part in ("train", "test"):
        (output / part).mkdir(parents=True)
    for photograph in photographs(root, test=True):
        photograph.image.save(output / "test" / f"{photograph.name}.png")
    seen = kept = 0
    for photograph in sorted(photographs(root, test=False), key=lambda one: f"{one.name}.png"):
        for tile in tiles(photograph):
            seen += 1
            if contrast(tile.image) >= FLAT or seen % KEPT == 0:
                tile.image.save(output / "train" / f"{tile.name}.png")
                kept += 1
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m denoisers.pretrained.prepare")
    parser.add_argument("root", type=expand, help=f"a folder with {', '.join(SCALES)}")
    parser.add_argument("output", type=expand, help="a new folder")
    given = parser.parse_args()
    try:
        count = prepare(given.root, given.output)
    except OSError as error:
        sys.exit(f"{parser.prog}: {error}")
    print(f"{count} tiles to train with are in {given.output / 'train'}")


if __name__ == "__main__":
    main()
