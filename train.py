"""Fit one model, from the config in conf/train.yaml.

python train.py model=vae noise.std=0.5
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from cli import checkpoint_options, command
from groundwork import run_directory
from training import ddp

# torch, and all that needs it, is imported inside the functions: `--help` is then instant.
if TYPE_CHECKING:
    from pytorch_lightning import Callback, Trainer

    from datamodules.images import ImageDataModule
    from denoisers.base import ImageModel
    from training.callbacks import History


def train(cfg: DictConfig, directory: Path, go_on: bool = False) -> float:
    """Fit, test and save the model of a composed config.

    If several processes share the run, all of them call this, and only the first one writes.

    Args:
        cfg: As `cli.composing.compose("train", …)` makes it.
        directory: Everything is written there. It must not hold another run.
        go_on: Go on from the last epoch of a run of the same config that was cut off there.

    Returns:
        The monitored metric of the best epoch: val/psnr in dB, val/accuracy, or for noisy pictures
        the objective's loss.

    Raises:
        ValueError, FileNotFoundError: The user can mend it. No image has been read yet.
        FloatingPointError: Training has diverged.
    """
    from pytorch_lightning import seed_everything

    from cli.config import build, plain, without_objects
    from datamodules.noisy_folder import NoisyFolder
    from denoisers.resuming import read_resumable
    from denoisers.schedule import length_of, require_possible
    from denoisers.training_objective import Unsupervised
    from groundwork.environment import environment, isolated, new_run_id
    from groundwork.files import expand, write_json
    from training.initial_weights import start_from
    from training.own_noise import fit_objective
    from training.set_objective import set_objective
    from training.settings import check_batches, check_settings

    check_settings(cfg)
    resumed: dict[str, Any] | None = None
    cut_off = run_directory.cut_off_run(directory, cfg) if go_on else None
    with isolated():
        seed_everything(cfg.seed, verbose=False)
        start = str(expand(cfg.checkpoint)) if cfg.checkpoint else None
        if start:
            # A run that was cut off in its tests has no epochs left, but still has to be tested.
            ended = (Path(start).absolute().parent.parent / run_directory.METRICS).exists()
            resumed = read_resumable(start, cfg.trainer.max_epochs if ended else None)
            checkpoint_options.require_same_run(cfg)
        data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
        check_batches(cfg.trainer, data)
        model = build(
            cfg.model, "model", image_shape=data.image_shape, num_classes=data.num_classes
        )
        objective = set_objective(cfg.objective, model, data)
        if cfg.init and start is None:
            start_from(model, cfg.init, cfg.init_strict)
        if cfg.compile:
            model.compile_training()
        if cut_off and trains(model) and last_checkpoint(directory).is_file():
            start = str(last_checkpoint(directory))
            resumed = read_resumable(start, max_epochs=None)
        record = {
            "run_id": new_run_id(),
            "parent_id": resumed["run_id"] if resumed else None,
            "seed": cfg.seed,
            "data": plain(cfg.data),
            "noise": plain(cfg.noise),
            "objective": plain(cfg.objective),
            "trainer": without_objects(plain(cfg.trainer)),
            "early_stopping": plain(cfg.early_stopping),
        }
        if cut_off:  # it is the same run
            record |= {name: cut_off[name] for name in ("run_id", "parent_id")}
        trainer, history = make_trainer(cfg, directory, model, start, record, objective.callbacks())
        ddp.require_possible(trainer)

        data.prepare_data()
        data.setup("fit")
        if isinstance(data, NoisyFolder) and isinstance(objective, Unsupervised):
            record["objective"] |= fit_objective(model, objective, data)
            # Weights of `init` may have seen clean pictures, also in a run that is resumed.
            if not cfg.init and (resumed is None or "learned_from" in resumed):
                record["learned_from"] = data.learned_from
        check_batches(cfg.trainer, data)  # again: pictures may have room for fewer crops than asked
        if trains(model):
            settings = model.optimizer_settings
            length = length_of(trainer, len(data.train_dataloader()))
            require_possible(settings["schedule"], settings["warmup"], length)
        record["split"] = data.split_fingerprint()
        held_out = resumed["split"] if resumed else getattr(model, "split", None)
        if held_out not in (None, record["split"]):
            raise ValueError("data: the checkpoint held out other validation images than these")
        writes = trainer.is_global_zero
        with run_directory.claimed(directory, cut_off) if writes else nullcontext():
            if writes and cut_off is None:
                composed = {
                    "model": plain(cfg.model),
                    "config_hash": run_directory.config_hash(cfg),
                    "init": cfg.init,
                }
                write_json(directory / run_directory.RECORD, record | environment() | composed)
            with ddp.together(trainer):
                return _run(cfg, directory, data, model, trainer, history, start, record)


def last_checkpoint(directory: Path) -> Path:
    """Return the checkpoint from which a run goes on, once it has finished an epoch."""
    return directory / run_directory.CHECKPOINTS / run_directory.LAST


def trains(model: ImageModel) -> bool:
    """Whether a model has weights to train. A composite that is only put together has none."""
    return any(parameter.requires_grad for parameter in model.parameters())


def make_trainer(
    cfg: DictConfig,
    directory: Path,
    model: ImageModel,
    start: str | None,
    record: dict[str, Any],
    of_objective: list[Callback],
) -> tuple[Trainer, History]:
    """Make Lightning's Trainer, with everything that writes into the run's directory.

    Args:
        cfg: The run's config.
        directory: The run's.
        model: The model that is trained.
        start: The checkpoint to go on from.
        record: What every checkpoint says of the run.
        of_objective: What has to run beside the training that minimises the objective.

    Returns:
        The Trainer, and the history that it fills.
    """
    from cli.config import build
    from cli.trainer_settings import callbacks_of
    from denoisers.saving import AtomicCheckpointIO, RunRecord
    from training.callbacks import (
        BestCheckpoint,
        EarlyStopping,
        EndOfValidation,
        History,
        LastCheckpoint,
        best_beside,
        mode_of,
    )
    from training.loggers import loggers
    from training.profiling import profiler_into
    from training.progress import progress
    from training.tensorboard import TensorBoardPictures, events_beside

    settings, checkpoints = cfg.trainer, directory / run_directory.CHECKPOINTS
    history = History(directory / run_directory.HISTORY)
    others = callbacks_of(settings)
    callbacks = [
        history,
        *of_objective,
        *others,
        *progress(settings, others),
        RunRecord(record),
        TensorBoardPictures(events_beside(directory, start)),
        EndOfValidation(history),
        # Before the last one, since last.ckpt holds the best score too.
        BestCheckpoint(checkpoints, model.monitor, best_beside(start)),
        LastCheckpoint(checkpoints, start),
    ]
    if cfg.early_stopping.patience is not None:
        mode = mode_of(model.monitor)
        stopping = EarlyStopping(model.monitor, mode=mode, strict=False, **cfg.early_stopping)
        callbacks.append(stopping)
    trainer = build(
        settings,
        "trainer",
        logger=loggers(settings.logger, directory),
        profiler=profiler_into(directory, settings.profiler),
        default_root_dir=directory,
        callbacks=callbacks,
        plugins=[*(instantiate(settings.plugins) or ()), AtomicCheckpointIO()],
    )
    return trainer, history


def _run(
    cfg: DictConfig,
    directory: Path,
    data: ImageDataModule,
    model: ImageModel,
    trainer: Trainer,
    history: History,
    start: str | None,
    record: dict[str, Any],
) -> float:
    import time

    from denoisers.checkpoint import read_checkpoint
    from denoisers.saving import save_weights
    from groundwork.files import write_json
    from reporting import figures
    from training import report
    from training.profiling import show_reports
    from training.tensorboard import finish

    began, writes = time.perf_counter(), trainer.is_global_zero
    if writes:
        figures.save(figures.training_samples(data), directory / "samples.png")
    checkpoints = directory / run_directory.CHECKPOINTS
    if trains(model):
        trainer.fit(model, data, ckpt_path=start)
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return float(trainer.callback_metrics[model.monitor])
        best = history.best(model.monitor)
        if writes:
            figures.save(figures.curves(history.rows, model.monitor), directory / "curves.png")
    else:  # a composite that is only assembled
        trainer.validate(model, data, verbose=False)
        best = {"epoch": 0} | {k: float(v) for k, v in trainer.callback_metrics.items()}
        history.validation_images[0] = model.scored["val"]
        for name in (run_directory.BEST, run_directory.LAST):
            trainer.save_checkpoint(checkpoints / name)
    weights = {}
    if writes:
        best_epoch = read_checkpoint(checkpoints / run_directory.BEST)
        save_weights(best_epoch, checkpoints / run_directory.WEIGHTS)
        weights = best_epoch.get("state_dict")
    model.load_state_dict(trainer.strategy.broadcast(weights))
    model.eval()
    tested: dict[str, float] = {}
    if data.test_count:  # noisy pictures have none
        trainer.test(model, data, verbose=False)
        tested = {name: float(value) for name, value in trainer.callback_metrics.items()}
    if writes:
        finish(trainer, model, data, cfg, best[model.monitor])
        metrics = report.training_metrics(
            model, data, record, best, tested, history, time.perf_counter() - began
        )
        write_json(directory / run_directory.METRICS, metrics)
        report.show_training(metrics, directory)
        show_reports(trainer.profiler)  # type: ignore[attr-defined]
    return best[model.monitor]


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float:
    directory = Path(HydraConfig.get().runtime.output_dir)
    sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    if sweep:
        ddp.refuse_in_sweep(cfg)
    with command.job(last_checkpoint(directory)):
        # The same sweep again passes over what has ended, and resumes what was cut off.
        if sweep and (metric := run_directory.metric_of_finished(directory, cfg)) is not None:
            logging.getLogger(__name__).info("%s has ended already: passed over", directory.name)
            return metric
        return train(cfg, directory, go_on=sweep)


def prepare(arguments: list[str]) -> list[str]:
    """Return the overrides that this process adds to those of the command line."""
    return [*checkpoint_options.resume(arguments), *ddp.overrides()]


if __name__ == "__main__":
    ddp.follow_first()
    command.run(main, prepare)
