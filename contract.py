"""What the data side and the model side agree on: the batch, and how random generators are derived.

`datamodules` and `denoisers` never import each other; both import this file.
"""

import zlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """B images and what is known of them.

    noisy: float32 B C H W, the model's input.
    clean: float32 B C H W in [0, 1], the target.
    label: int64 B, the class; -1 where there is none.
    second: float32 B C H W, another noisy view of the same images, for objectives that need one.
    """

    noisy: Tensor
    clean: Tensor
    label: Tensor
    second: Tensor | None = None


def derive_seed(*key: int | str) -> int:
    """A 64-bit seed that follows from a key, such as ("noise", seed, epoch, step).

    Different keys give statistically independent streams, so that no draw in a run depends on how
    many draws came before it. Integers must be non-negative.
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


def generator(device: torch.device | str, *key: int | str) -> torch.Generator:
    """A generator on `device`, seeded by `derive_seed(*key)`."""
    return torch.Generator(device).manual_seed(derive_seed(*key))
