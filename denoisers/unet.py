"""A small U-Net: an autoencoder whose decoder also sees the features of the encoder's stages.

B images of C channels; with channels [16, 32, 64], and 28 x 28 pixels:
B C 28 28 -> B 16 28 28 -> B 32 14 14 -> B 64 7 7 -> B 32 14 14 -> B 16 28 28 -> B C 28 28
                 |             `-------------------------^              |
                 `------------------------------------------------------^
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from denoisers.base import Widths
from denoisers.denoiser import Autoencoder
from denoisers.layers import BatchNorm2d
from denoisers.losses import PixelLossName
from denoisers.optimizer import OptimizerSettings
from groundwork.ranges import require_ranges


class UNet(Autoencoder):
    """Ronneberger, Fischer and Brox (2015), with one convolution where they have two.

    There is no bottleneck: details pass through the skip connections. It takes images of any size.

    Args:
        channels: Of the stages. Each but the first halves height and width, rounded up.
        image_shape, loss, optimizer, seed: See `Autoencoder`.
    """

    fully_convolutional = True

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Widths,
        loss: PixelLossName,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, loss, optimizer, seed)
        self.save_hyperparameters()
        require_ranges(UNet.__init__, locals())
        pairs = list(itertools.pairwise([image_shape[0], *channels]))
        self.encoder = nn.ModuleList(_convolve(*pair) for pair in pairs)
        self.decoder = nn.ModuleList(_convolve(below + skip, skip) for skip, below in pairs[:0:-1])
        self.last = nn.Conv2d(channels[0], image_shape[0], 3, padding=1)
        self.to(memory_format=torch.channels_last)  # what convolutions on a CPU are fastest with

    def encode(self, noisy: Tensor) -> Tensor:
        """Return the deepest features. The decoder sees those of the other stages too."""
        return self._stages(noisy)[-1].flatten(1)

    def _stages(self, noisy: Tensor) -> list[Tensor]:
        """Return the features of each stage of the encoder, from the largest to the smallest."""
        first, *others = self.encoder
        stages = [first(noisy)]
        for stage in others:
            stages.append(stage(F.max_pool2d(stages[-1], 2, ceil_mode=True)))
        return stages

    def logits(self, noisy: Tensor) -> Tensor:
        *skips, features = self._stages(noisy)
        for stage in self.decoder:
            skip = skips.pop()
            doubled = F.interpolate(features, skip.shape[-2:], mode="nearest")
            features = stage(torch.cat((doubled, skip), 1))
        return self.last(features)


def _convolve(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), BatchNorm2d(after), nn.GELU()
    )
