"""Colours and tones: of pictures, and of the cameras that take them.

What a camera does to them is as in Brooks et al. (2019), "Unprocessing images for learned raw
denoising". Images are float B C H W.
"""

import torch
from torch import Tensor

GAMMA = 2.2

# Y, Cb and Cr from R, G and B (JFIF 1.02), and the inverse.
TO_YCBCR = torch.tensor(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
TO_RGB = TO_YCBCR.double().inverse().float()

# CIE XYZ to a camera's colours, of the four cameras of the Darmstadt Noise Dataset.
XYZ_TO_CAMERAS = torch.tensor(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],
    ]
)
SRGB_TO_XYZ = torch.tensor(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(pictures: Tensor) -> Tensor:
    """Return the light in [0, 1] that gamma and the tone curve turn into pictures in [0, 1]."""
    before = 0.5 - ((1 - 2 * pictures).asin() / 3).sin()  # the inverse of 3 x² - 2 x³
    return before.clamp_(min=0).pow_(GAMMA)


def toned(light: Tensor) -> Tensor:
    """Return the pictures of light, which is cut to [0, 1]. It is the inverse of `linear`."""
    x = light.clamp(0, 1).pow_(1 / GAMMA)
    return x.square() * (3 - 2 * x)


def random_cameras(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw the matrix from linear sRGB to raw numbers for each image: B 3 3.

    The colours are those of a random mean of four cameras. Sensors see less of red, 1 / 1.9 to
    1 / 2.4 of white, and of blue, 1 / 1.5 to 1 / 1.9, than of green: white balance makes up for it.
    """
    weights = like.new_empty(len(like), 4, 1, 1).uniform_(generator=generator)
    to_camera = (weights * XYZ_TO_CAMERAS.to(like)).sum(1) @ SRGB_TO_XYZ.to(like)
    to_camera /= to_camera.sum(2, keepdim=True)  # white is (1, 1, 1)
    gains = like.new_ones(len(like), 3, 1)
    gains[:, 0].uniform_(1.9, 2.4, generator=generator)
    gains[:, 2].uniform_(1.5, 1.9, generator=generator)
    return to_camera / gains


def recoloured(images: Tensor, matrices: Tensor) -> Tensor:
    """Multiply the three colours by a matrix, 3 3, or those of each image by its own, B 3 3."""
    return (matrices.to(images) @ images.flatten(2)).view_as(images)
