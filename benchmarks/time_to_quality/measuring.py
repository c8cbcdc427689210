"""A callback for Lightning's Trainer that draws the curve of a run."""

from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from benchmarks.time_to_quality.curve import Curve

BATCH = 512  # images that are restored at once


class Measuring(Callback):
    """Measures at each validation, which is after every epoch unless the config says otherwise.

    The weights are those that the validation has seen. The clock stands while validation images and
    test images are restored. It runs for all else that training does, such as checkpoints, so this
    must stand before the callbacks that write them.

    Args:
        images, result: See `benchmarks.time_to_quality.curve.Task`.
    """

    def __init__(self, images: str, result: str) -> None:
        self.curve = Curve(images, result)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.curve.go_on()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)  # steps that are still to run are training's
        self.curve.pause()

    # Not when the validation has ended: averaged weights, if there are any, are put away by then.
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert not pl_module.training

        @torch.no_grad()
        def restore(noisy: np.ndarray) -> np.ndarray:
            parts = torch.from_numpy(noisy).split(BATCH)
            return torch.cat([pl_module(part.to(pl_module.device)).cpu() for part in parts]).numpy()

        self.curve.measure(trainer.global_step, restore)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.curve.go_on()

    def state_dict(self) -> dict[str, Any]:
        return {}
