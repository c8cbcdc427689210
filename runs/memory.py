"""Whether a network fits into this machine, asked before any of it is made."""

import os
from collections.abc import Callable

import torch
from torch import nn

BYTES_PER_WEIGHT = 16  # float32, with its gradient and AdamW's two averages
GIGABYTE = 1e9


def require_fit(make: Callable[[], nn.Module]) -> None:
    """Raises ValueError where training the module would take more memory than the machine has.

    It is made on torch's meta device, where a tensor has a shape and no contents. A size that is a
    slip would otherwise make the machine swap until the process is killed.
    """
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in make().parameters())
    needed = weights * BYTES_PER_WEIGHT
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise ValueError(
            f"{weights:,} weights take {needed / GIGABYTE:,.0f} GB to train, this machine has "
            f"{there / GIGABYTE:,.0f} GB"
        )
