"""The pictures and the noise that a model was trained on, as its checkpoint states them."""

from typing import Any, NamedTuple

from omegaconf import OmegaConf

from cli.config import build
from datamodules.camera import Camera
from datamodules.noise import Blind, Gaussian, Noise
from denoisers.base import ImageModel
from denoisers.composite import Composite

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
    def for_even_noise(self) -> bool:
        """Whether the model is for white noise of many strengths that was not cut to [0, 1]."""
        return self.any_size and isinstance(self.noise, Blind) and not self.noise.clip

    @property
    def for_correlated_noise(self) -> bool:
        """Whether the model is for noise that neighbouring pixels share."""
        return isinstance(self.noise, Camera)

    @property
    def levels(self) -> tuple[float, float] | None:
        """The lowest and highest standard deviation that the model is for. None for other noise.

        They are three tenths below and above those of the training.
        """
        if not isinstance(self.noise, Gaussian | Blind):
            return None
        low, high = self.noise.levels
        return (1 - SLACK) * low, (1 + SLACK) * high


def training_of(model: ImageModel, run: dict[str, Any]) -> Training:
    """Return what a model was trained on.

    Args:
        model: The model; of a composite, its denoiser counts.
        run: The checkpoint's "run" entry.
    """
    part = model.denoiser if isinstance(model, Composite) else model
    return Training(
        type(model).__name__,
        str(run["data"]["_target_"]).rpartition(".")[2],
        part.image_shape,
        part.takes_any_size,
        build(OmegaConf.create(run["noise"]), "noise"),
    )
