"""What JPEG loses of images (ITU-T T.81), for a whole batch at once.

Only the steps that lose something are here: colours, coarse chroma, and coefficients that are
rounded. The coding of the rounded numbers is exact. What is decoded is not rounded to 8 bits.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.colours import TO_RGB, TO_YCBCR, recoloured

BLOCK = 8
GRID = 2 * BLOCK  # pixels that a block of halved chroma covers, across and down
MIDDLE = 128  # the value in [0, 255] that is coded as 0

# Steps at quality 50, of luma and chroma (tables K.1 and K.2). Rows are vertical frequencies.
STEPS = torch.tensor(
    [
        [
            [16, 11, 10, 16, 24, 40, 51, 61],
            [12, 12, 14, 19, 26, 58, 60, 55],
            [14, 13, 16, 24, 40, 57, 69, 56],
            [14, 17, 22, 29, 51, 87, 80, 62],
            [18, 22, 37, 56, 68, 109, 103, 77],
            [24, 35, 55, 64, 81, 104, 113, 92],
            [49, 64, 78, 87, 103, 121, 120, 101],
            [72, 92, 95, 98, 112, 100, 103, 99],
        ],
        [
            [17, 18, 24, 47, 99, 99, 99, 99],
            [18, 21, 26, 66, 99, 99, 99, 99],
            [24, 26, 56, 99, 99, 99, 99, 99],
            [47, 66, 99, 99, 99, 99, 99, 99],
            *[[99] * BLOCK] * 4,
        ],
    ]
)


def percent_of(quality: Tensor) -> Tensor:
    """Return libjpeg's factor on the steps in percent, for whole qualities from 1 to 100."""
    return torch.where(quality < 50, 5000 // quality, 200 - 2 * quality).float()


def steps(percent: Tensor) -> Tensor:
    """Return the steps of luma and chroma in 1 / 255, as libjpeg rounds them: B to B 2 8 8."""
    return (STEPS.to(percent) * percent[:, None, None, None] + 50).div(100).floor().clamp(1, 255)


def compressed(images: Tensor, percent: Tensor, halved: Tensor, corner: Tensor) -> Tensor:
    """Return the images as a decoder has them before it cuts them to [0, 1].

    Images that do not have three channels are coded as pictures in grey, one for each channel.

    Args:
        images: Float B C H W in [0, 1], of any size. Edges are repeated to fill the blocks.
        percent: Factors on the steps as of `percent_of`, B.
        halved: Which images have chroma of half the height and width (4:2:0), bool B.
        corner: Where each image's first pixel lies in the grid of blocks, down and across: whole
            numbers from 0 to 15, B 2.
    """
    luma, chroma = steps(percent).unbind(1)
    planes = 255 * _on_grid(images, corner) - MIDDLE
    if images.shape[1] != 3:
        decoded = _quantised(planes.round_(), luma)
    else:
        ycbcr = recoloured(planes, TO_YCBCR).round_()  # an encoder takes 8 bits of each
        brightness, colour = ycbcr[:, :1], ycbcr[:, 1:]
        coarse = _quantised(F.avg_pool2d(colour, 2), chroma)
        # As libjpeg's "fancy upsampling", which weighs two neighbours by 3/4 and 1/4.
        smooth = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        colour = torch.where(halved[:, None, None, None], smooth, _quantised(colour, chroma))
        decoded = torch.cat([_quantised(brightness, luma), colour], 1)
        decoded = recoloured(decoded, TO_RGB)
    return _window(decoded, corner, images.shape[2], images.shape[3]).add_(MIDDLE).div_(255)


def _quantised(planes: Tensor, table: Tensor) -> Tensor:
    """Round the cosine coefficients of each block to multiples of its steps: B C H W, B 8 8."""
    cosines = _cosines(planes)
    step = table[:, None, None, :, None]  # B 1 1 8 1 8
    # Products with 8 columns at a time go across a row, and with 8 rows at a time down a column.
    across = planes.unflatten(3, (-1, BLOCK)) @ cosines.T
    down = cosines @ across.flatten(3).unflatten(2, (-1, BLOCK))
    coefficients = down.unflatten(4, (-1, BLOCK))  # B C H/8 8 W/8 8
    coefficients = (coefficients / step).round_().mul_(step)
    across = (coefficients @ cosines).flatten(4)
    return (cosines.T @ across).flatten(2, 3)


def _cosines(like: Tensor) -> Tensor:
    """Return the orthonormal cosine transform (A.3.3): 8 frequencies x 8 places."""
    place = torch.arange(BLOCK).to(like)
    waves = ((2 * place + 1) * place[:, None] * (math.pi / (2 * BLOCK))).cos() / 2
    waves[0] /= 2**0.5
    return waves


def _on_grid(images: Tensor, corner: Tensor) -> Tensor:
    """Place each image at its corner in a plane of whole blocks, which its edges fill."""
    height, width = images.shape[2:]
    longest = GRID - 1
    return _window(
        images,
        -corner,
        -(-(height + longest) // GRID) * GRID,
        -(-(width + longest) // GRID) * GRID,
    )


def _window(planes: Tensor, first: Tensor, height: int, width: int) -> Tensor:
    """Cut a window out of each image, whose first row and column `first` has, B 2.

    Outside of an image, its edge is repeated.
    """
    count, channels, *size = planes.shape
    rows, columns = (
        (torch.arange(length, device=planes.device) + start[:, None]).clamp(0, end - 1)
        for length, start, end in zip((height, width), first.unbind(1), size, strict=True)
    )
    tall = planes.gather(2, rows[:, None, :, None].expand(count, channels, height, size[1]))
    return tall.gather(3, columns[:, None, None].expand(count, channels, height, width))
