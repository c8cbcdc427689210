"""A U-Net of residual blocks without biases: it predicts the noise, which is then subtracted.

B images of C channels; with channels [48, 96, 160], the pixels of 2 x 2 taken apart:
B C H W -> B 4C H/2 W/2 -> B 48 H/2 W/2 -> B 96 H/4 W/4 -> B 160 H/8 W/8 -> B 96 H/4 W/4 -> ...
"""

import itertools
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from denoisers.base import Widths
from denoisers.denoiser import NoisePredictor
from denoisers.losses import DistanceName
from denoisers.optimizer import OptimizerSettings
from groundwork.ranges import require_ranges

SMALL = 0.01
Slope = Annotated[float, Field(ge=0, lt=1)]
Blocks = Annotated[list[Annotated[int, Field(ge=1, le=1_000)]], Field(min_length=1)]


class ResidualUNet(NoisePredictor):
    """DRUNet (Zhang et al. 2021) on the unshuffled pixels of FFDNet (Zhang, Zuo and Zhang 2018).

    Neither biases nor a normalisation add anything to the features. If the input is scaled, so is
    the output, and the network works for noise that is stronger than that of training (Mohan et al.
    2020). Every block begins close to the identity. It takes images of any size.

    Args:
        channels: Of the stages. The first works on half the height and width of the image, each
            other one on half of those before it.
        blocks: Residual blocks of each stage on the way down, and again on the way up. The last
            stage has them once.
        slope: Of the leaky ReLUs for negative values. With 0, units can die: they are off for all
            images, and learn nothing more. Muon's steps, which are large for small gradients too,
            bring most of them there.
        image_shape, loss, optimizer, seed: See `NoisePredictor`.
    """

    fully_convolutional = True

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Widths,
        blocks: Blocks,
        slope: Slope,
        loss: DistanceName,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, loss, optimizer, seed)
        self.save_hyperparameters()
        require_ranges(ResidualUNet.__init__, locals())
        if len(blocks) != len(channels):
            raise ValueError(
                f"blocks must have as many numbers as channels, got {blocks} for {channels}"
            )
        self.multiple = 2 ** len(channels)  # height and width are padded to one of it
        parts = 4 * image_shape[0]
        *outer, (bottom_width, bottom_blocks) = zip(channels, blocks, strict=True)
        pairs = list(itertools.pairwise(channels))
        self.first = _convolution(parts, channels[0])
        self.encoder = nn.ModuleList(_stage(*stage, slope) for stage in outer)
        self.down = nn.ModuleList(
            nn.Conv2d(above, below, 2, stride=2, bias=False) for above, below in pairs
        )
        self.bottom = _stage(bottom_width, bottom_blocks, slope)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 2, stride=2, bias=False)
            for above, below in pairs[::-1]
        )
        self.decoder = nn.ModuleList(_stage(*stage, slope) for stage in outer[::-1])
        self.last = _convolution(channels[0], parts)
        _shrink(self.last)  # the first prediction is that there is almost no noise
        self.to(memory_format=torch.channels_last)  # convolutions on a CPU are fastest with it

    def encode(self, noisy: Tensor) -> Tensor:
        """Average the deepest features over the image: B D for any size."""
        return self._stages(noisy)[-1].mean((2, 3))

    def _stages(self, noisy: Tensor) -> list[Tensor]:
        """Return the features of each stage on the way down, the largest first."""
        height, width = noisy.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        padded = F.pad(noisy, padding, mode="replicate")
        features, stages = self.first(F.pixel_unshuffle(padded, 2)), []
        for stage, down in zip(self.encoder, self.down, strict=True):
            stages.append(stage(features))
            features = down(stages[-1])
        return [*stages, self.bottom(features)]

    def estimate(self, noisy: Tensor) -> Tensor:
        """Return the image without the noise that is predicted, also outside [0, 1]."""
        *skips, features = self._stages(noisy)
        for up, stage in zip(self.up, self.decoder, strict=True):
            features = stage(up(features) + skips.pop())
        noise = F.pixel_shuffle(self.last(features), 2)
        return noisy - noise[..., : noisy.shape[-2], : noisy.shape[-1]]


class _ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input: B D H W -> B D H W."""

    def __init__(self, width: int, slope: float) -> None:
        super().__init__()
        self.slope = slope
        self.first = _convolution(width, width)
        self.second = _convolution(width, width)
        _shrink(self.second)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.leaky_relu(self.first(features), self.slope))


def _stage(width: int, blocks: int, slope: float) -> nn.Sequential:
    return nn.Sequential(*(_ResidualBlock(width, slope) for _ in range(blocks)))


def _shrink(layer: nn.Conv2d) -> None:
    """Make the first weights so small that the layer's result changes little at first."""
    with torch.no_grad():
        layer.weight.mul_(SMALL)


def _convolution(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, bias=False)
