"""The methods that are scored: models, and baselines that are told the noise."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.filters import BM3D_CURE
from benchmarks.photographs.kair import read_dncnn
from benchmarks.photographs.protocol import WHITE
from benchmarks.photographs.sets import COLOURS
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from groundwork.files import expand
from restoration import classical, zero_shot
from restoration.restorer import Restorer

Picture = NDArray[np.float32]  # C H W
NOISY, BM3D = "noisy", "BM3D"
ON_REQUEST = "zero_shot"  # it trains for each picture, so it takes part only where it is named


class Method(NamedTuple):
    """A method that restores pictures.

    Attributes:
        name: Its name in tables.
        channels: Of the pictures that a model was trained for. None for a baseline, which restores
            all.
        restore: Called with a noisy picture and the noise's standard deviation, of 255.
    """

    name: str
    channels: tuple[int, ...] | None
    restore: Callable[[Picture, float], Picture]

    @property
    def colours(self) -> str:
        return " and ".join(COLOURS[channels] for channels in self.channels or COLOURS)


def _filtered(name: classical.Name, noisy: Picture, sigma: float) -> Picture:
    return classical.restore(name, noisy, sigma / WHITE)


def _as_it_is(noisy: Picture, sigma: float) -> Picture:
    return noisy


def _trained_on_itself(noisy: Picture, sigma: float) -> Picture:
    """Blind, as a model is."""
    return zero_shot.restore(noisy, seed=0)


# By the name on the command line.
BASELINES = {
    "noisy": Method(NOISY, None, _as_it_is),
    "tv": Method("total variation", None, partial(_filtered, "tv")),
    "nlm": Method("non-local means", None, partial(_filtered, "nlm")),
    "bm3d": Method(BM3D, None, partial(_filtered, "bm3d")),
    "zero_shot": Method("zero-shot Noise2Noise", None, _trained_on_itself),
}


def baselines(names: Sequence[str] | None) -> list[Method]:
    """Return baselines by their names; None stands for all that can run here but `ON_REQUEST`.

    Raises:
        ValueError: There is no such baseline, or BM3D is asked for and its package is absent.
    """
    absent = find_spec("bm3d") is None
    for name in names or ():
        if name not in BASELINES:
            raise ValueError(f"--baselines {name}: choose from {', '.join(BASELINES)}")
        if name == "bm3d" and absent:
            raise ValueError(f"--baselines bm3d: {BM3D_CURE}")
    if names is None:
        left_out = {ON_REQUEST, "bm3d"} if absent else {ON_REQUEST}
        names = [name for name in BASELINES if name not in left_out]
    return [BASELINES[name] for name in dict.fromkeys(names)]


def model(given: str) -> Method:
    """Return the method of a checkpoint, given as its path or as `name=path`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no model that restores pictures.
    """
    name, equals, path = given.partition("=")
    if not equals or expand(given).exists():
        name, path = given, given
    network, run = load_model(path)
    return _of_network(name, network, grey_too=run["data"].get("grey_share", 0) > 0)


def published_dncnn(path: Path) -> Method:
    """Return the method of a DnCNN from KAIR's model zoo.

    Raises:
        ValueError: It is none.
    """
    return _of_network(f"{path.stem} of KAIR", read_dncnn(path))


def _of_network(name: str, network: ImageModel, grey_too: bool = False) -> Method:
    try:
        restorer = Restorer(network, None, torch.device("cpu"))
    except ValueError as error:
        raise ValueError(f"{name}: {str(error).removeprefix('checkpoint: ')}") from None
    channels = (1, 3) if grey_too else restorer.image_shape[:1]
    return Method(name, channels, partial(_restored, restorer))


def _restored(restorer: Restorer, noisy: Picture, sigma: float) -> Picture:
    """Blind: a model is not told how strong the noise is."""
    return np.asarray(restorer(torch.from_numpy(noisy)).numpy())
