"""The progress of a run: a bar on a terminal, a line for each epoch anywhere else."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, ProgressBar, TQDMProgressBar
from pytorch_lightning.utilities import rank_zero_only

from cli.launchers import is_launched
from cli.output import on_a_terminal
from training.callbacks import History


class Bar(TQDMProgressBar):
    """Lightning's bar without the logger's version, which a run in a directory of its own lacks."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=20)  # batches; a refresh takes as long as a small network

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        metrics = dict(super().get_metrics(trainer, pl_module))
        metrics.pop("v_num", None)
        return metrics  # type: ignore[return-value]


class EpochLines(ProgressBar):
    """A line for each epoch of training. In a file or a pipe a bar would be thousands of lines."""

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        history = next(each for each in trainer.callbacks if isinstance(each, History))  # type: ignore[attr-defined]
        row = history.rows[-1] if history.rows else {}
        if row.get("epoch") != trainer.current_epoch + 1:  # it was cut off
            return
        monitor = pl_module.monitor
        names = ("train/loss", "val/loss", str(monitor))
        metrics = [f"{name} {row[name]:.4g}" for name in names if name in row]
        speed = f"{row['seconds']:.1f} s, {row['images_per_s']:,.0f} images/s"
        print(f"epoch {row['epoch']:.0f}: {', '.join((*metrics, speed))}", flush=True)


def progress(settings: DictConfig, others: Sequence[Callback]) -> list[Callback]:
    """Make the callback that shows the progress of a Trainer.

    Args:
        settings: The Trainer's arguments. `enable_progress_bar=false` shows nothing.
        others: The callbacks that the config asks for. A progress bar among them replaces ours.

    Returns:
        One callback, which has to come after the history, whose rows it shows. The list is empty
        for jobs that share a terminal.
    """
    without = settings.enable_progress_bar is False or settings.barebones or is_launched()
    if without or any(isinstance(callback, ProgressBar) for callback in others):
        return []
    return [Bar() if on_a_terminal() else EpochLines()]
