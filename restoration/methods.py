"""The methods of denoise.py behind one call: a model, a network of the picture's own, a filter.

C channels, H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from denoisers.checkpoint import load_model
from denoisers.symmetries import over_symmetries, require_turnable
from estimation.anscombe import SensorNoise
from estimation.stabilising import estimate_growing, restored_evenly
from estimation.whiteness import whiteness
from restoration import classical, zero_shot
from restoration.clipping import clean_from_means
from restoration.restorer import Restorer
from restoration.settings import Name, Settings
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
        correlation: The strongest correlation between pixels of what the weights take away, if they
            were chosen for the picture's noise. None if they were given.
        symmetries: How many versions of the picture the result is the average of.
    """

    method: Name
    checkpoint: str | None = None
    training: Training | None = None
    tile: tuple[int, int] | None = None
    stabilised: SensorNoise | None = None
    correlation: float | None = None
    symmetries: int = 1

    @property
    def noise_is_correlated(self) -> bool:
        """Whether the method is for noise that neighbouring pixels share."""
        return self.training is not None and self.training.for_correlated_noise


class Restored(NamedTuple):
    """A restored picture.

    Attributes:
        picture: float32 C H W in [0, 1].
        how: How it was restored, for the report.
    """

    picture: np.ndarray
    how: How


AUTO = "auto"  # the checkpoint that stands for the weights that ship for a picture's noise
# So many times the noise that `photo` takes away (by its std) must be what `camera` takes away, for
# noise that pixels share. It was 3.8 to 22 times in 25 real photographs, and up to 1.4 times where
# 15 training pictures in colour had white noise of 2 to 50 of 255.
TIMES = 2
SQUARE = 128  # pixels a side of the parts of a picture in which its noise is looked at

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
        device = device_of(given["device"])
        as_it_is = given["intervals"] is not None
        return by_checkpoint(given["checkpoint"], tile, device, given["symmetries"], as_it_is)
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


def by_checkpoint(
    checkpoint: str,
    tile: int | None,
    device: torch.device,
    symmetries: int = 1,
    as_it_is: bool = False,
) -> Method:
    """Return the method of a model, or of the weights that ship if `checkpoint` is `AUTO`.

    Args:
        checkpoint: A file, a name of weights that ship, or `AUTO`.
        tile, device: See `Restorer`.
        symmetries, as_it_is: See `ByModel`.

    Raises:
        ValueError: It is not a checkpoint of a model that restores pictures.
        FileNotFoundError: There is no such file.
    """
    if checkpoint == AUTO:
        return ByNoise(tile, device, symmetries)
    return ByModel(checkpoint, tile, device, symmetries, as_it_is)


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
    other noise. If the noise grows with the light, its variance is made even first; so it is for a
    model that has learned from pictures that were made even. Otherwise, if the noise was cut to
    [0, 1], the bias of that is undone afterwards.

    Args:
        checkpoint: A file, or the name of weights that ship.
        tile, device: See `Restorer`.
        symmetries: 1, or 8 to average what is restored over them.
        as_it_is: Restore by the network alone, as eval.py does when it calibrates intervals.

    Raises:
        ValueError: It is not a checkpoint of a model that restores pictures, or these cannot be
            averaged over the symmetries.
        FileNotFoundError: There is no such file.
    """

    def __init__(
        self,
        checkpoint: str,
        tile: int | None,
        device: torch.device,
        symmetries: int = 1,
        as_it_is: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.as_it_is = as_it_is
        model, run = load_model(checkpoint)
        self.restorer = Restorer(model, tile, device)
        self.training = training_of(model, run)
        self.symmetries = symmetries
        self.network: Callable[[Tensor], Tensor] = self.restorer  # C H W -> C H W
        if symmetries > 1:
            require_turnable(model)
            self.network = over_symmetries(self.restorer)

    def __call__(self, noisy: np.ndarray, std: float | None) -> Restored:
        network, training = self.network, self.training
        helped = training.for_even_noise and not self.as_it_is
        evens = helped or (training.even and not self.as_it_is)
        growing = estimate_growing(noisy) if evens else None

        def restore(picture: np.ndarray) -> np.ndarray:
            result: np.ndarray = network(torch.from_numpy(picture)).numpy()
            return result

        if growing is not None:
            picture = restored_evenly(restore, noisy, growing)
        elif helped and std:
            picture = clean_from_means(noisy, std)(network(torch.from_numpy(noisy))).numpy()
        else:
            picture = restore(noisy)
        tile = self.restorer.tile_for(torch.from_numpy(noisy))
        how = How("model", self.checkpoint, training, tile, growing, symmetries=self.symmetries)
        return Restored(picture, how)


class ByNoise:
    """Restores each picture with the weights that ship for its noise.

    `photo` is for white noise, and leaves noise in that neighbouring pixels share. `camera` is for
    that, and takes away hardly more white noise than `photo` does. So how much they take away
    tells which of them the picture needs.

    Args:
        tile, device: See `Restorer`.
        symmetries: See `ByModel`. The weights are chosen without them.
    """

    def __init__(self, tile: int | None, device: torch.device, symmetries: int = 1) -> None:
        self.for_white = ByModel("photo", tile, device, symmetries)
        self.for_correlated = ByModel("camera", tile, device, symmetries)

    def __call__(self, noisy: np.ndarray, std: float | None) -> Restored:
        return self.for_noise_of(noisy)(noisy, std)

    def for_noise_of(self, noisy: np.ndarray) -> Method:
        """Return the method for pictures that have the noise of this one."""
        parts = [torch.from_numpy(part) for part in four_parts(noisy)]
        by_white, by_correlated = (
            np.concatenate([(part - method.restorer(part)).numpy() for part in parts])
            for method in (self.for_white, self.for_correlated)
        )
        correlated = float(by_correlated.std()) > TIMES * float(by_white.std())
        chosen = self.for_correlated if correlated else self.for_white
        noise = whiteness(by_correlated if correlated else by_white)

        def restored(noisy: np.ndarray, std: float | None) -> Restored:
            picture, how = chosen(noisy, std)
            return Restored(picture, replace(how, correlation=noise.strongest))

        return restored


def for_noise_of(method: Method, noisy: np.ndarray) -> Method:
    """Return a method that treats pictures alike whose noise is that of this one."""
    return method.for_noise_of(noisy) if isinstance(method, ByNoise) else method


def four_parts(picture: np.ndarray) -> list[np.ndarray]:
    """Return the middles of a picture's quarters, of `SQUARE` pixels a side at most."""
    _, height, width = picture.shape
    rows, columns = min(height, SQUARE), min(width, SQUARE)
    return [
        np.ascontiguousarray(picture[:, top : top + rows, left : left + columns])
        for top in ((height - rows) // 4, (height - rows) * 3 // 4)
        for left in ((width - columns) // 4, (width - columns) * 3 // 4)
    ]
