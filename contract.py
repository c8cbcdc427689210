"""What the data side and the model side agree on: the batch, and how random generators are derived.

`datamodules` and `denoisers` never import each other; both import this file.
"""

import hashlib
from typing import NamedTuple

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

    Different keys give unrelated streams, so that no draw in a run depends on how many draws came
    before it.
    """
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "little")


def generator(device: torch.device | str, *key: int | str) -> torch.Generator:
    """A generator on `device`, seeded by `derive_seed(*key)`."""
    return torch.Generator(device).manual_seed(derive_seed(*key))
