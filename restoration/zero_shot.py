"""Zero-shot Noise2Noise (Mansour and Heckel 2023): a network that learns from one noisy picture.

The picture is halved in two ways, which show nearly the same but have noise of their own. The
network learns to tell the one from the other, as in Noise2Noise (Lehtinen et al. 2018), and then
restores the picture at full size. It needs noise that is independent between pixels.

B pictures of C channels, H x W pixels.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from denoisers.zero_shot import losses
from groundwork.seeding import generator
from restoration.tiles import in_tiles

WIDTH = 48  # channels between the layers
SLOPE = 0.2  # of the leaky ReLU below 0
REACH = 2  # pixels that the network sees in each direction
LEARNING_RATE = 1e-3
LAST_PART, LAST_FACTOR = 1 / 4, 0.5  # the learning rate is halved for the last quarter of the steps
# Chosen by PSNR on four CC0 photographs that are in no test set. The paper's steps see the whole
# picture, which takes 14 times as long at 256 x 256 pixels.
STEPS = 2_000
CROP = 64  # pixels on a side
LEAST_STD = 1e-6  # of a picture, by which it is divided
TILE = 512  # pixels on a side of what is restored at once, to save memory


def restore(
    noisy: np.ndarray,
    seed: int,
    progress: Callable[[float], None] | None = None,
    steps: int = STEPS,
) -> np.ndarray:
    """Train a network on a picture, and restore the picture with it.

    The time to train does not grow with the picture. That to restore does, but is much shorter.

    Args:
        noisy: float32 C H W, about [0, 1], with at least 2 pixels a side.
        seed: The seed of the first weights and of the crops. The same seed gives the same bits on
            one machine with one number of threads.
        progress: Called after each step with the share of the steps that is done, up to 1. What it
            raises ends the training.
        steps: The number of steps.

    Returns:
        The restored picture, float32 C H W in [0, 1].

    Raises:
        ValueError: The picture is too small to be halved.
    """
    height, width = noisy.shape[1:]
    if min(height, width) < 2:
        raise ValueError(f"a picture of {height} x {width} pixels is too small for zero_shot")
    pictures = torch.from_numpy(noisy)[None]
    # The paper does without this. It makes training faster, and as fast for a dark picture.
    mean, std = pictures.mean(), pictures.std().clamp(min=LEAST_STD)
    net = trained((pictures - mean) / std, generator("cpu", "zero shot", seed), progress, steps)
    overlap = 2 * REACH + 1

    @torch.no_grad()
    def restored(tiles: Tensor) -> Tensor:
        return denoised(net, (tiles - mean) / std) * std + mean

    whole = in_tiles(restored, pictures, (TILE, TILE), (overlap, overlap), margin=REACH)
    return whole[0].numpy()


def trained(
    pictures: Tensor,
    random: torch.Generator,
    progress: Callable[[float], None] | None,
    steps: int,
) -> nn.Module:
    """Train a new network on random crops of pictures B C H W, of mean 0 and variance 1."""
    net = network(pictures.shape[1], random)
    optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE)
    first_part = math.ceil(steps * (1 - LAST_PART))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, first_part, LAST_FACTOR)
    for step in range(steps):
        optimizer.zero_grad()
        loss(net, random_crop(pictures, random)).backward()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress((step + 1) / steps)
    return net


def network(channels: int, random: torch.Generator) -> nn.Sequential:
    """Make the paper's network, which predicts the noise: B C H W -> B C H W.

    The first weights are uniform as torch's own are, but drawn from `random`.
    """
    with torch.device("meta"):  # without values, and so without a draw from the global generator
        net = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(WIDTH, channels, 1),
        )
    net.to_empty(device="cpu")
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, random)
    return net.to(memory_format=torch.channels_last)  # what convolutions on a CPU are fastest with


def denoised(net: nn.Module, noisy: Tensor) -> Tensor:
    """Return the pictures less their predicted noise, with values outside [0, 1]."""
    return noisy - net(noisy)


def loss(net: nn.Module, noisy: Tensor) -> Tensor:
    """Compute the paper's loss (section 3.2), a mean over pixels."""
    residual, consistency = losses(partial(denoised, net), noisy)
    return (residual + consistency) / 2


def random_crop(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Cut out a random part of at most `CROP` pixels a side, both sides even."""
    for dimension in (-2, -1):
        size = pictures.shape[dimension]
        side = min(CROP, size - size % 2)
        start = int(torch.randint(size - side + 1, (), generator=random))
        pictures = pictures.narrow(dimension, start, side)
    return pictures.contiguous(memory_format=torch.channels_last)
