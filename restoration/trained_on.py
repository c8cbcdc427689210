"""The pictures and the noise that a model was trained on, as its checkpoint states them."""

from typing import Any, NamedTuple

from omegaconf import OmegaConf

from cli.config import build
from datamodules.camera import Camera
from datamodules.noise import Blind, Gaussian, Noise
from denoisers.base import ImageModel
from denoisers.composite import Composite

NAMED = 5  # files
SLACK = 0.3  # of a level; estimates of small pictures are rarely further off


class Training(NamedTuple):
    """What a model was trained on.

    Attributes:
        model: The name of the model's class.
        data: The name of the data's class.
        image_shape: C H W.
        any_size: Whether the model takes other sizes too.
        noise: What made the images noisy.
        learned_from: The names of the noisy pictures that the model learned from without clean
            ones. It is empty for models that have seen clean images.
        even: Whether noise that grows with the light was made even first.
    """

    model: str
    data: str
    image_shape: tuple[int, int, int]
    any_size: bool
    noise: Noise
    learned_from: tuple[str, ...] = ()
    even: bool = False

    @property
    def for_even_noise(self) -> bool:
        """Whether the model is for white noise of many strengths that was not cut to [0, 1]."""
        return self.any_size and isinstance(self.noise, Blind) and not self.noise.clip

    @property
    def for_correlated_noise(self) -> bool:
        """Whether the model is for noise that neighbouring pixels share."""
        return isinstance(self.noise, Camera)

    def __str__(self) -> str:
        """What the model was trained on, in a few words."""
        if not self.learned_from:
            return f"trained on {self.data}"
        named, count = ", ".join(self.learned_from[:NAMED]), len(self.learned_from)
        more = f" and {count - NAMED} more" if count > NAMED else ""
        pictures = "picture" if count == 1 else "pictures"
        return (
            f"which never saw a clean picture and learned from the noisy {pictures} {named}{more}"
        )

    @property
    def noise_named(self) -> str:
        """The noise of the training, in words."""
        if not self.learned_from:
            return str(self.noise)
        return "its own noise" if len(self.learned_from) == 1 else "their own noise"

    @property
    def other_noise(self) -> str:
        """Noise whose strength cannot be compared, in words."""
        return "that of its own pictures" if self.learned_from else "noise of another kind"

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
        _names(run.get("learned_from", ())),
        run["data"].get("even") is True,
    )


def _names(found: Any) -> tuple[str, ...]:
    """Return a checkpoint's list of files, which anybody may have written."""
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()
