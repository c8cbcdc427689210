"""The pictures and the noise that a model was trained on, as its checkpoint states them."""

from typing import Any, NamedTuple

from datamodules.noise import Blind, Gaussian, Noise

SLACK = 0.3  # of a level; estimates of small pictures are rarely further off


class Training(NamedTuple):
    """What a model was trained on.

    Attributes:
        model: The name of the model's class.
        data: The name of the data's class.
        image_shape: C H W.
        any_size: Whether the model takes other sizes too.
        noise: What made the images noisy.
    """

    model: str
    data: str
    image_shape: tuple[int, int, int]
    any_size: bool
    noise: Noise

    @property
    def levels(self) -> tuple[float, float] | None:
        """The lowest and highest standard deviation that the model is for. None for other noise.

        They are three tenths below and above those of the training.
        """
        if not isinstance(self.noise, Gaussian | Blind):
            return None
        low, high = self.noise.levels
        return (1 - SLACK) * low, (1 + SLACK) * high


def source_name(data: dict[str, Any]) -> str:
    """Return the name of the data's class, without its package, from a checkpoint's settings."""
    return str(data["_target_"]).rpartition(".")[2]
