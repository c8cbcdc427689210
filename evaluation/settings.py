"""The settings of eval.py: what each may be, and which an evaluation has no use for."""

from typing import Annotated, Any, Literal, TypedDict

from omegaconf import DictConfig, OmegaConf
from pydantic import Field, FiniteFloat

from baselines.tuning import Which
from cli.checking import File, check_config
from cli.config import check
from groundwork.files import REPOSITORY
from groundwork.ranges import IntervalDelta, IntervalLevel, Seed, Symmetries

# The trainer's settings that only training has a use for.
OF_TRAINING = (
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time"),
    *("limit_train_batches", "limit_val_batches", "val_check_interval", "check_val_every_n_epoch"),
    *("num_sanity_val_steps", "accumulate_grad_batches", "gradient_clip_val"),
    *("gradient_clip_algorithm", "reload_dataloaders_every_n_epochs", "logger"),
    "enable_checkpointing",
)


class Settings(TypedDict):
    """The settings of conf/eval.yaml beside its config groups. The file says what each means."""

    seed: Seed
    checkpoint: File
    classifier: File | None
    control: File | None
    split: Literal["test", "val"]
    baselines: Which
    levels: list[Annotated[FiniteFloat, Field(ge=0)]]
    symmetries: Symmetries
    extra_metrics: list[str]
    intervals: IntervalLevel | None
    interval_delta: IntervalDelta


def check_settings(cfg: DictConfig) -> None:
    """Refuse wrong settings of eval.py's own and of the trainer.

    Settings that turn off what an evaluation does not do anyway, such as `logger=false`, pass.

    Raises:
        ValueError: A setting is unknown, missing or wrong, or only training has a use for it.
    """
    check_config(cfg, Settings, groups=("data", "noise", "trainer"))
    check(cfg.trainer, "trainer")
    defaults: Any = OmegaConf.load(REPOSITORY / "conf" / "trainer" / "default.yaml")
    for name in OF_TRAINING:
        if cfg.trainer[name] not in (defaults[name], False, None):
            raise ValueError(
                f"trainer.{name}={cfg.trainer[name]}: an evaluation has no use for it, leave it out"
            )
