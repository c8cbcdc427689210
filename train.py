"""Fit one model, from the config in conf/train.yaml.

python train.py model=vae noise.std=0.5
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from runs import cli, from_checkpoint

# torch, and all that needs it, is imported inside the functions: `--help` is then instant.
if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from datamodules.images import ImageDataModule
    from denoisers.base import ImageModel
    from runs.callbacks import History


def train(cfg: DictConfig, directory: Path) -> float:
    """Fit, test and save the model of a composed config; everything written is in `directory`.

    Returns the monitored metric of the best epoch: val/psnr in dB, or val/accuracy.

    Raises ValueError or FileNotFoundError for what a user can mend, FloatingPointError where
    training has diverged.
    """
    from pytorch_lightning import seed_everything

    from denoisers.checkpoint import read_resumable
    from runs.config import build, check, check_train_settings, plain, without_objects
    from runs.record import claim, environment, isolated, new_run_id

    check_train_settings(cfg)
    with isolated():
        seed_everything(cfg.seed, verbose=False)
        check(cfg.trainer, "trainer")
        resumed = None
        if cfg.checkpoint:
            resumed = read_resumable(cfg.checkpoint, cfg.trainer.max_epochs)
        data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
        model = build(
            cfg.model, "model", image_shape=data.image_shape, num_classes=data.num_classes
        )
        if cfg.compile:
            model.compile_training()
        data.prepare_data()
        data.setup("fit")
        held_out = resumed["split"] if resumed else getattr(model, "split", None)
        if held_out not in (None, data.split_fingerprint()):
            raise ValueError("data: the checkpoint held out other validation images than these")

        record = {
            "run_id": new_run_id(),
            "parent_id": resumed["run_id"] if resumed else None,
            "seed": cfg.seed,
            "split": data.split_fingerprint(),
            "data": plain(cfg.data),
            "noise": plain(cfg.noise),
            "trainer": without_objects(plain(cfg.trainer)),
            "early_stopping": plain(cfg.early_stopping),
        }
        trainer, history = make_trainer(cfg, directory, model, record)
        claim(directory, record | environment())
        return _run(cfg, directory, data, model, trainer, history, record)


def make_trainer(
    cfg: DictConfig, directory: Path, model: ImageModel, record: dict[str, Any]
) -> tuple[Trainer, History]:
    """Lightning's Trainer with everything that writes into the run's directory."""
    from pytorch_lightning.callbacks import EarlyStopping
    from pytorch_lightning.loggers import TensorBoardLogger

    from denoisers.checkpoint import AtomicCheckpointIO, RunRecord
    from runs.callbacks import BestCheckpoint, History, LastCheckpoint, best_beside, progress_bar
    from runs.config import build
    from runs.tensorboard import TensorBoardPictures

    settings = cfg.trainer
    # Lightning would find these late, or not at all.
    if settings.limit_val_batches == 0:
        raise ValueError("trainer.limit_val_batches=0: without validation there is no best epoch")
    for name in ("max_epochs", "limit_train_batches"):
        if settings[name] == 0:
            raise ValueError(f"trainer.{name}=0: nothing would be trained")
    if settings.log_every_n_steps < 1:
        raise ValueError("trainer.log_every_n_steps must be at least 1")
    if settings.overfit_batches:
        raise ValueError("trainer.overfit_batches: take trainer.limit_train_batches instead")
    logger: Any = settings.logger
    if logger is None or logger is True:
        logger = TensorBoardLogger(
            directory, name="", version="tensorboard", default_hp_metric=False
        )
    elif logger is not False:
        logger = instantiate(logger)
    history = History(directory / "history.csv")
    callbacks = [
        *(instantiate(settings.callbacks) or ()),
        *progress_bar(settings),
        history,
        RunRecord(record),
        TensorBoardPictures(),
        # Before the last one, whose file is to know this epoch's best.
        BestCheckpoint(directory / "checkpoints", model.monitor, best_beside(cfg.checkpoint)),
        LastCheckpoint(directory / "checkpoints"),
    ]
    if cfg.early_stopping.patience is not None:
        stopping = EarlyStopping(model.monitor, mode="max", strict=False, **cfg.early_stopping)
        callbacks.append(stopping)
    trainer = build(
        settings,
        "trainer",
        logger=logger,
        default_root_dir=directory,
        callbacks=callbacks,
        plugins=[*(instantiate(settings.plugins) or ()), AtomicCheckpointIO()],
    )
    if trainer.world_size > 1:
        raise ValueError("trainer.devices: a run uses one device")
    return trainer, history


def _run(
    cfg: DictConfig,
    directory: Path,
    data: ImageDataModule,
    model: ImageModel,
    trainer: Trainer,
    history: History,
    record: dict[str, Any],
) -> float:
    import time

    from denoisers.checkpoint import read_checkpoint, save_weights
    from files import write_json
    from runs import figures, report
    from runs.callbacks import BEST, LAST
    from runs.tensorboard import finish

    start = time.perf_counter()
    figures.save(figures.training_samples(data), directory / "samples.png")
    checkpoints = directory / "checkpoints"
    if any(parameter.requires_grad for parameter in model.parameters()):
        trainer.fit(model, data, ckpt_path=cfg.checkpoint)
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return float(trainer.callback_metrics[model.monitor])
        best = history.best(model.monitor)
        figures.save(figures.curves(history.rows, model.monitor), directory / "curves.png")
    else:  # a composite that is only assembled
        trainer.validate(model, data, verbose=False)
        best = {"epoch": 0} | {k: float(v) for k, v in trainer.callback_metrics.items()}
        for name in (BEST, LAST):
            trainer.save_checkpoint(checkpoints / name)
    model.load_state_dict(read_checkpoint(checkpoints / BEST)["state_dict"])
    model.eval()
    save_weights(model, checkpoints / "best.safetensors")
    trainer.test(model, data, verbose=False)
    tested = {name: float(value) for name, value in trainer.callback_metrics.items()}
    finish(trainer, model, data, cfg, best[model.monitor])
    metrics = report.training_metrics(
        model, record, best, tested, history, time.perf_counter() - start
    )
    write_json(directory / "metrics.json", metrics)
    report.show_training(metrics, directory)
    return best[model.monitor]


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float:
    with cli.job():
        return train(cfg, Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    cli.run(main, from_checkpoint.resume)
