"""The noise reduction of cameras, as far as the noise shows it."""

import torch
from torch import Tensor

from datamodules.colours import TO_RGB, TO_YCBCR, recoloured


def smoothed(noise: Tensor, luma: Tensor, chroma: Tensor) -> Tensor:
    """Blur noise by a Gaussian window, each image by its own: B C H W.

    Cameras keep the edges of what they show, so the picture itself is left as it is.

    Args:
        noise: The noise alone.
        luma: The standard deviations of the windows in pixels, from 0, B.
        chroma: The same for Cb and Cr of images with three channels.
    """
    if noise.shape[1] != 3:
        return _blurred(noise, luma[:, None])
    ycbcr = _blurred(recoloured(noise, TO_YCBCR), torch.stack([luma, chroma, chroma], 1))
    return recoloured(ycbcr, TO_RGB)


def _blurred(planes: Tensor, stds: Tensor) -> Tensor:
    """Blur planes B C H W by windows B C, or B 1 for all channels alike."""
    down, across = (_window(size, stds) for size in planes.shape[2:])
    return down @ planes @ across.mT


def _window(size: int, stds: Tensor) -> Tensor:
    """Return the matrices that blur `size` values. Their rows have the sum 1, at the edges too."""
    place = torch.arange(size).to(stds)
    distance = (place - place[:, None]) / stds.clamp(min=1e-3)[..., None, None]  # at 1e-3, no blur
    return (-distance.square() / 2).softmax(-1)
