"""Random generators whose seeds follow from a key, so that no draw depends on those before it."""

import hashlib
from typing import Annotated

import torch
from pydantic import Field

Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes


def derive_seed(*key: int | str) -> int:
    """A 64-bit seed that follows from a key, such as ("noise", seed, epoch, step).

    Different keys give unrelated streams, so that no draw in a run depends on how many draws came
    before it.
    """
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "little")


def generator(device: torch.device | str, *key: int | str) -> torch.Generator:
    """A generator on `device`, seeded by `derive_seed(*key)`."""
    return torch.Generator(device).manual_seed(derive_seed(*key))
