"""Pictures for tests: a file as a tensor, a photograph, and noise."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from datamodules.pictures import open_picture, over_white, range_of
from datamodules.value_range import Given


def read_picture(path: Path, given: Given = "dtype") -> Tensor:
    """Read a file of one picture, by the steps with which `datamodules.reading` reads it.

    Returns:
        float32 C H W, 0 for black and 1 for white. C is 1 for grey pictures and 3 for others.
    """
    stored = open_picture(path)
    (plane,) = stored.planes()
    return torch.from_numpy(over_white(plane, stored, range_of(path, stored, given)))


def save(path: Path, samples: np.ndarray) -> Path:
    """Write H W or H W C, in a folder that is made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(samples).save(path)
    return path


def photograph(channels: int, height: int, width: int) -> np.ndarray:
    """Return a part of a photograph, float32 C H W in [0, 1]."""
    whole = np.atleast_3d(data.camera() if channels == 1 else data.chelsea())
    part = whole[60 : 60 + height, 120 : 120 + width]
    return np.ascontiguousarray(np.moveaxis(part, -1, 0) / np.float32(255))


def with_noise(clean: np.ndarray, std: float) -> np.ndarray:
    """Add normal noise, always the same, which is not cut: float32."""
    noise = std * np.random.default_rng(0).standard_normal(clean.shape)
    return (clean + noise).astype(np.float32)
