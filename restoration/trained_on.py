"""What a checkpoint says of the pictures and the noise that its model was trained with."""

from typing import Any, NamedTuple

from datamodules.noise import Blind, Gaussian, Noise

SLACK = 0.3  # of a level: what the estimates of small pictures are off by, rarely by more


class Training(NamedTuple):
    """model: its class. data: the name of the pictures' source. image_shape: C H W.
    any_size: whether it is for other sizes too. noise: what the pictures were made noisy with.
    """

    model: str
    data: str
    image_shape: tuple[int, int, int]
    any_size: bool
    noise: Noise

    @property
    def levels(self) -> tuple[float, float] | None:
        """The lowest and highest standard deviation that it is at home in; None for other noise.

        They are three tenths below and above those of the training.
        """
        if not isinstance(self.noise, Gaussian | Blind):
            return None
        low, high = self.noise.levels
        return (1 - SLACK) * low, (1 + SLACK) * high


def source_name(data: dict[str, Any]) -> str:
    """Of the data settings in a checkpoint: the class, without its package."""
    return str(data["_target_"]).rpartition(".")[2]
