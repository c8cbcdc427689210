"""Callbacks that keep what training produces: the best and the last weights, and the history."""

import csv
import io
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer, callbacks
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn
from torch import Tensor

from denoisers.checkpoint import read_checkpoint
from files import whole_file, write_whole
from runs.signals import stop_if_asked

BEST, LAST = "best.ckpt", "last.ckpt"


def best_beside(checkpoint: str | None) -> Path | None:
    """The best checkpoint of the run that wrote `checkpoint`, where it lies in the same folder."""
    if checkpoint is None:
        return None
    best = Path(checkpoint).with_name(BEST)
    if best.is_file():
        newest, found = read_checkpoint(checkpoint), read_checkpoint(best)
        same_run = newest["run"]["run_id"] == found["run"]["run_id"]
        # Not so where it has resumed another one, and found nothing better.
        if same_run or _best_score(newest) == _best_score(found) is not None:
            return best
    rank_zero_warn(
        f"there is no {BEST} of the same run beside {checkpoint}: the best epoch will be chosen "
        "among those to come"
    )
    return None


def _best_score(checkpoint: dict[str, Any]) -> float | None:
    """None where there is none, or something else in its place."""
    states = checkpoint.get("callbacks")
    state = states.get(BEST) if isinstance(states, dict) else None
    score = state.get("best_model_score") if isinstance(state, dict) else None
    return float(score) if isinstance(score, Tensor) and score.numel() == 1 else None


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`, of the epoch with the highest monitored metric.

    inherited: the best checkpoint of the run that this one resumes. It is copied into this run's
        directory; without it the best is that of the epochs to come.
    """

    def __init__(self, folder: Path, monitor: str, inherited: Path | None) -> None:
        super().__init__(
            folder,
            filename=Path(BEST).stem,
            monitor=monitor,
            mode="max",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self.file = folder / BEST
        self.inherited = inherited

    @property
    def state_key(self) -> str:
        """A plain name. Lightning asks for it at every hook, and its own spells out settings."""
        return BEST

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.inherited is None:
            return
        if _best_score({"callbacks": {BEST: state_dict}}) is None:
            raise ValueError("checkpoint: it cannot be resumed: its best score is not a number")
        _copy(self.inherited, self.file)
        best = str(Path(str(self.dirpath)) / BEST)  # of the first process, which alone has the file
        moved = {
            "dirpath": self.dirpath,
            "best_model_path": best,
            "kth_best_model_path": best,
            "best_k_models": {best: state_dict["best_model_score"]},
        }
        super().load_state_dict(state_dict | moved)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if _epoch_is_whole(trainer):
            super().on_train_epoch_end(trainer, pl_module)


class LastCheckpoint(ModelCheckpoint):
    """`last.ckpt`, of the newest finished epoch; ModelCheckpoint's `save_last` is the last best.

    inherited: the checkpoint that this run resumes, which is its last one until an epoch is over.
    """

    def __init__(self, folder: Path, inherited: str | None) -> None:
        super().__init__(
            folder,
            filename=Path(LAST).stem,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self.file = folder / LAST
        self.inherited = Path(inherited) if inherited else None

    @property
    def state_key(self) -> str:
        return LAST

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing of the resumed run's state matters here, least of all its directory."""
        assert self.inherited is not None
        _copy(self.inherited, self.file)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if _epoch_is_whole(trainer):
            super().on_train_epoch_end(trainer, pl_module)


@rank_zero_only
def _copy(source: Path, target: Path) -> None:
    if source.absolute() != target.absolute():  # the same for a run that goes on in its directory
        with source.open("rb") as content, whole_file(target) as file:
            shutil.copyfileobj(content, file)


def _epoch_is_whole(trainer: Trainer) -> bool:
    """Not so where max_steps or max_time has stopped it inside: nothing could go on from there."""
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


class EarlyStopping(callbacks.EarlyStopping):
    """Lightning's, which stays stopped when a run goes on that was cut off after its last epoch."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = 0 < self.wait_count >= self.patience


class History(Callback):
    """`history.csv`: a row an epoch; a resumed run's begins with those of the run it continues.

    Columns: epoch (from 1), step (optimizer steps so far), seconds (of training, validation not
    counted), images_per_s, learning_rate, and every metric of training and validation.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: list[dict[str, float]] = []
        self._start = time.perf_counter()
        self._seconds: float | None = None  # of the epoch, once its training has ended

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.rows:  # of the run that is resumed
            self.write()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = time.perf_counter()
        self._seconds = None
        self._images = 0
        self._learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._images += len(batch.clean)
        stop_if_asked()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and self._seconds is None:
            self._seconds = time.perf_counter() - self._start

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not _epoch_is_whole(trainer):
            return  # its metrics are still those of the epoch before
        seconds = self._seconds or time.perf_counter() - self._start
        images = int(
            trainer.strategy.reduce(
                torch.tensor(self._images, device=pl_module.device), reduce_op="sum"
            )
        )
        speed = {"images_per_s": images / seconds, "learning_rate": self._learning_rate}
        # An epoch without validation would repeat the last one's.
        measured = ("train/",) if self._seconds is None else ("train/", "val/")
        metrics = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        self.rows.append(
            {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, "seconds": seconds}
            | speed
            | {name: value for name, value in metrics.items() if name.startswith(measured)}
        )
        training = {n: v for n, v in self.rows[-1].items() if n.startswith("train/")}
        for logger in trainer.loggers:
            # The step that Lightning gives the epoch's validation.
            logger.log_metrics(training | speed, step=trainer.global_step - 1)
            logger.save()
        self.write()

    def best(self, monitor: str) -> dict[str, float]:
        """The row of the first epoch with the highest value of a metric.

        Raises ValueError where no epoch was trained and validated.
        """
        validated = [row for row in self.rows if monitor in row]
        if not validated:
            raise ValueError(
                "trainer: no epoch was trained to its end; see trainer.max_epochs, max_steps and "
                "max_time"
            )
        return max(validated, key=lambda row: row[monitor])

    @rank_zero_only
    def write(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.file, text.getvalue())

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rows = state_dict["rows"]
        columns = [column for row in rows if isinstance(row, dict) for column in row.items()]
        if not (
            all(isinstance(row, dict) and {"epoch", "step"} <= row.keys() for row in rows)
            and all(isinstance(n, str) and isinstance(v, int | float) for n, v in columns)
        ):
            raise ValueError("checkpoint: it cannot be resumed: its history is not one of numbers")
        self.rows = rows
