"""Large pictures, restored in tiles that overlap and are blended.

B pictures of C channels, H x W pixels; n tiles in a row, T pixels wide.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Restore = Callable[[Tensor], Tensor]  # B C H W -> B C H W


class Tiling(NamedTuple):
    """How one side of a picture is cut.

    Attributes:
        starts: The first pixel of each tile, int64 n.
        weights: The weight of each tile's pixels, float32 n T. For each pixel of the picture, the
            weights of all tiles sum to one.
    """

    starts: Tensor
    weights: Tensor


def in_tiles(
    restore: Restore,
    pictures: Tensor,
    tile: tuple[int, int],
    overlap: tuple[int, int],
    grid: int = 1,
    margin: int = 0,
    batch: int = 1,
) -> Tensor:
    """Restore pictures in tiles, and blend them.

    Args:
        restore: Restores a batch of tiles.
        pictures: B C H W.
        tile: Height and width of a tile, in pixels.
        overlap: Height and width by which neighbours overlap at least, in pixels.
        grid: Tiles begin at multiples of it, for networks that halve the size inside.
        margin: Pixels at a tile's edges that do not count, except at the edges of the picture.
        batch: Tiles that are restored at once.

    Returns:
        The restored pictures, B C H W.
    """
    height, width = pictures.shape[-2:]
    down = tiling(height, tile[0], overlap[0], grid, margin)
    across = tiling(width, tile[1], overlap[1], grid, margin)
    columns = across.starts[:, None] + torch.arange(across.weights.shape[1])  # n T
    restored = torch.zeros_like(pictures)
    for top, weight in zip(down.starts.tolist(), down.weights, strict=True):
        rows = slice(top, top + len(weight))
        weights = across.weights[:, None] * weight[:, None]  # n T T
        for some, of_some in zip(columns.split(batch), weights.split(batch), strict=True):
            cut = pictures[..., rows, :][..., some].movedim(-2, 0)  # n B C T T
            whole = restore(cut.flatten(0, 1)).unflatten(0, cut.shape[:2])
            weighted = (whole * of_some[:, None, None]).movedim(0, -2)  # B C T n T
            restored[..., rows, :].index_add_(-1, some.flatten(), weighted.flatten(-2))
    return restored.clamp_(0, 1)  # rounding lets weights sum to a little more than one


def smallest(size: int, tile: int, overlap: int, grid: int) -> int:
    """Return the smallest tile of which one side has no more than it has of this one.

    Its arguments are those of `tiling`. Larger tiles would only overlap more.
    """
    if size <= tile:
        return size
    count = len(tiling(size, tile, overlap, grid).starts)
    least = math.ceil((size + (count - 1) * (overlap + grid - 1)) / count)
    return size - (size - least) // grid * grid


def tiling(size: int, tile: int, overlap: int, grid: int = 1, margin: int = 0) -> Tiling:
    """Cut one side into tiles that are evenly spaced, or into one tile if that is enough.

    The tiles may be smaller than `tile`, by less than `grid`, so that the last one ends where the
    picture ends.
    """
    if size <= tile:
        return Tiling(torch.zeros(1, dtype=torch.int64), torch.ones(1, size))
    tile -= (tile - size) % grid
    overlap += grid - 1  # the rounding below may take as much away
    assert 2 * margin < overlap + 1 <= tile
    count = math.ceil((size - tile) / (tile - overlap)) + 1
    starts = torch.linspace(0, size - tile, count, dtype=torch.float64)
    starts = (starts / grid + 1e-9).floor().long() * grid
    # A tile's weight rises from its edges as a squared sine, but not from those of the picture.
    place = torch.arange(tile) + 0.5
    before = torch.where(starts[:, None] == 0, math.inf, place)
    after = torch.where(starts[:, None] == size - tile, math.inf, tile - place)
    inside = torch.minimum(before, after) - margin
    rise = max(min(overlap - 2 * margin, tile / 2), 1)
    weights = (math.pi / 2 * (inside / rise).clamp(0, 1)).sin().square()
    total = torch.zeros(size)
    columns = starts[:, None] + torch.arange(tile)
    total.index_add_(0, columns.flatten(), weights.flatten())
    return Tiling(starts, weights / total[columns])
