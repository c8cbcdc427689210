"""Tiny test sets for benchmarks.photographs."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def picture(seed: int, channels: int = 1) -> NDArray[np.uint8]:
    """H W, or H W C."""
    shape = (20, 26) if channels == 1 else (20, 26, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def make_set(root: Path, name: str, count: int, channels: int = 1) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(picture(number, channels)).save(folder / f"{number:02d}.png")
    return folder
