"""Images and draws of noise that the tests of noises share."""

import math

import torch
from torch import Tensor

from datamodules.noise import Noise

SHAPE = (200, 1, 28, 28)
COUNT = math.prod(SHAPE)
GREYS = torch.linspace(0, 1, 11)


def draw(noise: Noise, clean: Tensor, seed: int = 0) -> Tensor:
    return noise(clean, torch.Generator().manual_seed(seed))


def random_images(channels: int = 1) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.rand(50, channels, 28, 28, generator=random)
