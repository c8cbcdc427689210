"""A convolutional autoencoder: strided convolutions down, transposed convolutions up.

B images of C channels; with channels [32, 64, 128], and 28 x 28 pixels:
B C 28 28 -> B 32 14 14 -> B 64 7 7 -> B 128 4 4 -> B 64 7 7 -> B 32 14 14 -> B C 28 28
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

KERNEL = 5
PADDING = KERNEL // 2


class ConvTransposed(Autoencoder):
    """An autoencoder that learns its upsampling (Dumoulin and Visin 2016, chapter 4).

    Each transposed convolution has as many weights as the convolution that it mirrors. It takes
    images of any size.

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
        require_ranges(ConvTransposed.__init__, locals())
        sizes = [image_shape[0], *channels]
        self.encoder = nn.ModuleList(_down(*pair) for pair in itertools.pairwise(sizes))
        pairs = list(itertools.pairwise(sizes[::-1]))
        self.decoder = nn.ModuleList(Up(*pair, last=False) for pair in pairs[:-1])
        self.decoder.append(Up(*pairs[-1], last=True))
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
        for up in self.decoder:
            features = up(features, sizes.pop())
        return features


class Up(nn.Module):
    """A transposed convolution to a given size. The last one gives logits."""

    def __init__(self, before: int, after: int, last: bool) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(before, after, KERNEL, stride=2, padding=PADDING, bias=last)
        self.activate = nn.Identity() if last else nn.Sequential(BatchNorm2d(after), nn.GELU())

    def forward(self, features: Tensor, size: torch.Size) -> Tensor:
        # A stride of 2 takes two sizes to the same one, so the decoder is told which it was.
        if torch.compiler.is_exporting():
            # ONNX takes no output size that depends on the input, so the larger one is made and
            # cut. Its numbers differ in the last bits, so training does not do it.
            larger = F.conv_transpose2d(
                features, self.conv.weight, self.conv.bias, 2, PADDING, output_padding=1
            )
            return self.activate(larger[..., : size[0], : size[1]])
        return self.activate(self.conv(features, output_size=list(size)))


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, KERNEL, stride=2, padding=PADDING, bias=False),
        BatchNorm2d(after),
        nn.GELU(),
    )
