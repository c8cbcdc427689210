"""What TensorBoard shows beside the curves: pictures, latent codes, hyperparameters."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_file_loader import (  # type: ignore[import-untyped]
    LegacyEventFileLoader,
)
from torch.utils.tensorboard import SummaryWriter

from cli.config import plain
from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.vae import VAE
from reporting import figures, model_figures
from training.curves_logger import OTHERS, STAGES, CurvesLogger, place, tag_in_stage

CODES = 1_000  # test images in the projector
CODE_VALUES = 4_000_000  # in all of their codes: they are written as text
FOLDER = "tensorboard"  # in a run's directory
BEST = f"{OTHERS}best_"  # begins the tag of the best epoch's metric
# What begins the tags of what is written once, also by older versions: `carry_over` drops it.
ONCE = ("_hparams_/", BEST, "test/", "best/", "custom_scalars", "epoch")


class TensorBoardPictures(Callback):
    """Shows after every validation what the model makes of the same images, one of each class.

    Args:
        earlier: Event files of the run that this one resumes. Its curves go on from theirs.
    """

    def __init__(self, earlier: list[Path]) -> None:
        self.earlier = earlier
        self.step = -1  # up to which the curves of `earlier` count

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self.step = checkpoint["global_step"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in _loggers(trainer):
            carry_over(self.earlier, logger, self.step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            loss = trainer.strategy.reduce(outputs["loss"].clone(), reduce_op="mean")
            for logger in trainer.loggers:
                logger.log_metrics({"train/step_loss": loss.item()}, step=trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not (loggers := _loggers(trainer)) or trainer.sanity_checking:
            return
        assert isinstance(pl_module, ImageModel)
        data: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        index = data.examples("val", per_class=1).to(pl_module.device)
        batch = data.eval_batch("val", index)
        shown = {"validation_images": model_figures.strip_of(pl_module, batch, data.class_names)}
        if isinstance(pl_module, VAE):
            shown["vae/samples"] = model_figures.samples_of(pl_module)
            if len(index) > 1:
                shown["vae/interpolation"] = model_figures.interpolation_of(pl_module, batch)
        for logger in loggers:
            for name, figure in shown.items():
                logger.experiment.add_figure(name, figure, trainer.global_step)


def events_beside(directory: Path, checkpoint: str | None) -> list[Path]:
    """Return event files of the run that wrote a checkpoint, and of one that was cut off here."""
    folders = {directory / FOLDER}
    if checkpoint is not None:
        folders.add(Path(checkpoint).absolute().parent.parent / FOLDER)
    names = "events.out.tfevents.*"
    return sorted(
        file
        for folder in folders
        for each in (folder, *(folder / stage for stage in STAGES.values()))
        for file in each.glob(names)
    )


def carry_over(files: list[Path], logger: TensorBoardLogger, step: int) -> None:
    """Write scalars and pictures of earlier files again, up to a step.

    A run that goes on from there writes what came later itself. Earlier files in the logger's own
    folders are removed.
    """
    # By tag and step, since a run that is killed in here leaves some in two files.
    kept: dict[tuple[str, str, int], Any] = {}
    for file in files:
        stage = file.parent.name if file.parent.name in STAGES.values() else ""
        for event in LegacyEventFileLoader(str(file)).Load():
            values = event.summary.value
            if not values or event.step > step or values[0].tag.startswith(ONCE):
                continue
            folder, value = stage, values[0]
            if isinstance(logger, CurvesLogger) and value.HasField("simple_value"):
                if stage:
                    value.tag = tag_in_stage(value.tag)
                else:
                    folder, value.tag = place(value.tag)  # older versions had all in one folder
            kept[folder, value.tag, event.step] = event
    for (folder, _, _), event in kept.items():
        writer = logger.writer(folder) if isinstance(logger, CurvesLogger) else logger.experiment
        assert writer.file_writer is not None
        writer.file_writer.add_event(event, event.step, event.wall_time)
    logger.save()
    own = Path(logger.log_dir).absolute()
    for file in files:
        if own in (file.parent, file.parent.parent):
            file.unlink()


def finish(
    trainer: Trainer, model: ImageModel, data: ImageDataModule, cfg: DictConfig, best: float
) -> None:
    """Write what TensorBoard shows of a run that has ended.

    Args:
        trainer: It has the loggers.
        model: With the weights of the best epoch.
        data: Its first test images are encoded.
        cfg: The run's config.
        best: The monitored metric's value in the best epoch.
    """
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            metric = str(model.monitor).partition("/")[2]
            logger.log_hyperparams(_hyperparameters(cfg), {f"{BEST}{metric}": best})
            if data.test_count:
                _add_codes(logger.experiment, model, data)
            logger.finalize("success")


def _hyperparameters(cfg: DictConfig) -> dict[str, Any]:
    """Return the settings in which runs differ, named as on the command line."""
    settings: dict[str, Any] = {"seed": cfg.seed}
    for group in ("model", "noise", "objective", "data"):
        node = plain(cfg[group])
        settings[group] = node.pop("_target_").rpartition(".")[2]
        settings |= {key: value for key, value in _flat(node, group) if key != f"{group}.seed"}
    for key in ("max_epochs", "gradient_clip_val", "limit_val_batches", "limit_test_batches"):
        settings[f"trainer.{key}"] = cfg.trainer[key]
    return {key: value for key, value in settings.items() if value is not None}


def _flat(node: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.{key}")
        else:
            yield f"{name}.{key}", value


@torch.no_grad()
def _add_codes(writer: SummaryWriter, model: ImageModel, data: ImageDataModule) -> None:
    """Show the codes of the first test images in the projector, with labels and clean images.

    The longer the codes, the fewer images.
    """
    index = torch.arange(min(CODES, data.size("test")), device=model.device)
    length = model.encode(data.eval_batch("test", index[:1]).noisy).numel()
    index = index[: max(1, CODE_VALUES // length)]
    batch = data.eval_batch("test", index)
    names = figures.titles(data.class_names, batch.label)
    codes = torch.cat([model.encode(part).flatten(1) for part in batch.noisy.split(100)])
    # The projector lays square pictures out.
    height, width = batch.clean.shape[2:]
    square = F.pad(batch.clean, (0, max(0, height - width), 0, max(0, width - height)))
    writer.add_embedding(codes.cpu(), names, square.cpu(), tag="codes_of_test_images")


def _loggers(trainer: Trainer) -> list[TensorBoardLogger]:
    if not trainer.is_global_zero:
        return []
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
