"""Streams of random numbers: each key has its own, on every machine."""

import math

import pytest
import torch

from groundwork.seeding import derive_seed, generator


def test_derived_seeds_are_the_same_on_every_machine_and_in_every_release() -> None:
    assert derive_seed("noise", 0, 1, 2) == 5485189452959592713


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("noise", 0, 1, 2), ("noise", 0, 2, 1)),
        (("noise", 0, 1, 2), ("latent", 0, 1, 2)),
        (("noise", 0, 12), ("noise", 0, 1, 2)),
        (("noise", 0), ("noise",)),
        (("noise", 2**32 + 5), ("noise", 5, 1)),
        (("val", 0), (0, "val")),
    ],
)
def test_different_keys_give_different_streams(
    one: tuple[int | str, ...], other: tuple[int | str, ...]
) -> None:
    assert derive_seed(*one) != derive_seed(*other)
    draws = [torch.rand(8, generator=generator("cpu", *key)) for key in (one, other)]
    assert not torch.equal(*draws)


def test_the_same_key_gives_the_same_stream() -> None:
    draws = [torch.rand(8, generator=generator("cpu", "noise", 7, 1)) for _ in range(2)]
    assert torch.equal(*draws)


def test_streams_of_neighbouring_keys_are_uncorrelated() -> None:
    draws = torch.stack(
        [torch.randn(10_000, generator=generator("cpu", "noise", 0, step)) for step in range(20)]
    )
    others = torch.corrcoef(draws)[~torch.eye(20, dtype=torch.bool)]
    assert others.abs().max() < 5 / math.sqrt(10_000)
