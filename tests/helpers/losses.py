"""Pixel losses as plain formulas."""

from typing import get_args

import numpy as np
import torch
from torch import Tensor

from denoisers.losses import PixelLossName

NAMES: tuple[PixelLossName, ...] = get_args(PixelLossName)


def example(size: int = 5) -> tuple[Tensor, Tensor]:
    """Return logits and clean images, of two channels."""
    random = torch.Generator().manual_seed(0)
    shape = (size, 2, 7, 9)
    logits = 3 * torch.randn(shape, generator=random)
    return logits, torch.rand(shape, generator=random)


def formula(name: PixelLossName, logits: Tensor, clean: Tensor) -> float:
    """Return the loss in float64: averaged over images, and of most kinds summed over pixels."""
    x, target = logits.numpy().astype(np.float64), clean.numpy().astype(np.float64)
    restored = 1 / (1 + np.exp(-x))
    squared = (restored - target) ** 2
    if name == "psnr":
        return float(np.mean([10 * np.log10(image.mean() + 1e-5) for image in squared]))
    pixels = {
        "mse": squared,
        "l1": np.abs(restored - target),
        "bce": -target * np.log(restored) - (1 - target) * np.log(1 - restored),
    }[name]
    return float(np.mean([image.sum() for image in pixels]))
