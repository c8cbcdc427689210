"""Callbacks that the tests name on the command line: they stop, spoil, delay or note a run."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from groundwork.files import write_json


class PowerCut(Callback):
    """Ends training with an error when an epoch (from 0) begins."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == self.epoch:
            raise RuntimeError("power cut")


class Kill(Callback):
    """Ends the process at once when an epoch (from 0) begins, unless `file` says it was done."""

    def __init__(self, epoch: int, file: str) -> None:
        self.epoch = epoch
        self.file = Path(file)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch == self.epoch and not self.file.exists():
            self.file.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Second(Callback):
    """Writes the id of a shared run's second process into a file, and kills it if it is to fail."""

    def __init__(self, file: str, fails: bool) -> None:
        self.file = Path(file)
        self.fails = fails

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_rank == 1:
            self.file.write_text(str(os.getpid()))
            if self.fails:
                os.kill(os.getpid(), signal.SIGKILL)


class Wait(Callback):
    """Training that gets nowhere."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        while True:
            time.sleep(0.1)


class Nap(Callback):
    """Sleeps for some seconds where an epoch (from 0) begins."""

    def __init__(self, epoch: int, seconds: float) -> None:
        self.epoch = epoch
        self.seconds = seconds

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch == self.epoch and batch_idx == 0:
            time.sleep(self.seconds)


class Spoil(Callback):
    """Sets all weights to one value before the validations from an epoch (from 0) on."""

    def __init__(self, epoch: int, value: float) -> None:
        self.epoch = epoch
        self.value = value

    @torch.no_grad()
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch >= self.epoch:
            for parameter in pl_module.parameters():
                parameter.fill_(self.value)


class GradientNorms(Callback):
    """Writes the gradient's norm that each optimizer step has used into a file."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        gradients = [p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]
        with self.file.open("a") as file:
            print(torch.cat(gradients).norm().item(), file=file)


def gradient_norms(file: Path) -> list[float]:
    return [float(line) for line in file.read_text().splitlines()]


class Surroundings(Callback):
    """Writes what a run's process has around it into `process.json` in the run's directory."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        names = ("GOMP_SPINCOUNT", "OMP_NUM_THREADS")
        seen: dict[str, Any] = {name: os.environ.get(name) for name in names}
        seen |= {"threads": torch.get_num_threads(), "process": os.getpid()}
        write_json(Path(trainer.default_root_dir) / "process.json", seen)
