"""Checkpoints as training writes them: whole or not at all, with what the run says of itself."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import TorchCheckpointIO

from denoisers.checkpoint import class_name, read_checkpoint
from denoisers.resuming import require_alike
from denoisers.upgrades import FORMAT_VERSION
from denoisers.weights_file import encode_weights
from groundwork.files import whole_file


def save_weights(checkpoint: dict[str, Any], path: Path) -> None:
    """A checkpoint's weights as safetensors; see `denoisers.weights_file`."""
    entries = (checkpoint[name] for name in ("state_dict", "run", "hyper_parameters"))
    with whole_file(path) as file:
        file.write(encode_weights(*entries))


class RunRecord(Callback):
    """Adds the "run" entry to every checkpoint, and refuses what Lightning could not resume."""

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
        # Before Lightning restores them. What state they have is known only to the real ones.
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        states = {callback.state_key: callback.state_dict() for callback in callbacks}
        try:
            require_alike(checkpoint["loops"]["fit_loop"], trainer.fit_loop.state_dict(), "loops")
            for key, state in checkpoint["callbacks"].items():
                require_alike(state, states.get(key), f"callback {key}")
        except ValueError as error:
            raise ValueError(f"{trainer.ckpt_path} cannot be resumed: {error}") from error


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
