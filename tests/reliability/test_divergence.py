"""Numbers that are not finite end a run, wherever they arise, and never get into a checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from tests.helpers.runs import OPEN, SPOIL, Run, read, same, train_in, trained

EPOCH = ("model=dense", OPEN, "trainer.max_epochs=1")
THREE = ("model=dense", OPEN, "trainer.max_epochs=3")
WORSE = SPOIL.format("0.0").replace("epoch:1", "epoch:2")


class SpoilGradient(Callback):
    """Makes the gradient of one optimizer step NaN. Steps count from 0."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == self.step:
            next(pl_module.parameters()).grad[0, 0] = torch.nan  # type: ignore[index]


class SpoilMetric(Callback):
    """Scores an image of NaN in the validation of one epoch. Epochs count from 0."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if trainer.current_epoch == self.epoch:
            image = torch.full((1, 1, 28, 28), torch.nan)
            pl_module.metrics["val"].update(image, image)  # type: ignore[index, operator, union-attr]


def spoil_gradient(step: int) -> str:
    return f"trainer.callbacks=[{{_target_:{__name__}.SpoilGradient,step:{step}}}]"


SPOIL_METRIC = (
    "trainer.callbacks=[{_target_:tests.reliability.test_divergence.SpoilMetric,epoch:1}]"
)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        # There are two steps in an epoch. The gradient is checked every log_every_n_steps,
        (
            (spoil_gradient(2), "trainer.log_every_n_steps=1"),
            "the gradient's norm is nan in epoch 1, step 2",
        ),
        # otherwise its effect is found in the next step,
        ((spoil_gradient(2),), "train/loss is nan in epoch 1, step 3"),
        # in the validation after an epoch's last step,
        ((spoil_gradient(3),), "val/loss is nan in epoch 1, step 4"),
        # or, without validation, in the weights.
        (
            (spoil_gradient(1), "trainer.check_val_every_n_epoch=2"),
            "the weights' norm is nan in epoch 0, step 2",
        ),
        ((SPOIL_METRIC,), "val/psnr is nan in epoch 1, step 4"),
    ],
)
def test_it_is_named_with_its_step_and_the_good_checkpoints_stay(
    settings: tuple[str, ...], found: str, tmp_path: Path
) -> None:
    with pytest.raises(FloatingPointError) as caught:
        train_in(tmp_path, *THREE, *settings)
    message = str(caught.value)
    assert message.startswith(f"{found}, at a learning rate of 0.00")
    assert message.endswith("try a lower model.optimizer.lr or trainer.gradient_clip_val=1")
    assert not (tmp_path / "metrics.json").exists()
    left = Run(tmp_path, 0.0)
    if "epoch 0" in found:
        assert not left.last.exists()
    else:
        good = trained(*EPOCH)
        for ours, theirs in ((left.last, good.last), (left.best, good.best)):
            assert same(read(ours)["state_dict"], read(theirs)["state_dict"])


def test_the_last_checkpoint_is_the_newest_epochs_also_where_it_is_worse(tmp_path: Path) -> None:
    run = train_in(tmp_path, *THREE, WORSE)
    scores = [row["val/psnr"] for row in run.history]
    assert scores[2] < scores[1]
    assert (read(run.last)["epoch"], read(run.best)["epoch"]) == (2, scores.index(max(scores)))
    assert not read(run.last)["state_dict"]["encoder.0.weight"].any()
