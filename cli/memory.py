"""Whether a network fits into this machine, asked before any of it is made."""

from collections.abc import Callable

import torch
from torch import nn

BYTES_PER_WEIGHT = 16  # float32, with its gradient and AdamW's two averages


def of_training(make: Callable[[], nn.Module]) -> int:
    """Bytes for the weights of a module in training; activations are not counted.

    It is made on torch's meta device, where a tensor has a shape and no contents.
    """
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in make().parameters())
    return weights * BYTES_PER_WEIGHT
