"""A convolutional autoencoder: convolutions with max-pooling down, upsampling with convolutions up.

B images of C channels; with channels [32, 64, 128], and 28 x 28 pixels:
B C 28 28 -> B 32 14 14 -> B 64 7 7 -> B 128 4 4 -> B 64 7 7 -> B 32 14 14 -> B C 28 28
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from denoisers.base import Widths
from denoisers.denoiser import Autoencoder
from denoisers.layers import BatchNorm2d, ConvOfDoubled
from denoisers.losses import PixelLossName
from denoisers.optimizer import OptimizerSettings
from groundwork.ranges import require_ranges


class ConvUpsample(Autoencoder):
    """An autoencoder that repeats pixels and smooths them with a convolution.

    That leaves no checkerboard (Odena, Dumoulin and Olah 2016). It takes images of any size.

    Args:
        channels: Of the encoder's stages. Each halves height and width, rounded up. The decoder
            mirrors them.
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
        require_ranges(ConvUpsample.__init__, locals())
        sizes = [image_shape[0], *channels]
        self.encoder = nn.ModuleList(_down(*pair) for pair in itertools.pairwise(sizes))
        self.decoder = nn.ModuleList(_smooth(*pair) for pair in itertools.pairwise(channels[::-1]))
        self.last = ConvOfDoubled(channels[0], image_shape[0])
        self.to(memory_format=torch.channels_last)  # what convolutions on a CPU are fastest with

    def encode(self, noisy: Tensor) -> Tensor:
        for down in self.encoder:
            noisy = down(noisy)
        return noisy.flatten(1)

    def logits(self, noisy: Tensor) -> Tensor:
        features, sizes = noisy, []
        for down in self.encoder:
            sizes.append(features.shape[-2:])
            features = down(features)
        for smooth in self.decoder:
            features = smooth(F.interpolate(features, sizes.pop(), mode="nearest"))
        return self.last(features, sizes.pop())


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.MaxPool2d(2, ceil_mode=True),  # first, so that the rest has a quarter of the work
        BatchNorm2d(after),
        nn.GELU(),
    )


def _smooth(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), BatchNorm2d(after), nn.GELU()
    )
