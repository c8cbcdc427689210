"""A residual network without a bottleneck: it predicts the noise, which is then subtracted.

B images of C channels, D channels between layers:  B C H W -> B D H W -> ... -> B D H W -> B C H W
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from denoisers.base import Width
from denoisers.denoiser import NoisePredictor
from denoisers.layers import BatchNorm2d
from denoisers.losses import DistanceName
from denoisers.optimizer import OptimizerSettings
from groundwork.ranges import require_ranges


class DnCNN(NoisePredictor):
    """Zhang, Zuo, Chen, Meng and Zhang (2017). It takes images of any size.

    Args:
        depth: Convolutions. The first and the last have no batch normalisation.
        width: Channels between them.
        image_shape, loss, optimizer, seed: See `NoisePredictor`.
    """

    fully_convolutional = True

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        depth: Annotated[int, Field(ge=2, le=1_000)],  # the paper has up to 20
        width: Width,
        loss: DistanceName,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, loss, optimizer, seed)
        self.save_hyperparameters()
        require_ranges(DnCNN.__init__, locals())
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
