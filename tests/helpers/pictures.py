"""A picture file as a tensor, by the steps with which `datamodules.reading` reads it."""

from pathlib import Path

import torch
from torch import Tensor

from datamodules.pictures import open_picture, over_white, range_of
from datamodules.value_range import Given


def read_picture(path: Path, given: Given = "dtype") -> Tensor:
    """Read a file of one picture.

    Returns:
        float32 C H W, 0 for black and 1 for white. C is 1 for grey pictures and 3 for others.
    """
    stored = open_picture(path)
    (plane,) = stored.planes()
    return torch.from_numpy(over_white(plane, stored, range_of(path, stored, given)))
