"""Reads checkpoints: verified, without running anything that they say, and once a command.

A checkpoint is Lightning's, with one more entry, "run": a plain dict of
    format_version  of this entry
    run_id          random, of the run that wrote it
    parent_id       of the run that it resumed, or None
    model           the model's class, by its dotted name; its arguments are Lightning's
                    "hyper_parameters"
    data, noise, objective, trainer
                    their settings as in the config
    seed            of the run
    early_stopping  its settings
    split           fingerprint of the validation split
    intervals       calibrated intervals, where eval.py has added some: a list of what
                    `denoisers.intervals.calibration.Calibration` has
    learned_from    of noisy pictures that were learned from without clean ones: their files
"""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from denoisers import pretrained
from denoisers.archive import read_archive
from denoisers.base import ImageModel
from denoisers.file_kinds import kind_of
from denoisers.intervals.calibration import calibrations_of
from denoisers.safe_names import UNPRINTABLE, class_name, require_harmless, resolve
from denoisers.upgrades import FORMAT_VERSION, UPGRADES
from denoisers.weights_file import is_weights_file, read_weights
from groundwork.run_directory import BEST, CHECKPOINTS

ENTRIES = {"run": dict, "hyper_parameters": dict, "state_dict": dict}
RUN_ENTRIES: dict[str, type | tuple[type, ...]] = {
    "run_id": str,
    "parent_id": (str, NoneType),
    "model": str,
    "data": dict,
    "noise": dict,
    "objective": dict,
    "trainer": dict,
    "early_stopping": dict,
    "seed": int,
    "split": str,
}

Identity = tuple[Path, int, int, int, int]
# A command needs its checkpoint twice: before Hydra composes the config, and where the config is
# used. So `read_checkpoint(…, keep=True)` leaves a file's contents here for the next call, and a
# call without `keep` takes them out. Only one file is kept. Lightning's call is the last before
# training, which so does not hold an old state of the optimizer in memory for hours.
_kept: dict[Identity, dict[str, Any]] = {}


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a file: verified, of the newest format, and naming only this project's code.

    Everything that it gives is a copy. Lightning and optimizers change what they are given, and one
    reading of the file serves several callers.

    Attributes:
        path: The file.
    """

    path: Path
    _contents: dict[str, Any] = field(repr=False)

    @property
    def run(self) -> dict[str, Any]:
        """What the run says of itself: see above."""
        run: dict[str, Any] = self.get("run")
        return run

    @property
    def has_weights_alone(self) -> bool:
        """Whether it lacks the state of a training, as `best.safetensors` does."""
        return self._contents.keys() == ENTRIES.keys()

    def get(self, entry: str) -> Any:
        """An entry of the file, such as "state_dict" or "callbacks"; None where it is missing."""
        return copy.deepcopy(self._contents.get(entry))

    def contents(self) -> dict[str, Any]:
        """All entries, as Lightning has saved them."""
        return copy.deepcopy(self._contents)

    def model(self) -> ImageModel:
        """The model with its weights, in evaluation mode on the CPU.

        Raises:
            ValueError: The weights are not those of the model that the file names.
        """
        try:
            self.skeleton()
            model = build_model(self.run["model"], self.get("hyper_parameters"))
            model.load_state_dict(self._contents["state_dict"])
        except Exception as error:  # a constructor may raise anything for arguments of any kind
            raise ValueError(
                f"{self.path} does not hold a model of this project: {first_line(error)}"
            ) from error
        return model.eval()

    def skeleton(self) -> ImageModel:
        """The model without memory for its weights, once they are known to be those in the file.

        A few numbers among the arguments could ask for any amount of memory, or for layers without
        end.

        Raises:
            Exception: Of any kind, where the weights are not those of the model.
        """
        found = self._contents["state_dict"]
        with torch.device("meta"), _at_most(len(found)):
            model = build_model(self.run["model"], self.get("hyper_parameters"))
        expected = model.state_dict()
        for name in sorted(expected.keys() ^ found.keys(), key=str):
            raise ValueError(f"{name!r} is not among both its weights and its model's")
        for name, weight in expected.items():
            if found[name].shape != weight.shape:
                shapes = tuple(found[name].shape), tuple(weight.shape)
                raise ValueError(f"{name} has the shape {shapes[0]}, its model wants {shapes[1]}")
        return model


def read_checkpoint(path: str | os.PathLike[str], keep: bool = False) -> Checkpoint:
    """Read a checkpoint file, and verify everything in it.

    Args:
        path: The file, or the name of weights that ship.
        keep: The same command will read the file again. It then gets the same contents from memory,
            unless the file has changed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, not a checkpoint of this project, or names code that is not.
    """
    path = pretrained.located(path)
    if path.is_dir():
        best = next(iter(path.glob(f"{CHECKPOINTS}/{BEST}")), path / "…" / BEST)
        raise ValueError(f"{path} is a folder, not a checkpoint: give a file such as {best}")
    if not path.is_file():
        hint = "" if path.suffix else f"; the weights that ship are {', '.join(pretrained.names())}"
        raise FileNotFoundError(f"there is no checkpoint at {path}{hint}")
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        identity = path.resolve(), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        contents = _kept.pop(identity, None) or _verified(path, file)
    if keep:
        _kept.clear()
        _kept[identity] = contents
    return Checkpoint(path, contents)


def _verified(path: Path, file: BinaryIO) -> dict[str, Any]:
    weights = is_weights_file(file)
    if not weights and (kind := kind_of(file, path.suffix)):
        raise ValueError(f"{path} is damaged or not a checkpoint: {kind}")
    try:
        contents = read_weights(file) if weights else read_archive(file)
    except Exception as error:  # damaged bytes can raise anything
        raise ValueError(f"{path} is damaged or not a checkpoint: {first_line(error)}") from error
    run = contents.get("run") if isinstance(contents, dict) else None
    version = run.get("format_version") if isinstance(run, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(f"{path} is not a checkpoint of this project")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path} was written by a newer release (format {version}, this one reads up to "
            f"{FORMAT_VERSION}): update"
        )
    for older in range(version, FORMAT_VERSION):
        contents = UPGRADES[older](contents)
        contents["run"] = contents["run"] | {"format_version": older + 1}
    try:
        require_entries(contents, ENTRIES)
        require_entries(contents["run"], RUN_ENTRIES)
        calibrations_of(contents["run"])
    except ValueError as error:
        reason = first_line(error)
        raise ValueError(f"{path} is not a checkpoint of this project: {reason}") from error
    try:
        require_harmless(contents["run"], contents["hyper_parameters"])
    except ValueError as error:
        raise ValueError(f"{path} is refused: {error}") from error
    return contents


def first_line(error: Exception) -> str:
    """The first line of an error's message, without what a terminal would obey."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    lines = str(error).splitlines()
    return UNPRINTABLE.sub("?", lines[0]) if lines else type(error).__name__


