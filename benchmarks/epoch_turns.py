"""A callback for Lightning's Trainer that makes the training part of each epoch a turn."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.trainer.states import TrainerFn

from benchmarks.turns import Turn


class EpochTurns(Callback):
    def __init__(self) -> None:
        self.turn = Turn()
        self.steps = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.steps = trainer.global_step
        self.turn.begin()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self.turn.end(steps=trainer.global_step - self.steps)

    def state_dict(self) -> dict[str, Any]:
        return {}
