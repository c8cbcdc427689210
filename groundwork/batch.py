"""The batch, which is all that data and models know of each other."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Shard(NamedTuple):
    """Which images of a batch a process has, where several processes share it.

    A process has every `processes`-th image, from its rank on.

    Attributes:
        rank: The number of this process, from 0.
        processes: How many share the batch.
        total: Images in the whole batch.
    """

    rank: int
    processes: int
    total: int

    @property
    def rows(self) -> slice:
        """The images' places in the whole batch."""
        return slice(self.rank, None, self.processes)

    @property
    def weight(self) -> float:
        """A factor for a mean over this shard's images.

        With it, the plain mean over processes is the mean over the whole batch. It is 1 where all
        shards are of one size.
        """
        return len(range(self.total)[self.rows]) * self.processes / self.total


class Batch(NamedTuple):
    """B images and what is known of them.

    Attributes:
        noisy: The model's input, float32 B C H W.
        clean: The target, float32 B C H W in [0, 1]. It is NaN for noisy pictures without a clean
            one.
        label: The class, int64 B; -1 where there is none.
        second: Another noisy view of the same images, float32 B C H W, for objectives that need
            one.
        shard: Which images these are of a batch that several processes share; None where it is
            whole.
    """

    noisy: Tensor
    clean: Tensor
    label: Tensor
    second: Tensor | None = None
    shard: Shard | None = None

    def shard_of(self, rank: int, processes: int) -> "Batch":
        """The images that one process has of this whole batch."""
        shard = Shard(rank, processes, len(self.clean))
        noisy, clean, label = (images[shard.rows] for images in self[:3])
        second = None if self.second is None else self.second[shard.rows]
        return Batch(noisy, clean, label, second, shard)

    def draw_per_image(self, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Random values, one row an image.

        Processes that share a batch draw for the whole of it and keep their rows. The values of an
        image so do not depend on how many processes there are.

        Args:
            draw: Makes the values for images of a shape.
        """
        if self.shard is None:
            return draw(self.noisy)
        return draw(self.noisy[:1].expand(self.shard.total, -1, -1, -1))[self.shard.rows]