def require_entries(content: dict[str, Any], kinds: dict[str, Any]) -> None:
    """Check that a dict has entries of certain types.

    Raises:
        ValueError: One is missing or of another type.
    """
    for name, kind in kinds.items():
        if name not in content or not isinstance(content[name], kind):
            raise ValueError(f"its {name} is missing or of the wrong type")


def describe(model: ImageModel) -> dict[str, Any]:
    """What `build_model` makes a model from. The arguments are plain, and the weights left out."""
    return {"name": class_name(type(model)), "arguments": dict(model.hparams)}


def build_model(name: str, arguments: dict[str, Any]) -> ImageModel:
    """Make a model with new weights from what `describe` says of it.

    Raises:
        ValueError: The name is not that of a model of this project.
        Exception: Of any kind, where the arguments are not the constructor's.
    """
    return resolve(name, ImageModel)(**arguments)


def load_model(path: str | Path) -> tuple[ImageModel, dict[str, Any]]:
    """Load a trained model.

    Returns:
        The model, in evaluation mode on the CPU, and the checkpoint's "run" entry.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or not a checkpoint of this project, or its weights are not those
            of the model that it names.
    """
    checkpoint = read_checkpoint(path)
    return checkpoint.model(), checkpoint.run


@contextmanager
def _at_most(parameters: int) -> Iterator[None]:
    """Raise ValueError if the modules that are built meanwhile have more parameters than that."""
    count = 0

    def register(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal count
        count += parameter is not None
        if count > parameters:
            raise ValueError("its model would have more layers than it has weights of")

    hook = register_module_parameter_registration_hook(register)
    try:
        yield
    finally:
        hook.remove()
