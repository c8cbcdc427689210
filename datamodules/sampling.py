"""Which images make a batch. Loaders yield indices only; the images are gathered on the device."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from groundwork.seeding import generator


class Draw(NamedTuple):
    """One batch to come: positions within a split, and the epoch and step that key its noise."""

    split: str
    epoch: int
    step: int
    positions: Tensor  # int64 B


class DrawSampler(Sampler[Draw]):
    """Yields the batches of one epoch, the last of them possibly shorter.

    Training order is a permutation keyed by (seed, epoch) through `set_epoch`, which Lightning
    calls; a resumed run so continues with the order that the uninterrupted run has. Without a seed
    the order is that of the split.
    """

    def __init__(
        self, split: str, size: int, batch_size: int, seed: int | None = None, epoch: int = 0
    ) -> None:
        self.split = split
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def require_shares(self, processes: int) -> None:
        """Raises ValueError where processes that share each batch would find too few images in it.

        In training all of them take part in every step. Without a seed, that is in evaluation, the
        last batch may have none for some.
        """
        last = self.size % self.batch_size or self.batch_size
        fewest = min(self.size, self.batch_size) if self.seed is None else last
        if fewest < processes:
            raise ValueError(
                f"data.batch_size: a batch of the {self.split} images has {fewest}, fewer than the "
                f"{processes} processes that share it: take another size, or fewer trainer.devices"
            )

    def __len__(self) -> int:
        return -(-self.size // self.batch_size)

    def __iter__(self) -> Iterator[Draw]:
        if self.seed is None:
            order = torch.arange(self.size)
        else:
            random = generator("cpu", "order", self.seed, self.epoch)
            order = torch.randperm(self.size, generator=random)
        for step, positions in enumerate(order.split(self.batch_size)):
            yield Draw(self.split, self.epoch, step, positions)


class InMemory(Dataset[Draw]):
    """The dataset for images that are already in memory: there is nothing to fetch for a draw.

    A dataset that streams from files would read its images here, in the loader's workers.
    """

    def __getitem__(self, draw: Draw) -> Draw:
        return draw
