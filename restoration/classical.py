"""Classical filters that restore a picture from itself, told how strong its noise is.

C channels, H x W pixels.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from baselines import filters
from baselines.filters import BM3D_CURE, Images
from restoration.clipping import clean_from_means
from restoration.tiles import in_tiles

Name = Literal["bm3d", "nlm", "tv"]

# The filters and their settings, in units of the noise's standard deviation. They were chosen on
# pictures of no test set, which docs/photographs.md names.
FILTERS: dict[Name, tuple[Callable[[Images, float, float], Images], float]] = {
    "bm3d": (filters.bm3d, 1.0),
    "nlm": (filters.non_local_means, 0.7),
    "tv": (filters.total_variation, 1.0),
}
# Tiles bound the memory, of which BM3D takes many times the picture's, and keep the digits of
# non-local means, which sums over whole tiles in single precision.
TILE = 1024  # pixels on a side
OVERLAP = 64
MARGIN = 16  # pixels at a tile's edge that do not count


def require_available(name: Name) -> None:
    """Check that the filter's package is installed.

    Raises:
        ValueError: The filter is BM3D, and its package is missing.
    """
    if name == "bm3d" and find_spec("bm3d") is None:
        raise ValueError(f"method=bm3d: {BM3D_CURE}")


def restore(name: Name, noisy: np.ndarray, std: float) -> np.ndarray:
    """Restore a picture. Where its noise was cut to [0, 1], the bias of that is undone.

    A picture of more than `TILE` pixels on a side is restored in tiles that overlap.

    Args:
        name: The filter.
        noisy: float32 C H W, about [0, 1], with 1 or 3 channels.
        std: Standard deviation of the noise before it was cut. With 0 there is nothing to restore.

    Returns:
        The restored picture, float32 C H W in [0, 1].

    Raises:
        ValueError: As in `require_available`.
    """
    require_available(name)
    if std == 0:
        return noisy.clip(0, 1)
    apply, setting = FILTERS[name]
    clean = clean_from_means(noisy, std)

    def restored(tiles: Tensor) -> Tensor:
        return clean(torch.from_numpy(apply(tiles.numpy(), std, setting)))

    pictures = torch.from_numpy(noisy)[None]
    return in_tiles(restored, pictures, (TILE, TILE), (OVERLAP, OVERLAP), margin=MARGIN)[0].numpy()
