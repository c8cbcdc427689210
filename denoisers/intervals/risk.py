"""How far intervals must be scaled so that the share of pixels that they miss is controlled.

The guarantee is that of risk-controlling prediction sets (Bates et al. 2021, "Distribution-free,
risk-controlling prediction sets"), which Angelopoulos et al. (2022, "Image-to-image regression with
distribution-free uncertainty quantification") use for images. N images.
"""

import math

import torch
from torch import Tensor

FINEST = 1.005  # the factor between two scales that are tried
SMALLEST, LARGEST = 1 / 8, 64
AT_ONCE = 100  # scales
# The scales that are tried, ascending: float64 S.
SCALES = torch.logspace(
    math.log2(SMALLEST),
    math.log2(LARGEST),
    1 + math.ceil(math.log(LARGEST / SMALLEST) / math.log(FINEST)),
    base=2,
    dtype=torch.float64,
)


def scale_that_holds(missed: Tensor, miss: float, delta: float) -> float | None:
    """Return the smallest scale whose intervals hold, as do those of all larger scales.

    With probability 1 - `delta` over the N images, the expected share of pixels outside is at most
    `miss` for another image, if the images are independent and from the same distribution as that
    one. The larger a scale is, the fewer pixels are outside. So it is enough to go down from the
    largest one, and to stop before the first that is not ensured (Bates et al., theorem 1).

    Args:
        missed: For each scale in `SCALES`, the share of each image's pixels outside, in [0, 1]:
            N S. The images must be in random order.
        miss: The share of pixels that may lie outside, in (0, 1).
        delta: The probability that the guarantee fails, in (0, 1).

    Returns:
        The scale, or None where none is ensured.
    """
    held: list[Tensor] = []  # from the largest scale down
    for part in missed.flip(1).split(AT_ONCE, 1):
        held.append(ensured(part, miss, delta))
        if not held[-1].all():
            break
    count = int(torch.cat(held).cumprod(0).sum())
    return SCALES[-count].item() if count else None


def ensured(losses: Tensor, most: float, delta: float) -> Tensor:
    """Return whether an upper confidence bound of the mean of losses is at most `most`: bool ....

    The bound is that of Waudby-Smith and Ramdas (2021, "Estimating means of bounded random
    variables by betting"), as in proposition 5 of Bates et al. Someone bets against the mean being
    above `most`. By Ville's inequality, the chance that their capital ever exceeds 1 / `delta` is
    at most `delta` if it is. The bets depend on the variance so far, so the bound is close where
    images have similar losses.

    Args:
        losses: In [0, 1], in random order: N ....
        most: In (0, 1).
        delta: In (0, 1).
    """
    values = losses.double()
    count = len(values)
    number = torch.arange(1, count + 1, dtype=values.dtype, device=values.device)
    number = number.view(-1, *[1] * (values.dim() - 1))
    mean = (0.5 + values.cumsum(0)) / (1 + number)
    variance = (0.25 + (values - mean).square().cumsum(0)) / (1 + number)
    before = torch.cat((torch.full_like(variance[:1], 0.25), variance[:-1]))
    bet = (2 * math.log(1 / delta) / (count * before)).sqrt().clamp(max=1)
    capital = (1 - bet * (values - most)).log().cumsum(0)  # the factor is above 0, as most < 1
    return capital.amax(0) > math.log(1 / delta)


def fewest_images(miss: float, delta: float) -> int:
    """Return how many images are needed if not a single pixel is outside."""
    count = math.ceil(math.log(1 / delta) / math.log1p(miss))  # if all bets were 1
    while not ensured(torch.zeros(count), miss, delta):
        count += 1
    return count
