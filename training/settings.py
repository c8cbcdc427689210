"""The settings of train.py: what each may be, and which contradict the run or each other."""

from typing import Annotated, TypedDict

from omegaconf import DictConfig, ListConfig
from pydantic import Field, FiniteFloat

from cli.checking import File, check_config
from cli.config import check
from cli.trainer_settings import FromZero
from datamodules.images import EVAL_BATCHES, ImageDataModule
from groundwork.ranges import Seed


class EarlyStopping(TypedDict):
    """The group `early_stopping` of conf/train.yaml."""

    patience: FromZero | None
    min_delta: Annotated[FiniteFloat, Field(ge=0)]


class Settings(TypedDict):
    """The settings of conf/train.yaml beside its config groups. The file says what each means."""

    seed: Seed
    compile: bool
    checkpoint: File | None
    init: File | None
    init_strict: bool
    early_stopping: EarlyStopping


def check_settings(cfg: DictConfig) -> None:
    """Refuse wrong settings of train.py's own and of the trainer.

    Raises:
        ValueError: A setting is unknown, missing or wrong, or contradicts another one.
    """
    check_config(cfg, Settings, groups=("data", "noise", "model", "objective", "trainer"))
    check(cfg.trainer, "trainer")
    settings = cfg.trainer
    epochs, steps = settings.max_epochs, settings.max_steps
    for name in ("callbacks", "plugins"):
        if not isinstance(settings[name], ListConfig | None):
            raise ValueError(f"trainer.{name} must be a list of nodes with _target_")
    if settings.enable_checkpointing is False:
        raise ValueError("trainer.enable_checkpointing=false: a run keeps its best and last epoch")
    limits = (settings.max_time, cfg.early_stopping.patience, settings.fast_dev_run or None)
    if epochs == -1 and steps == -1 and limits == (None, None, None):
        raise ValueError(
            "trainer.max_epochs=-1: nothing would end the run; give trainer.max_steps, or "
            "model.optimizer.schedule=exponential with early_stopping.patience or trainer.max_time"
        )
    for unit, most in (("epochs", epochs), ("steps", steps)):
        least = settings[f"min_{unit}"]
        if None not in (least, most) and 0 < most < least:
            raise ValueError(f"trainer.min_{unit}={least} is above trainer.max_{unit}={most}")
    every = settings.check_val_every_n_epoch
    if None not in (epochs, every) and 0 < epochs < every:
        raise ValueError(
            f"trainer.check_val_every_n_epoch={every} is above trainer.max_epochs={epochs}: "
            "without validation there is no best epoch"
        )


def check_batches(settings: DictConfig, data: ImageDataModule) -> None:
    """Refuse settings of the trainer for which the data has too few batches.

    Args:
        settings: The trainer's, of the right types.
        data: The images. They need not be loaded.

    Raises:
        ValueError: A share of the batches is less than one, or no validation comes in an epoch.
    """
    training = -(-(data.train_count - data.val_size) // data.batch_size)
    validation, test = (
        -(-count // (data.batch_size * EVAL_BATCHES)) for count in (data.val_size, data.test_count)
    )
    for split, count in (("train", training), ("val", validation), ("test", test)):
        share = settings[f"limit_{split}_batches"]
        if isinstance(share, float) and share * count < 1 and count:
            raise ValueError(
                f"trainer.limit_{split}_batches={share}: less than one of {count} batches"
            )
    limit, interval = settings.limit_train_batches, settings.val_check_interval
    if isinstance(limit, float):
        training = int(training * limit)
    elif limit is not None:
        training = min(training, limit)
    every_epoch = settings.check_val_every_n_epoch is not None and not settings.fast_dev_run
    if every_epoch and isinstance(interval, int) and interval > training:
        raise ValueError(
            f"trainer.val_check_interval={interval}: an epoch has {training} batches; to validate "
            "less often, take trainer.check_val_every_n_epoch"
        )
