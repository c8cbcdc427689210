"""A symmetric, fully connected autoencoder with a bottleneck.

B images, D = C * H * W pixels:  B D -> B h1 -> ... -> B latent -> ... -> B h1 -> B D
"""

import itertools
import math

from torch import Tensor, nn

from denoisers.base import Width, Widths
from denoisers.denoiser import Autoencoder
from denoisers.layers import BatchNorm1d
from denoisers.losses import PixelLossName
from denoisers.optimizer import OptimizerSettings
from groundwork.ranges import require_ranges


def mlp(sizes: list[int]) -> nn.Sequential:
    """Make linear layers from each size to the next, with batch normalisation and ReLU between."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(before, after, bias=False), BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class Dense(Autoencoder):
    """The layout of Hinton and Salakhutdinov (2006), trained to denoise (Vincent et al. 2008).

    Args:
        hidden: Widths of the encoder's layers. The decoder mirrors them.
        latent_dim: Width of the bottleneck.
        image_shape, loss, optimizer, seed: See `Autoencoder`.
    """

    fully_convolutional = False

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        hidden: Widths,
        latent_dim: Width,
        loss: PixelLossName,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, loss, optimizer, seed)
        self.save_hyperparameters()
        require_ranges(Dense.__init__, locals())
        sizes = [math.prod(image_shape), *hidden, latent_dim]
        self.encoder = mlp(sizes)
        self.decoder = mlp(sizes[::-1])

    def encode(self, noisy: Tensor) -> Tensor:
        return self.encoder(noisy.flatten(1))

    def logits(self, noisy: Tensor) -> Tensor:
        return self.decoder(self.encode(noisy)).view_as(noisy)
