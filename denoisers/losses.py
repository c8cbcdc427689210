"""Losses on pixels: summed over a picture's pixels, averaged over the batch.

That reduction, and not a mean over pixels, lets a term be added to others (a KL divergence, a
cross-entropy) with a weight that means the same for every image size.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

DistanceName = Literal["mse", "l1"]
PixelLossName = Literal["mse", "l1", "bce"]


def pixel_loss(name: PixelLossName, logits: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """The loss per image, a scalar, and the restored images `logits.sigmoid()` that it judges.

    logits, clean: B C H W; clean in [0, 1], without which the cross-entropy would have no minimum.
    """
    logits = logits.float()  # under mixed precision a sum over pixels would lose its digits
    restored = logits.sigmoid()
    if name != "bce":
        return distance(name, restored, clean), restored
    # From the logits: the logarithm of a sigmoid that has saturated is infinite.
    total = F.binary_cross_entropy_with_logits(logits, clean, reduction="sum")
    return total / len(clean), restored


def distance(name: DistanceName, restored: Tensor, clean: Tensor) -> Tensor:
    """The loss per image, a scalar, of images B C H W with any values."""
    measure = {"mse": F.mse_loss, "l1": F.l1_loss}[name]
    return measure(restored, clean, reduction="sum") / len(clean)
