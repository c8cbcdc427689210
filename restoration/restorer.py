"""A restorer for pictures of any size, grey or in colour, around a model."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from denoisers.base import ImageModel
from denoisers.composite import Composite
from denoisers.denoiser import Denoiser
from groundwork import machine
from restoration.tiles import in_tiles, smallest

GRID = 64  # pixels; no useful network of this project halves the size more than six times
SHARE = 4  # a network's features may take one in so many bytes of the memory,
MOST = 3 * 2**28  # and so many bytes; larger tiles are not faster
PROBES = (256, 1024, 4096)  # pixels
TILES_AT_ONCE = 512
# Neighbouring tiles of a model's own size share three quarters of their pixels. If they shared
# half, what a dense model does alike in each tile would be visible as a lattice.
SHARED = 3


class Restorer:
    """Restores one picture at a time, C H W in [0, 1]. It adds no noise, and draws nothing.

    Fully convolutional networks take pictures of any size. A picture that is too large for the
    memory is restored in tiles that overlap by as much as the network sees, so the result is the
    same. Other networks take images of one size. They restore overlapping tiles of that size,
    which are blended. Smaller pictures are continued by their mirror image.

    A network for grey pictures restores each channel of a colour picture on its own. A network for
    colour pictures gets a grey one as three equal channels, and the mean of its output is taken.

    Args:
        model: A denoiser, or a composite with one.
        tile: Pixels on a side of a fully convolutional network's tiles. None for as many as a
            quarter of the memory and `MOST` allow.
        device: Where the network runs.

    Attributes:
        image_shape: C H W of the images that the model was trained on.
        any_size: Whether the network takes images of any size.
        reach: How many pixels far the network sees. 0 until it is needed.

    Raises:
        ValueError: The model restores no pictures, or cannot have such tiles.
    """

    def __init__(self, model: ImageModel, tile: int | None, device: torch.device) -> None:
        part = model.denoiser if isinstance(model, Composite) else model
        if not isinstance(part, Denoiser):
            raise ValueError(f"checkpoint: a {type(model).__name__} restores no pictures")
        if part.image_shape[0] not in (1, 3):
            raise ValueError(
                f"checkpoint: its model is for images of {part.image_shape[0]} channels, but "
                "pictures have 1 or 3"
            )
        self.image_shape = part.image_shape
        self.any_size = part.takes_any_size
        if tile is not None and not self.any_size:
            height, width = self.image_shape[1:]
            raise ValueError(
                f"tile={tile}: a {type(part).__name__} has tiles of its own size, "
                f"{height} x {width} pixels"
            )
        self.reach = 0
        self.tile = tile
        self.device = device
        self.network = part.eval().requires_grad_(False)
        if tile is not None:
            self._require_tile(tile)
        self.network.to(device)

    def __call__(self, picture: Tensor) -> Tensor:
        """Restore a picture. The result is float32 C H W, on the CPU."""
        channels = self.image_shape[0]
        if channels == 1:
            return self._restore(picture[:, None])[:, 0]
        restored = self._restore(picture.expand(channels, -1, -1)[None])[0]
        return restored.mean(0, keepdim=True) if len(picture) == 1 else restored

    def tile_for(self, picture: Tensor) -> tuple[int, int] | None:
        """Return height and width of a picture's tiles. None if it is restored whole."""
        height, width = picture.shape[-2:]
        if not self.any_size:
            own = self.image_shape[1:]
            return None if height <= own[0] and width <= own[1] else own
        side = self.tile or self._largest_tile()
        if max(height, width) <= side:
            return None
        self._require_tile(side)
        if self.tile:
            return side, side
        overlap = self._overlap()
        return smallest(height, side, overlap, GRID), smallest(width, side, overlap, GRID)

    def _restore(self, pictures: Tensor) -> Tensor:
        """Restore pictures B C H W that have the network's channels."""
        tile = self.tile_for(pictures)
        if not self.any_size:
            return self._in_own_size(pictures)
        if tile is None:
            return torch.cat([self._network(picture[None]) for picture in pictures])
        overlap = self._overlap()
        restored = [
            in_tiles(self._network, one[None], tile, (overlap, overlap), GRID, self.reach)
            for one in pictures
        ]
        machine.release_memory()  # of the network's features, which are larger than a picture
        return torch.cat(restored)

    def _in_own_size(self, pictures: Tensor) -> Tensor:
        tile, size = self.image_shape[1:], pictures.shape[-2:]
        down, across = (_padding(*pair) for pair in zip(size, tile, strict=True))
        rows, columns = _mirrored(size[0], down), _mirrored(size[1], across)
        overlap = SHARED * tile[0] // 4, SHARED * tile[1] // 4
        padded = pictures[..., rows, :][..., columns]
        restored = in_tiles(self._network, padded, tile, overlap, batch=TILES_AT_ONCE)
        top, left = down[0], across[0]
        return restored[..., top : top + size[0], left : left + size[1]]

    @torch.no_grad()
    def _network(self, pictures: Tensor) -> Tensor:
        restored: Tensor = self.network(pictures.to(self.device, torch.float32))
        return restored.cpu()

    def _largest_tile(self) -> int:
        """Return the pixels on a side of the largest tile whose features fit into the memory."""
        if self.device.type == "cuda":
            bytes_there = torch.cuda.get_device_properties(self.device).total_memory
        else:
            bytes_there = machine.memory()
        room = min(bytes_there // SHARE, MOST)
        return math.isqrt(room // bytes_per_pixel(self.network, self.image_shape))

    def _overlap(self) -> int:
        """Return the pixels that the tiles of a fully convolutional network share at least."""
        return 2 * self.reach + 2

    def _require_tile(self, tile: int) -> None:
        self.reach = self.reach or reach(self.network, self.image_shape[0])
        least = 2 * (2 * self.reach + 2 + GRID)
        if tile < least:
            raise ValueError(
                f"tile={tile}: it must be at least {least} pixels, since this network sees "
                f"{self.reach} pixels far"
            )


def bytes_per_pixel(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Measure the memory for the outputs of all layers of a fully convolutional network."""
    total = 0

    def count(layer: nn.Module, given: object, made: object) -> None:
        nonlocal total
        if isinstance(made, Tensor):
            total += made.numel() * made.element_size()

    layers = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            device = next(network.parameters()).device
            network(torch.zeros(1, image_shape[0], GRID, GRID, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return math.ceil(total / GRID**2)


@torch.no_grad()
def reach(network: nn.Module, channels: int) -> int:
    """Measure how many pixels far a fully convolutional network sees.

    A pixel is set to NaN, which spreads to each output that depends on it. This is done for all
    places of a pixel on the grid, since they differ.

    Raises:
        ValueError: The network sees too far to restore pictures in tiles.
    """
    device = next(network.parameters()).device
    for size in PROBES:
        # One row is enough: the networks treat both directions alike.
        place = size // 2 // GRID * GRID + torch.arange(GRID)
        probes = torch.zeros(GRID, channels, 1, size, device=device)
        probes[torch.arange(GRID), ..., place] = torch.nan
        touched = network(probes).isnan().any(2).any(1).cpu()  # GRID size
        far = (torch.arange(size) - place[:, None]).abs() * touched
        if not touched[:, 0].any() and not touched[:, -1].any():
            return int(far.max())
    raise ValueError("the network sees too far to restore a large picture in tiles")


def _padding(size: int, own: int) -> tuple[int, int]:
    """Return the pixels to add before and after one side, for a network that takes one size.

    A side that is larger than a tile gets half a tile. No pixel of the picture is then at the edge
    of all its tiles.
    """
    if size > own:
        return own // 2, own // 2
    return (own - size) // 2, own - size - (own - size) // 2


def _mirrored(size: int, padding: tuple[int, int]) -> Tensor:
    """Return indices that continue one side of a picture by its mirror image."""
    return torch.from_numpy(np.pad(np.arange(size), padding, "symmetric"))
