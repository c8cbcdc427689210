"""Losses on pixels: summed over an image's pixels (but for "psnr"), averaged over the batch.

With that reduction, unlike with a mean over pixels, the weight of a term that is added (a KL
divergence, a cross-entropy) means the same for every image size.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

DistanceName = Literal["mse", "l1", "psnr"]
PixelLossName = Literal["mse", "l1", "psnr", "bce"]
BEST_ERROR = 1e-5  # of a mean squared error of 0, in the loss "psnr": it counts as 50 dB


def pixel_loss(name: PixelLossName, logits: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss per image, a scalar, and the restored images `logits.sigmoid()`.

    Args:
        name: Of the loss.
        logits: B C H W.
        clean: B C H W in [0, 1]. Outside of it the cross-entropy would have no minimum.
    """
    logits = logits.float()  # a sum over pixels in half precision would lose digits
    restored = logits.sigmoid()
    if name != "bce":
        return distance(name, restored, clean), restored
    # From the logits, since the logarithm of a saturated sigmoid is infinite.
    total = F.binary_cross_entropy_with_logits(logits, clean, reduction="sum")
    return total / len(clean), restored


def distance(name: DistanceName, restored: Tensor, clean: Tensor) -> Tensor:
    """Return the loss per image, a scalar, of images B C H W with any values.

    "psnr" is the mean negative PSNR in dB. It weights the images of a batch by their errors'
    inverse, so that those with little noise count as much as those with much.
    """
    if name == "psnr":
        errors = (restored - clean).square().flatten(1).mean(1)
        return 10 * (errors + BEST_ERROR).log10().mean()
    measure = {"mse": F.mse_loss, "l1": F.l1_loss}[name]
    return measure(restored, clean, reduction="sum") / len(clean)
