"""The average over the eight symmetries of the square, written out with numpy."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def by_hand(restore: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Average over the flips of rows, of columns, and of the transposed images ... C H W."""
    results = []
    for transposed in (False, True):
        for rows in (1, -1):
            for columns in (1, -1):
                version = images.numpy()[..., ::rows, ::columns]
                version = version.swapaxes(-1, -2) if transposed else version
                result = restore(torch.from_numpy(np.ascontiguousarray(version))).numpy()
                result = result.swapaxes(-1, -2) if transposed else result
                results.append(result[..., ::rows, ::columns])
    return torch.from_numpy(np.mean(results, axis=0))
