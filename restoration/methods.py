"""The methods of denoise.py behind one call: a model, a network of the picture's own, a filter.

C channels, H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from denoisers.checkpoint import load_model
from restoration import classical, zero_shot
from restoration.anscombe import SensorNoise
from restoration.clipping import clean_from_means
from restoration.restorer import Restorer
from restoration.settings import Name, Settings
from restoration.stabilising import estimate_growing, restored_evenly
from restoration.trained_on import Training, training_of

TITLES: dict[Name, str] = {
    "zero_shot": "a network that was trained on the picture itself (Zero-Shot Noise2Noise)",
    "bm3d": "BM3D",
    "nlm": "non-local means",
    "tv": "total variation",
}


@dataclass(frozen=True)
class How:
    """How a picture was restored.

    Attributes:
        method: The method's name.
        checkpoint: The model's checkpoint, or the name of weights that ship.
        training: What the model was trained on.
        tile: Height and width of the model's tiles. None if the picture was restored whole.
        stabilised: The noise whose variance was made even first. None if it was even.
    """

    method: Name
    checkpoint: str | None = None
    training: Training | None = None
    tile: tuple[int, int] | None = None
    stabilised: SensorNoise | None = None


class Restored(NamedTuple):
    """A restored picture.

    Attributes:
        picture: float32 C H W in [0, 1].
        how: How it was restored, for the report.
    """

    picture: np.ndarray
    how: How


# Takes a picture, float32 C H W, and the standard deviation of its noise, or None.
Method = Callable[[np.ndarray, float | None], Restored]


def method_of(given: Settings, progress: Callable[[float], None]) -> Method:
    """Return the method that the settings choose.

    Args:
        given: The settings of denoise.py.
        progress: Called while a network learns from a picture, with the share that is done.

    Raises:
        ValueError: The checkpoint, the device, the tile or the method cannot be used.
        FileNotFoundError: There is no such checkpoint.
    """
    name = given["method"]
    if name == "model":
        tile = None if given["tile"] == "auto" else int(given["tile"])
        return ByModel(given["checkpoint"], tile, device_of(given["device"]))
    if name == "zero_shot":

        def by_itself(noisy: np.ndarray, std: float | None) -> Restored:
            picture = zero_shot.restore(noisy, given["seed"], progress)
            return Restored(picture, How("zero_shot"))

        return by_itself
    classical.require_available(name)

    def by_filter(noisy: np.ndarray, std: float | None) -> Restored:
        if std is None:
            raise ValueError("the strength of its noise cannot be estimated: give sigma=")
        return Restored(classical.restore(name, noisy, std), How(name))

    return by_filter


def device_of(given: str) -> torch.device:
    """Return the device that the setting chooses.

    Raises:
        ValueError: A GPU is asked for, and there is none.
    """
    cuda = torch.cuda.is_available()
    if given == "cuda" and not cuda:
        raise ValueError("device=cuda: torch finds no GPU here")
    return torch.device("cuda" if cuda and given != "cpu" else "cpu")


class ByModel:
    """Restores pictures with a model.

    A network for noise that is even and was not cut, such as the weights that ship, is helped with
    other noise. If the noise grows with the light, its variance is made even first. Otherwise, if
    it was cut to [0, 1], the bias of that is undone afterwards.

    Args:
        checkpoint: A file, or the name of weights that ship.
        tile, device: See `Restorer`.

    Raises:
        ValueError: It is not a checkpoint of a model that restores pictures.
        FileNotFoundError: There is no such file.
    """

    def __init__(self, checkpoint: str, tile: int | None, device: torch.device) -> None:
        self.checkpoint = checkpoint
        model, run = load_model(checkpoint)
        self.restorer = Restorer(model, tile, device)
        self.training = training_of(model, run)

    def __call__(self, noisy: np.ndarray, std: float | None) -> Restored:
        restorer, training = self.restorer, self.training
        growing = estimate_growing(noisy) if training.for_even_noise else None

        def restore(picture: np.ndarray) -> np.ndarray:
            result: np.ndarray = restorer(torch.from_numpy(picture)).numpy()
            return result

        if growing is not None:
            picture = restored_evenly(restore, noisy, growing)
        elif training.for_even_noise and std:
            picture = clean_from_means(noisy, std)(restorer(torch.from_numpy(noisy))).numpy()
        else:
            picture = restore(noisy)
        tile = restorer.tile_for(torch.from_numpy(noisy))
        return Restored(picture, How("model", self.checkpoint, training, tile, growing))
