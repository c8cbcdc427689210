"""Checkpoint files: written whole or not at all, read without running anything that they say.

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
"""

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from denoisers.archive import read_archive
from denoisers.base import ImageModel
from denoisers.file_kinds import kind_of
from denoisers.upgrades import FORMAT_VERSION, UPGRADES
from denoisers.weights_file import is_weights_file, read_weights
from groundwork.files import expand
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
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # a terminal obeys some of them
Kind = TypeVar("Kind")


def class_name(model: type) -> str:
    """The dotted name under which a checkpoint knows a class."""
    return f"{model.__module__}.{model.__qualname__}"


def resolve(name: str, kind: type[Kind]) -> type[Kind]:
    """The class of a dotted name from a checkpoint, which may name anything.

    Raises ValueError for what is not a subclass of `kind`, defined in the package that `kind` is
    from. That a name begins with that package is not enough: `denoisers.base.torch.load` does.
    """
    package = kind.__module__.partition(".")[0]
    module_name, _, attribute = str(name).rpartition(".")
    if module_name.startswith(f"{package}."):
        try:
            found = getattr(importlib.import_module(module_name), attribute)
        except (ImportError, AttributeError):
            found = None
        if isinstance(found, type) and issubclass(found, kind) and class_name(found) == name:
            return found
    raise ValueError(f"{name!r} is not of this project's {package}")


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The contents of a checkpoint file, on the CPU.

    Raises FileNotFoundError where there is none, and ValueError where the file is damaged or not a
    checkpoint of this project.
    """
    path = expand(path)
    if path.is_dir():
        best = next(iter(path.glob(f"{CHECKPOINTS}/{BEST}")), path / "…" / BEST)
        raise ValueError(f"{path} is a folder, not a checkpoint: give a file such as {best}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    weights = is_weights_file(path)
    if not weights and (kind := kind_of(path)):
        raise ValueError(f"{path} is damaged or not a checkpoint: {kind}")
    with path.open("rb") as file:
        try:
            checkpoint = read_weights(path) if weights else read_archive(file)
        except Exception as error:  # damaged bytes can raise anything
            raise ValueError(
                f"{path} is damaged or not a checkpoint: {first_line(error)}"
            ) from error
    run = checkpoint.get("run") if isinstance(checkpoint, dict) else None
    version = run.get("format_version") if isinstance(run, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(f"{path} is not a checkpoint of this project")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path} was written by a newer release (format {version}, this one reads up to "
            f"{FORMAT_VERSION}): update"
        )
    for older in range(version, FORMAT_VERSION):
        checkpoint = UPGRADES[older](checkpoint)
        checkpoint["run"] = checkpoint["run"] | {"format_version": older + 1}
    try:
        require_entries(checkpoint, ENTRIES)
        require_entries(checkpoint["run"], RUN_ENTRIES)
        _require_printable([checkpoint["run"], checkpoint["hyper_parameters"]])
    except ValueError as error:
        raise ValueError(f"{path} is not a checkpoint of this project: {error}") from error
    return checkpoint


def first_line(error: Exception) -> str:
    """The first line of an error's message, without what a terminal would obey."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    lines = str(error).splitlines()
    return UNPRINTABLE.sub("?", lines[0]) if lines else type(error).__name__


def require_entries(content: dict[str, Any], kinds: dict[str, Any]) -> None:
    for name, kind in kinds.items():
        if name not in content or not isinstance(content[name], kind):
            raise ValueError(f"its {name} is missing or of the wrong type")


def _require_printable(content: Any) -> None:
    if isinstance(content, dict):
        for part in content.items():
            _require_printable(part)
    elif isinstance(content, list | tuple):
        for part in content:
            _require_printable(part)
    elif isinstance(content, str) and UNPRINTABLE.search(content):
        raise ValueError(f"it holds {content[:40]!r}")


def describe(model: ImageModel) -> dict[str, Any]:
    """What `build_model` makes the model from: the arguments are plain, the weights not in it."""
    return {"name": class_name(type(model)), "arguments": dict(model.hparams)}


def build_model(name: str, arguments: dict[str, Any]) -> ImageModel:
    """A model with new weights from what a checkpoint holds of it."""
    return resolve(name, ImageModel)(**arguments)


def load_model(path: str | Path) -> tuple[ImageModel, dict[str, Any]]:
    """The model in a checkpoint file, in evaluation mode on the CPU, and the "run" entry.

    Raises like `read_checkpoint`, and ValueError where the weights are not those of the model that
    it names.
    """
    checkpoint = read_checkpoint(path)
    try:
        skeleton(checkpoint)
        model = build_model(checkpoint["run"]["model"], checkpoint["hyper_parameters"])
        model.load_state_dict(checkpoint["state_dict"])
    except Exception as error:  # a constructor may raise anything for arguments of any kind
        raise ValueError(
            f"{path} does not hold a model of this project: {first_line(error)}"
        ) from error
    return model.eval(), checkpoint["run"]


def skeleton(checkpoint: dict[str, Any]) -> ImageModel:
    """The model without memory for its weights, once they are known to be those in the checkpoint.

    A few numbers among the arguments could ask for any amount of memory, or for layers without end.
    """
    found = checkpoint["state_dict"]
    with torch.device("meta"), _at_most(len(found)):
        model = build_model(checkpoint["run"]["model"], checkpoint["hyper_parameters"])
    expected = model.state_dict()
    for name in sorted(expected.keys() ^ found.keys(), key=str):
        raise ValueError(f"{name!r} is not among both its weights and its model's")
    for name, weight in expected.items():
        if found[name].shape != weight.shape:
            shapes = tuple(found[name].shape), tuple(weight.shape)
            raise ValueError(f"{name} has the shape {shapes[0]}, its model wants {shapes[1]}")
    return model


@contextmanager
def _at_most(parameters: int) -> Iterator[None]:
    """Raises ValueError where modules that are built meanwhile have more parameters than that."""
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
