"""Zero-shot Noise2Noise: an image is halved in two ways, and each half is the other's target.

B images, C channels, H x W pixels, N = C * H * W values.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Self

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from denoisers.training_objective import Net, Unsupervised
from groundwork.batch import Batch


@dataclass(frozen=True)
class ZeroShot(Unsupervised):
    """Mansour and Heckel (2023), section 3.2, with the halves D1 and D2 of half the size:

    N / 2 * (the mean of |f(D1 y) - D2 y|^2 + |f(D2 y) - D1 y|^2
             + consistency * that of |f(D1 y) - D1 f(y)|^2 + |f(D2 y) - D2 f(y)|^2)

    Both halves show almost the same image, under independent noise of half the variance. The second
    line lets what is learned on them hold at full size too. The noise has to be independent between
    pixels. A last odd row or column is left out.

    The paper trains a small network on one picture. Any fully convolutional one can learn from it,
    and from many pictures.

    Attributes:
        consistency: Weight of the loss of consistency. The paper has 1.
    """

    consistency: Annotated[float, Field(ge=0)]
    needs_fully_convolutional = True

    def choosing(self) -> Self:
        """Leave consistency out, which may rise while the network gets better."""
        return replace(self, consistency=0.0)

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        noisy = batch.noisy[..., : batch.noisy.shape[-2] // 2 * 2, : batch.noisy.shape[-1] // 2 * 2]
        residual, consistency = losses(net, noisy)
        return noisy[0].numel() / 2 * (residual + self.consistency * consistency)


def halves(images: Tensor) -> tuple[Tensor, Tensor]:
    """Halve height and width in two ways: to the means of both diagonals of each 2 x 2 pixels.

    This is the paper's pair downsampler (section 3.1).

    Args:
        images: B C H W, both sides even.

    Returns:
        Two times B C H/2 W/2.
    """
    top, bottom = images[..., ::2, :], images[..., 1::2, :]
    rising = (top[..., 1::2] + bottom[..., ::2]) / 2
    falling = (top[..., ::2] + bottom[..., 1::2]) / 2
    return rising, falling


def losses(net: Net, noisy: Tensor) -> tuple[Tensor, Tensor]:
    """Compute twice the paper's residual loss and twice its loss of consistency, as means.

    The residual loss compares each restored half with the other half, which is noisy. The loss of
    consistency compares it with the same half of the restored image.
    """
    first, second = halves(noisy)
    restored_first, restored_second = net(torch.cat((first, second))).chunk(2)
    first_of_restored, second_of_restored = halves(net(noisy))
    residual = F.mse_loss(restored_first, second) + F.mse_loss(restored_second, first)
    consistency = F.mse_loss(restored_first, first_of_restored)
    consistency += F.mse_loss(restored_second, second_of_restored)
    return residual, consistency
