"""What Lightning's Trainer accepts from a run's config, where its annotations say too little.

Lightning finds many of these late, after the data has been read or an epoch trained, or not at all.
"""

import re
from typing import Annotated, Any, Literal

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from pydantic import AfterValidator, Field
from pytorch_lightning.accelerators import Accelerator
from pytorch_lightning.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    Callback,
    LearningRateFinder,
)
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.strategies import Strategy

from datamodules.images import EVAL_BATCHES, ImageDataModule
from groundwork.files import REPOSITORY

MOST = 10**9  # of anything that is counted: above it is a slip, and far above it a C++ overflow


def _only(allowed: object, reason: str) -> AfterValidator:
    def check(value: object) -> object:
        if value != allowed:
            raise ValueError(reason)
        return value

    return AfterValidator(check)


def _duration(value: str) -> str:
    if not re.fullmatch(r"\d{1,5}:\d\d:\d\d:\d\d", value):
        raise ValueError("should be DD:HH:MM:SS, days to seconds")
    return value


def _own_directory(value: object) -> object:
    if isinstance(value, str):  # a command gives its own as a Path
        raise ValueError("give hydra.run.dir=… instead")
    return value


Count = Annotated[int, Field(ge=1, le=MOST)]
FromZero = Annotated[int, Field(ge=0, le=MOST)]
Share = Annotated[float, Field(gt=0, le=1)]
Unit = Literal["weeks", "days", "hours", "minutes", "seconds"]
Duration = (
    Annotated[str, AfterValidator(_duration)] | dict[Unit, Annotated[int, Field(ge=0, le=10**6)]]
)
MOST_DEVICES = 64  # of one machine: each is a process
PADS = "it would take the place of the project's sampler, and count some images twice"

ANNOTATIONS: dict[str, Any] = {
    "accelerator": Literal["auto", "cpu", "cuda", "gpu", "mps", "tpu"] | Accelerator,
    "strategy": Literal["auto", "ddp"] | Strategy,
    # A number of devices, or those to use: [3] or "3,".
    "devices": Annotated[int, Field(ge=1, le=MOST_DEVICES)]
    | Annotated[list[FromZero], Field(min_length=1, max_length=MOST_DEVICES)]
    | Annotated[str, Field(pattern=r"^(auto|1|(\d{1,4},)+\d{0,4})$")],
    "num_nodes": Annotated[int, Field(ge=1, le=1_000)],
    "use_distributed_sampler": Annotated[bool, _only(False, PADS)],
    # The others have weights that are no longer float32, which the images are.
    "precision": Literal[32, "32", "32-true", 16, "16", "16-mixed", "bf16", "bf16-mixed"] | None,
    "logger": bool | Logger | list[Logger] | None,
    "fast_dev_run": bool | FromZero,
    "max_epochs": Literal[-1] | Count | None,
    "min_epochs": FromZero | None,
    "max_steps": Literal[-1] | Count,
    "min_steps": FromZero | None,
    "max_time": Duration | None,
    "limit_train_batches": Count | Share | None,
    "limit_val_batches": Count | Share | None,
    "limit_test_batches": Count | Share | None,
    "overfit_batches": Annotated[float, _only(0, "take trainer.limit_train_batches instead")],
    "val_check_interval": Count | Share | Duration | None,
    "check_val_every_n_epoch": Count | None,
    "num_sanity_val_steps": Literal[-1] | FromZero | None,
    "log_every_n_steps": Count,
    "accumulate_grad_batches": Count,
    "gradient_clip_val": Annotated[float, Field(ge=0, le=MOST)] | None,
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
    "profiler": Literal["simple", "advanced", "pytorch"] | Profiler | None,
    "barebones": Annotated[bool, _only(False, "it would leave out what a run writes")],
    "sync_batchnorm": Annotated[bool, _only(False, "the project's layers do that themselves")],
    "reload_dataloaders_every_n_epochs": FromZero,
    "limit_predict_batches": Annotated[Any, _only(None, "nothing here predicts: see denoise.py")],
    "default_root_dir": Annotated[Any, AfterValidator(_own_directory)],
    "enable_autolog_hparams": Annotated[bool, _only(False, "train.py logs them itself")],
    "model_registry": Annotated[Any, _only(None, "no model is registered anywhere")],
}


def check_for_training(cfg: DictConfig) -> None:
    """Raises ValueError for settings of a training run that contradict it or each other.

    The settings have the types of `ANNOTATIONS`.
    """
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
            "trainer.max_epochs=-1: nothing would end the run; give early_stopping.patience, "
            "trainer.max_steps or trainer.max_time"
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


# What an evaluation would accept and have no use for.
OF_TRAINING = (
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time"),
    *("limit_train_batches", "limit_val_batches", "val_check_interval", "check_val_every_n_epoch"),
    *("num_sanity_val_steps", "accumulate_grad_batches", "gradient_clip_val"),
    *("gradient_clip_algorithm", "reload_dataloaders_every_n_epochs", "logger"),
    "enable_checkpointing",
)


def check_for_evaluation(settings: DictConfig) -> None:
    """Raises ValueError for a setting that only training has a use for.

    Those that turn off what an evaluation does not do, such as `logger=false`, are let pass.
    """
    defaults: Any = OmegaConf.load(REPOSITORY / "conf" / "trainer" / "default.yaml")
    for name in OF_TRAINING:
        if settings[name] not in (defaults[name], False, None):
            raise ValueError(
                f"trainer.{name}={settings[name]}: an evaluation has no use for it, leave it out"
            )


def callbacks_of(settings: DictConfig) -> list[Callback]:
    """The callbacks that a config asks for.

    Raises:
        ValueError: One of them is no callback, has nothing to work on here, or would change a
            setting of the run, which then says another one of itself than it had.
    """
    callbacks = [*(instantiate(settings.callbacks) or ())]
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise ValueError(f"trainer.callbacks=[{callback!r}]: should be an instance of Callback")
        if isinstance(callback, BackboneFinetuning):
            raise ValueError("trainer.callbacks: BackboneFinetuning: no model here has a backbone")
        for kind, setting in (
            (LearningRateFinder, "model.optimizer.lr"),
            (BatchSizeFinder, "data.batch_size"),
        ):
            if isinstance(callback, kind):
                raise ValueError(
                    f"trainer.callbacks: {kind.__name__} would train with another {setting} than "
                    f"the run's config and checkpoints say: sweep it instead, -m {setting}=…,…"
                )
    return callbacks


def check_batches(settings: DictConfig, data: ImageDataModule) -> None:
    """Raises ValueError where the data has too few batches for a setting; it need not be loaded."""
    training = -(-(data.train_count - data.val_size) // data.batch_size)
    validation, test = (
        -(-count // (data.batch_size * EVAL_BATCHES)) for count in (data.val_size, data.test_count)
    )
    for split, count in (("train", training), ("val", validation), ("test", test)):
        share = settings[f"limit_{split}_batches"]
        if isinstance(share, float) and share * count < 1:
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
