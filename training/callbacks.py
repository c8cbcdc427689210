"""Callbacks that keep what training produces: the best and the last weights, and the history."""

import csv
import io
import shutil
import time
from pathlib import Path
from typing import Any, Literal

import torch
from pytorch_lightning import LightningModule, Trainer, callbacks
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn
from torch import Tensor

from cli.signals import stop_if_asked
from denoisers.base import ImageModel
from denoisers.checkpoint import Checkpoint, read_checkpoint
from groundwork.files import whole_file, write_whole
from groundwork.measures import best_row, is_better_higher
from groundwork.run_directory import BEST, LAST


def best_beside(checkpoint: str | None) -> Path | None:
    """Return the best checkpoint beside `checkpoint`, if the same run wrote both."""
    if checkpoint is None:
        return None
    best = Path(checkpoint).with_name(BEST)
    if best.is_file():
        newest, found = read_checkpoint(checkpoint, keep=True), read_checkpoint(best)
        same_run = newest.run["run_id"] == found.run["run_id"]
        # A run that has resumed another one and found nothing better has kept the other one's best.
        if same_run or _score_in(newest) == _score_in(found) is not None:
            return best
    rank_zero_warn(
        f"there is no {BEST} of the same run beside {checkpoint}: the best epoch will be chosen "
        "among those to come"
    )
    return None


def _score_in(checkpoint: Checkpoint) -> float | None:
    states = checkpoint.get("callbacks")
    return _best_score(states.get(BEST) if isinstance(states, dict) else None)


def _best_score(state: Any) -> float | None:
    """Return the score in a state of `BestCheckpoint`, or None if it holds no number."""
    score = state.get("best_model_score") if isinstance(state, dict) else None
    return float(score) if isinstance(score, Tensor) and score.numel() == 1 else None


def mode_of(monitor: str) -> Literal["min", "max"]:
    """Return what Lightning calls the direction in which a monitored metric is better."""
    return "max" if is_better_higher(monitor.partition("/")[2]) else "min"


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`, of the epoch with the best monitored metric.

    Args:
        folder: Where the file is written.
        monitor: The metric's name, such as "val/psnr".
        inherited: The best checkpoint of the run that this one resumes. It is copied into this
            run's directory. Without it the best one is chosen among the epochs to come.
    """

    def __init__(self, folder: Path, monitor: str, inherited: Path | None) -> None:
        super().__init__(
            folder,
            filename=Path(BEST).stem,
            monitor=monitor,
            mode=mode_of(monitor),
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self.file = folder / BEST
        self.inherited = inherited

    @property
    def state_key(self) -> str:
        """A plain name, since Lightning asks for it at every hook, and writes all settings out."""
        return BEST

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.inherited is None:
            return
        if _best_score(state_dict) is None:
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
    """`last.ckpt`, of the newest finished epoch. ModelCheckpoint's `save_last` is the last best.

    Args:
        folder: Where the file is written.
        inherited: The checkpoint that this run resumes. It is the last one until an epoch is over.
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
        """Take nothing of the resumed run's state, which has its directory. Copy its checkpoint."""
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
    """Whether an epoch has ended. A run cannot go on inside one, where max_time may stop it."""
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


class EarlyStopping(callbacks.EarlyStopping):
    """Lightning's, but it stays stopped if a run that was cut off after its last epoch goes on."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = 0 < self.wait_count >= self.patience


class History(Callback):
    """Writes `history.csv`, a row for each epoch. A resumed run keeps the rows of the earlier one.

    Columns: epoch (from 1), step (optimizer steps so far), seconds (of training, without
    validations), images_per_s, learning_rate, and every metric of training and validation.

    It must be the first callback, so that its clock stops before the others begin a validation.
    `EndOfValidation` must be the last, so that the clock goes on after they have ended it.

    Attributes:
        rows: By column, those of the file.
        validation_images: How many images were scored, by epoch.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: list[dict[str, float]] = []
        self.validation_images: dict[int, int] = {}
        self._seconds = 0.0  # of the epoch's training, up to the last validation's start
        self._start: float | None = None  # since when more is trained; None in a validation
        self._validated = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.rows:  # of the run that is resumed
            self.write()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        every, epoch = trainer.val_check_batch, trainer.num_training_batches
        across = trainer.check_val_every_n_epoch is None
        if every is None or (every % epoch if across else epoch % every):
            rank_zero_warn(
                "trainer.val_check_interval: not every epoch ends with a validation. The best one "
                "is chosen by the last validation before its end, its checkpoint is of the end"
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seconds = 0.0
        self._validated = False
        self._images = 0
        self._learning_rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.start_clock()

    def start_clock(self) -> None:
        self._start = time.perf_counter()

    def _stop_clock(self, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # steps that are still to run are training's
        if self._start is not None:
            self._seconds += time.perf_counter() - self._start
        self._start = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._images += len(batch.clean)
        stop_if_asked()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._stop_clock(pl_module.device)
            self._validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not _epoch_is_whole(trainer):
            return  # the metrics are still those of the epoch before
        assert isinstance(pl_module, ImageModel)
        self._stop_clock(pl_module.device)
        epoch, seconds = trainer.current_epoch + 1, self._seconds
        images = int(
            trainer.strategy.reduce(
                torch.tensor(self._images, device=pl_module.device), reduce_op="sum"
            )
        )
        speed = {"images_per_s": images / seconds, "learning_rate": self._learning_rate}
        # An epoch without validation would repeat the last one's.
        measured = ("train/", "val/") if self._validated else ("train/",)
        if self._validated:
            self.validation_images[epoch] = pl_module.scored["val"]
        metrics = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        self.rows.append(
            {"epoch": epoch, "step": trainer.global_step, "seconds": seconds}
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
        """Return the row of the first epoch with the best value of a metric.

        Raises:
            ValueError: No epoch was trained and validated.
        """
        validated = [row for row in self.rows if monitor in row]
        if not validated:
            raise ValueError(
                "trainer: no epoch was trained to its end; see trainer.max_epochs, max_steps and "
                "max_time"
            )
        return dict(best_row(validated, monitor))

    @rank_zero_only
    def write(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.file, text.getvalue())

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "validation_images": self.validation_images}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rows = state_dict["rows"]
        columns = [column for row in rows if isinstance(row, dict) for column in row.items()]
        if not (
            all(isinstance(row, dict) and {"epoch", "step"} <= row.keys() for row in rows)
            and all(isinstance(n, str) and isinstance(v, int | float) for n, v in columns)
        ):
            raise ValueError("checkpoint: it cannot be resumed: its history is not one of numbers")
        counts = state_dict.get("validation_images", {})  # runs of older versions did not count
        if not all(type(n) is int for pair in counts.items() for n in pair):
            raise ValueError("checkpoint: it cannot be resumed: its history is not one of numbers")
        self.rows, self.validation_images = rows, counts


class EndOfValidation(Callback):
    """Lets a history's clock go on when all other callbacks are done with a validation."""

    def __init__(self, history: History) -> None:
        self.history = history

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.history.start_clock()
