"""Which images make a batch. Loaders yield indices only; the images are gathered on the device."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from groundwork.seeding import generator


class Draw(NamedTuple):
    """A batch before its images are gathered. Epoch and step key its noise.

    Attributes:
        positions: int64 B, positions within the split.
    """

    split: str
    epoch: int
    step: int
    positions: Tensor


class DrawSampler(Sampler[Draw]):
    """Yields the batches of one epoch. The last one may be shorter.

    The order of training is a permutation keyed by (seed, epoch). Lightning calls `set_epoch`, so
    that a resumed run continues with the order of an uninterrupted one.

    Args:
        split: The split that the batches are from.
        size: Images in the split.
        batch_size: Images in a batch.
        seed: Keys the order. None keeps the order of the split.
        epoch: The epoch to begin with.
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
        """Refuse batches with fewer images than there are processes that share them.

        In training every process takes part in every step. In evaluation, which has no seed, the
        last batch may leave some processes without images.

        Raises:
            ValueError: A batch has too few images.
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
    """The dataset for images in memory, which returns each draw as it is.

    A dataset that streams from files would read its images here, in the loader's workers.
    """

    def __getitem__(self, draw: Draw) -> Draw:
        return draw
