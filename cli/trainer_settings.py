"""What a config may ask of Lightning's Trainer, which says too little about it itself.

Lightning finds many mistakes late, after the data was read or an epoch trained, or not at all.
"""

import re
from typing import Annotated, Any, Literal, TypedDict

from hydra.utils import instantiate
from omegaconf import DictConfig
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

MOST = 10**9  # for every count: more is a slip, and much more overflows in C++


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
Devices = (  # how many, or which ones: [3] or "3,"
    Annotated[int, Field(ge=1, le=MOST_DEVICES)]
    | Annotated[list[FromZero], Field(min_length=1, max_length=MOST_DEVICES)]
    | Annotated[str, Field(pattern=r"^(auto|1|(\d{1,4},)+\d{0,4})$")]
)
PADS = "it would take the place of the project's sampler, and count some images twice"


class TrainerSettings(TypedDict, total=False):
    """The arguments of the Trainer that its own annotations say too little of."""

    accelerator: Literal["auto", "cpu", "cuda", "gpu", "mps", "tpu"] | Accelerator
    strategy: Literal["auto", "ddp"] | Strategy
    devices: Devices
    num_nodes: Annotated[int, Field(ge=1, le=1_000)]
    use_distributed_sampler: Annotated[bool, _only(False, PADS)]
    # The others have weights that are no longer float32, which the images are.
    precision: Literal[32, "32", "32-true", 16, "16", "16-mixed", "bf16", "bf16-mixed"] | None
    logger: bool | Logger | list[Logger] | None
    fast_dev_run: bool | FromZero
    max_epochs: Literal[-1] | Count | None
    min_epochs: FromZero | None
    max_steps: Literal[-1] | Count
    min_steps: FromZero | None
    max_time: Duration | None
    limit_train_batches: Count | Share | None
    limit_val_batches: Count | Share | None
    limit_test_batches: Count | Share | None
    overfit_batches: Annotated[float, _only(0, "take trainer.limit_train_batches instead")]
    val_check_interval: Count | Share | Duration | None
    check_val_every_n_epoch: Count | None
    num_sanity_val_steps: Literal[-1] | FromZero | None
    log_every_n_steps: Count
    accumulate_grad_batches: Count
    gradient_clip_val: Annotated[float, Field(ge=0, le=MOST)] | None
    gradient_clip_algorithm: Literal["norm", "value"] | None
    profiler: Literal["simple", "advanced", "pytorch"] | Profiler | None
    barebones: Annotated[bool, _only(False, "it would leave out what a run writes")]
    sync_batchnorm: Annotated[bool, _only(False, "the project's layers do that themselves")]
    reload_dataloaders_every_n_epochs: FromZero
    limit_predict_batches: Annotated[Any, _only(None, "nothing here predicts: see denoise.py")]
    default_root_dir: Annotated[Any, AfterValidator(_own_directory)]
    enable_autolog_hparams: Annotated[bool, _only(False, "train.py logs them itself")]
    model_registry: Annotated[Any, _only(None, "no model is registered anywhere")]


def callbacks_of(settings: DictConfig) -> list[Callback]:
    """Make the callbacks that a trainer's settings ask for.

    Raises:
        ValueError: One of them is no callback, has nothing to work on here, or would change a
            setting, so that the run's config and checkpoints would say a wrong one.
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
