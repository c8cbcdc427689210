"""Random generators that are seeded by a key, so that no draw depends on earlier ones."""

import hashlib

import torch


def derive_seed(*key: int | str) -> int:
    """Return the 64-bit seed of a key, such as ("noise", seed, epoch, step).

    Different keys give unrelated streams, so that no draw in a run depends on the number of draws
    before it.
    """
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "little")


def generator(device: torch.device | str, *key: int | str) -> torch.Generator:
    """Return a generator on `device`, seeded by `derive_seed(*key)`."""
    return torch.Generator(device).manual_seed(derive_seed(*key))
