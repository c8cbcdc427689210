"""Checkpoint files: written whole or not at all, read without running anything that they say.

A checkpoint is Lightning's, with one more entry, "run": a plain dict of
    format_version  of this entry
    run_id          random, of the run that wrote it
    parent_id       of the run that it resumed, or None
    model           the model's class, by its dotted name; its arguments are Lightning's
                    "hyper_parameters"
    data, noise, trainer
                    their settings as in the config
    seed            of the run
    split           fingerprint of the validation split
"""

import importlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import TorchCheckpointIO
from safetensors.torch import save

from denoisers.base import ImageModel
from files import whole_file

FORMAT_VERSION = 1
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
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load does not check the CRCs
        if damaged is not None:
            raise ValueError(f"bad CRC in {damaged}")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zipfile and torch raise all kinds for damaged bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is damaged or not a checkpoint: {reason}") from error
    run = checkpoint.get("run") if isinstance(checkpoint, dict) else None
    if not isinstance(run, dict) or "format_version" not in run:
        raise ValueError(f"{path} is not a checkpoint of this project")
    if run["format_version"] != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {run['format_version']}, this release reads "
            f"{FORMAT_VERSION}"
        )
    return checkpoint


def read_resumable(path: str | os.PathLike[str], max_epochs: int | None) -> dict[str, Any]:
    """The "run" entry of a checkpoint from which training can go on exactly.

    Raises like `read_checkpoint`, and ValueError for one that was saved inside an epoch or has
    `max_epochs` behind it.
    """
    checkpoint = read_checkpoint(path)
    progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    if not progress["is_last_batch"]:
        raise ValueError(f"{path} was saved inside an epoch: only a finished one can be resumed")
    done = checkpoint["epoch"] + 1
    if max_epochs is not None and 0 <= max_epochs <= done:
        raise ValueError(f"trainer.max_epochs={max_epochs}: {path} has {done} epochs behind it")
    run: dict[str, Any] = checkpoint["run"]
    return run


def describe(model: ImageModel) -> dict[str, Any]:
    """What `build_model` makes the model from: the arguments are plain, the weights not in it."""
    return {"name": class_name(type(model)), "arguments": dict(model.hparams)}


def build_model(name: str, arguments: dict[str, Any]) -> ImageModel:
    """A model with new weights from what a checkpoint holds of it."""
    return resolve(name, ImageModel)(**arguments)


def load_model(path: str | Path) -> tuple[ImageModel, dict[str, Any]]:
    """The model in a checkpoint file, in evaluation mode on the CPU, and the "run" entry.

    Raises like `read_checkpoint`.
    """
    checkpoint = read_checkpoint(path)
    try:
        model = build_model(checkpoint["run"]["model"], checkpoint["hyper_parameters"])
        model.load_state_dict(checkpoint["state_dict"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} does not hold a model of this project: {reason}") from error
    return model.eval(), checkpoint["run"]


def save_weights(model: ImageModel, path: Path) -> None:
    """The weights alone, as safetensors, for whoever wants them without this project."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(path) as file:
        file.write(save(weights, metadata={"model": class_name(type(model))}))


class RunRecord(Callback):
    """Adds the "run" entry to every checkpoint."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["run"] = {
            "format_version": FORMAT_VERSION,
            "model": class_name(type(pl_module)),
            **self.record,
        }


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes whole files only: a kill or a full disk leaves the older one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        # To memory first: torch would hide a full disk's error behind one of its own.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with whole_file(Path(path)) as file:
            file.write(content.getbuffer())

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        return read_checkpoint(path)
