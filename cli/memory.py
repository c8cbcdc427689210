"""Whether a network fits into this machine, asked before any of it is made."""

from collections.abc import Callable

import torch
from torch import nn

BYTES_PER_WEIGHT = 16  # float32, with its gradient and AdamW's two averages


def of_training(make: Callable[[], nn.Module]) -> int:
    """Return the bytes that the weights of a module take in training, without activations.

    Args:
        make: Makes the module. It is called on torch's meta device, where tensors have no contents.
    """
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in make().parameters())
    return weights * BYTES_PER_WEIGHT
