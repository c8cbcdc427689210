"""A convolutional autoencoder: strided convolutions down, transposed convolutions up.

B images of C channels; with channels [32, 64, 128], and 28 x 28 pixels:
B C 28 28 -> B 32 14 14 -> B 64 7 7 -> B 128 4 4 -> B 64 7 7 -> B 32 14 14 -> B C 28 28
"""

import itertools

import torch
from torch import Tensor, nn

from denoisers.base import Autoencoder, require_sizes
from denoisers.losses import PixelLossName

KERNEL = 5
PADDING = KERNEL // 2


class ConvTransposed(Autoencoder):
    """Upsampling is learned: each transposed convolution has as many weights as the convolution
    that it mirrors (Dumoulin and Visin 2016, chapter 4). Any image size comes back as it went in.

    channels: of the encoder's stages, each of which halves height and width, rounded up; the
        decoder mirrors them.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: list[int],
        loss: PixelLossName,
        lr: float,
        lr_decay: float,
        weight_decay: float,
        seed: int,
    ) -> None:
        super().__init__(image_shape, loss, lr, lr_decay, weight_decay, seed)
        self.save_hyperparameters()
        require_sizes(channels=channels)
        sizes = [image_shape[0], *channels]
        self.encoder = nn.ModuleList(_down(*pair) for pair in itertools.pairwise(sizes))
        pairs = list(itertools.pairwise(sizes[::-1]))
        self.upsample = nn.ModuleList(
            nn.ConvTranspose2d(*pair, KERNEL, stride=2, padding=PADDING, bias=pair == pairs[-1])
            for pair in pairs
        )
        self.activate = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(after), nn.GELU()) for _, after in pairs[:-1]
        )
        self.activate.append(nn.Identity())  # the last stage gives logits
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
        for up, activate in zip(self.upsample, self.activate, strict=True):
            # Of the two sizes that a stride of 2 rounds to the same, the one that was halved.
            features = activate(up(features, output_size=sizes.pop()))
        return features


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, KERNEL, stride=2, padding=PADDING, bias=False),
        nn.BatchNorm2d(after),
        nn.GELU(),
    )
