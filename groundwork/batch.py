"""The batch, which is all that data and models know of each other."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Part(NamedTuple):
    """Which images of a batch a process has, where several share it: from its rank on

    total: images in the whole batch.
    """

    rank: int
    processes: int
    total: int

    @property
    def rows(self) -> slice:
        """Of the whole batch."""
        return slice(self.rank, None, self.processes)

    @property
    def weight(self) -> float:
        """Of a mean over this part's images, where the plain mean over processes is to be the
        whole batch's. It is 1 where all parts are of one size."""
        return len(range(self.total)[self.rows]) * self.processes / self.total


class Batch(NamedTuple):
    """B images and what is known of them.

    noisy: float32 B C H W, the model's input.
    clean: float32 B C H W in [0, 1], the target.
    label: int64 B, the class; -1 where there is none.
    second: float32 B C H W, another noisy view of the same images, for objectives that need one.
    part: which images these are of the batch that several processes share; None where it is whole.
    """

    noisy: Tensor
    clean: Tensor
    label: Tensor
    second: Tensor | None = None
    part: Part | None = None

    def part_of(self, rank: int, processes: int) -> "Batch":
        """What a process has of this whole batch."""
        part = Part(rank, processes, len(self.clean))
        noisy, clean, label = (images[part.rows] for images in self[:3])
        second = None if self.second is None else self.second[part.rows]
        return Batch(noisy, clean, label, second, part)

    def drawn(self, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Random values, one row an image: of `draw`, which makes them for images of a shape.

        Processes that share a batch draw for the whole of it and keep their rows: the values of an
        image so do not depend on how many processes there are.
        """
        if self.part is None:
            return draw(self.noisy)
        return draw(self.noisy[:1].expand(self.part.total, -1, -1, -1))[self.part.rows]
