"""Inputs of denoise.py that the tests share."""

from pathlib import Path

import numpy as np
from PIL import Image


def save(path: Path, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(str(path))).integers(256, size=(20, 30), dtype=np.uint8)
    Image.fromarray(pixels).save(path, kind)
    return path
