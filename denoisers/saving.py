"""Writes the checkpoints of a training run: whole or not at all, with a record of the run."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import TorchCheckpointIO

from denoisers.checkpoint import Checkpoint, read_checkpoint
from denoisers.intervals.calibration import Calibration, with_calibration
from denoisers.resuming import require_alike
from denoisers.safe_names import class_name
from denoisers.upgrades import FORMAT_VERSION
from denoisers.weights_file import encode_weights
from groundwork.files import whole_file


def save_weights(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint's weights as safetensors; see `denoisers.weights_file`."""
    entries = (checkpoint.get(name) for name in ("state_dict", "run", "hyper_parameters"))
    with whole_file(path) as file:
        file.write(encode_weights(*entries))


def save_calibrated(checkpoint: Checkpoint, calibration: Calibration, path: Path) -> None:
    """Write a checkpoint's weights with one more calibration of its intervals.

    The state of the training is left out, so that no training goes on from the file, after which
    the intervals would be those of other weights.
    """
    run = with_calibration(checkpoint.run, calibration)
    entries = checkpoint.get("state_dict"), run, checkpoint.get("hyper_parameters")
    with whole_file(path) as file:
        file.write(encode_weights(*entries))


class RunRecord(Callback):
    """Adds the "run" entry to every checkpoint, and refuses those that Lightning cannot resume.

    Attributes:
        record: The entry, without the format's version and the model's class.
    """

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

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # Lightning restores the states after this. Only the real loops and callbacks know which
        # parts their states have.
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        states = {callback.state_key: callback.state_dict() for callback in callbacks}
        try:
            require_alike(checkpoint["loops"]["fit_loop"], trainer.fit_loop.state_dict(), "loops")
            for key, state in checkpoint["callbacks"].items():
                require_alike(state, states.get(key), f"callback {key}")
        except ValueError as error:
            raise ValueError(f"{trainer.ckpt_path} cannot be resumed: {error}") from error


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes whole files only. After a kill, or on a full disk, the older file is still there."""

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
        return read_checkpoint(path).contents()
