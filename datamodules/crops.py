"""Square crops of pictures that lie one after the other in memory.

P pictures of H x W pixels; N crops of S x S pixels, B in a batch; C channels.
"""

import torch
from torch import Generator, Tensor

from datamodules.images import evenly

# A crop's place is a row of int64 N x 4: its first sample, the steps from there to the next line
# and to the next channel, and how it is shown: the symmetry of the square, from 0 for none to 7,
# plus GREY if it is made grey.
GREY = 8
# ITU-R BT.601 in fixed point, as Pillow has it.
LUMINANCE, HALF, BITS = (19595, 38470, 7471), 2**15, 16


def random_crops(
    places: Tensor, size: int, count: int, symmetries: bool, grey: float, random: Generator
) -> Tensor:
    """Draw crops at random places.

    Args:
        places: Where the pictures are, P x 3, as `together` returns it.
        size: S.
        count: N.
        symmetries: Whether each crop gets a random symmetry.
        grey: The share of crops that are made grey.
        random: The only source of randomness.

    Returns:
        The crops, N x 4.
    """
    area = places[:, 1] * places[:, 2]
    pixel = torch.randint(int(area.sum()), (count,), generator=random)
    start, height, width = places[torch.searchsorted(area.cumsum(0), pixel, right=True)].T
    top, left = (
        (torch.rand(count, generator=random, dtype=torch.float64) * (side - size + 1)).long()
        for side in (height, width)
    )
    symmetry = torch.randint(8, (count,), generator=random) * symmetries
    if grey:
        symmetry += GREY * (torch.rand(count, generator=random) < grey)
    return torch.stack((start + top * width + left, width, height * width, symmetry), 1)


def fixed_crops(places: Tensor, size: int, most: int, grey: float = 0) -> Tensor:
    """Lay crops side by side around the middle of each picture.

    Args:
        places: Where the pictures are, P x 3, as `together` returns it.
        size: S.
        most: The largest N. If there are more crops, those kept are spread over all pictures.
        grey: The share of crops that are made grey. They are spread over all crops.

    Returns:
        The crops, N x 4.
    """
    crops = []
    for start, height, width in places.tolist():
        top, left = (
            torch.arange(side % size // 2, side - size + 1, size) for side in (height, width)
        )
        corner = (start + top[:, None] * width + left).flatten()
        steps = torch.tensor([width, height * width, 0]).expand(len(corner), 3)
        crops.append(torch.cat((corner[:, None], steps), 1))
    found = torch.cat(crops)
    kept = found[evenly(min(most, len(found)), len(found))]
    kept[evenly(round(grey * len(kept)), len(kept)), 3] += GREY
    return kept


def gather(samples: Tensor, crops: Tensor, channels: int, size: int) -> Tensor:
    """Cut crops out of the pictures in memory.

    Args:
        samples: The samples of all pictures, as `together` returns them.
        crops: B x 4.
        channels: C.
        size: S.

    Returns:
        The crops' samples, B C S S. Those that are grey have three equal channels.
    """
    corner, line, plane, symmetry = (part[:, None, None] for part in crops.T)
    planes, lines = (torch.arange(n, device=crops.device) for n in (channels, size))
    first = corner + plane * planes[:, None] + line * lines  # of each line of S samples: B C S
    found = samples.unfold(0, size, 1)[first]
    grey = symmetry[..., None] >= GREY
    if grey.any():
        found = torch.where(grey, luminance(found), found)
    bits = symmetry[..., None] & torch.tensor([1, 2, 4], device=crops.device) > 0  # B 1 1 3
    mirrored, upside_down, transposed = bits[..., None].unbind(-2)  # B 1 1 1
    found = torch.where(mirrored, found.flip(-1), found)
    found = torch.where(upside_down, found.flip(-2), found)
    return torch.where(transposed, found.mT, found)


def luminance(samples: Tensor) -> Tensor:
    """Make colour samples grey, by ITU-R BT.601 as Pillow does: unsigned integers B 3 H W."""
    weights = torch.tensor(LUMINANCE, device=samples.device)[:, None, None]
    weighted = (samples.long() * weights).sum(1, keepdim=True)
    grey = ((weighted + HALF) >> BITS).to(samples.dtype)
    return grey.expand(-1, 3, -1, -1).contiguous()
