"""A residual network without a bottleneck: it predicts the noise, which is then subtracted.

B images of C channels, D channels between layers:  B C H W -> B D H W -> ... -> B D H W -> B C H W
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from denoisers.base import LossOutput, Width
from denoisers.denoiser import PixelDenoiser
from denoisers.layers import BatchNorm2d
from denoisers.losses import DistanceName, distance
from denoisers.optimizer import AdamW
from groundwork.batch import Batch
from groundwork.ranges import require_ranges


class DnCNN(PixelDenoiser):
    """Zhang, Zuo, Chen, Meng and Zhang (2017). It takes images of any size.

    Args:
        depth: Convolutions. The first and the last have no batch normalisation.
        width: Channels between them.
        loss: Between clean pixels and restored ones before they are cut to [0, 1], since values
            that are cut have no gradient.
        image_shape, optimizer, seed: See `Denoiser`.
    """

    fully_convolutional = True
    loss: DistanceName

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        depth: Annotated[int, Field(ge=2, le=1_000)],  # the paper has up to 20
        width: Width,
        loss: DistanceName,
        optimizer: AdamW,
        seed: int,
    ) -> None:
        super().__init__(image_shape, optimizer, seed)
        self.save_hyperparameters()
        require_ranges(DnCNN.__init__, locals())
        self.loss = loss
        layers: list[nn.Module] = [nn.Conv2d(image_shape[0], width, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False)]
            layers += [BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.last = nn.Conv2d(width, image_shape[0], 3, padding=1)
        self.to(memory_format=torch.channels_last)  # what convolutions on a CPU are fastest with

    def encode(self, noisy: Tensor) -> Tensor:
        """Return the last features' means over the image, as many for any image size."""
        return self.features(noisy).mean((2, 3))

    def estimate(self, noisy: Tensor) -> Tensor:
        """Return the images less their predicted noise, with values outside [0, 1]."""
        return noisy - self.last(self.features(noisy))

    def forward(self, noisy: Tensor) -> Tensor:
        return self.estimate(noisy).clamp(0, 1)

    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        estimate = self.estimate(batch.noisy)
        loss = distance(self.loss, estimate, batch.clean)
        return LossOutput({"loss": loss}, estimate.clamp(0, 1))
