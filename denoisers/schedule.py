"""How the learning rate changes during a run: its warm-up, and how it falls."""

import math
from typing import Any, Literal, NamedTuple

from pytorch_lightning import Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR

ScheduleName = Literal["exponential", "linear", "cosine", "constant"]
WITH_AN_END = ("linear", "cosine")


class Length(NamedTuple):
    """How long a run trains.

    Attributes:
        steps_per_epoch: Steps of the optimizer in an epoch.
        steps: Steps of the whole run. None if nothing but time or early stopping ends it.
        epochs: The epochs of the whole run. None if something else ends it.
    """

    steps_per_epoch: int
    steps: int | None
    epochs: int | None


WITHOUT_A_RUN = Length(1, 2**62, None)  # for an optimizer that is only looked at


def length_of(trainer: Trainer, batches: int) -> Length:
    """Return how long a run trains.

    Args:
        trainer: The run's.
        batches: Of the data, in an epoch.

    Lightning's `estimated_stepping_batches` would start the loader's workers, for an epoch that is
    wrong if the run is resumed.
    """
    limit = trainer.limit_train_batches
    batches = int(batches * limit) if isinstance(limit, float) else min(batches, limit)
    per_epoch = math.ceil(batches / trainer.accumulate_grad_batches)
    epochs = None if trainer.max_epochs in (None, -1) else trainer.max_epochs
    ends = [per_epoch * epochs] if epochs is not None else []
    ends += [trainer.max_steps] if trainer.max_steps != -1 else []
    return Length(per_epoch, min(ends, default=None), epochs)


def require_possible(schedule: ScheduleName, warmup: float, length: Length) -> None:
    """Check that a run is long enough for its schedule.

    Raises:
        ValueError: The schedule needs an end that the run lacks, or it ends with the warm-up.
    """
    if schedule in WITH_AN_END and length.steps is None:
        raise ValueError(
            f"model.optimizer.schedule={schedule}: the learning rate falls to 0 at the end of the "
            "run, which needs one: give trainer.max_epochs, trainer.max_steps, or "
            "model.optimizer.schedule=exponential"
        )
    if length.steps is not None and length.steps <= round(warmup * length.steps_per_epoch) > 0:
        raise ValueError(
            f"model.optimizer.warmup={warmup:g}: the run has no step after it, as it has "
            f"{length.steps:,} steps in all"
        )


class Factor:
    """The factor on the learning rate at a step, counted from 0.

    It rises from 0 during `warmup` epochs, and falls from there. Its attributes are plain, and in a
    checkpoint they are the state of the schedule, so that a run that is resumed has the same end.

    Args:
        schedule: "linear" and "cosine" (Loshchilov and Hutter 2017, without restarts) fall to 0 at
            the end of the run; "exponential" is multiplied by `lr_decay` after each epoch.
        lr_decay: See `schedule`.
        warmup: Epochs.
        length: The run's.

    Raises:
        ValueError: See `require_possible`.
    """

    def __init__(
        self, schedule: ScheduleName, lr_decay: float, warmup: float, length: Length
    ) -> None:
        require_possible(schedule, warmup, length)
        self.schedule = schedule
        self.lr_decay = lr_decay
        self.steps_per_epoch, self.steps, self.epochs = length
        self.warmup = round(warmup * self.steps_per_epoch)

    def __call__(self, step: int) -> float:
        return min(1.0, (step + 1) / max(1, self.warmup)) * self._fallen(step)

    def _fallen(self, step: int) -> float:
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "exponential":
            return float(self.lr_decay ** (step // self.steps_per_epoch))
        assert self.steps is not None
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        progress = min(1.0, max(0.0, progress))
        return 1 - progress if self.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2


def scheduler(
    optimizer: Optimizer, schedule: ScheduleName, lr_decay: float, warmup: float, length: Length
) -> dict[str, Any]:
    """Return what Lightning's `configure_optimizers` has of a schedule."""
    if warmup == 0 and schedule in ("exponential", "constant"):
        factor = lr_decay if schedule == "exponential" else 1.0
        return {"scheduler": ExponentialLR(optimizer, factor), "interval": "epoch"}
    made = LambdaLR(optimizer, Factor(schedule, lr_decay, warmup, length))
    return {"scheduler": made, "interval": "step"}


def end_of(state: dict[str, Any]) -> int | None:
    """Return the epoch at which the learning rate of a checkpoint's run is 0.

    Args:
        state: The schedule's, of the checkpoint.

    Returns:
        None if the schedule has no such end.
    """
    for factor in state.get("lr_lambdas") or ():
        if isinstance(factor, dict) and factor.get("schedule") in WITH_AN_END:
            epochs = factor.get("epochs")
            return epochs if isinstance(epochs, int) else None
    return None
