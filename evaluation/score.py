"""What there is to say of a scored model: measured, written down, drawn."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer

from cli.config import build, plain
from cli.output import on_a_terminal
from datamodules.images import ImageDataModule
from datamodules.noise import Noise
from denoisers.base import ImageModel
from denoisers.safe_names import class_name
from denoisers.vae import VAE
from evaluation import noise_curve, per_image, report
from evaluation.classifiers import INPUTS, PerImageScores, TaskAccuracy, restorer
from evaluation.task_accuracy import task_results
from evaluation.vae import panel
from groundwork.environment import environment
from groundwork.files import write_json
from groundwork.measures import NOISY
from groundwork.run_directory import METRICS
from reporting import figures, model_figures, summary

TIMED = 2_000  # images


def require_levels(noise: Noise, levels: Sequence[float]) -> None:
    """Raises ValueError for a level of the curve that the noise cannot have."""
    for level in levels:
        try:
            noise.at(level)
        except ValueError as error:
            raise ValueError(f"levels: at {level:g} the noise's {error}") from error


def score(
    cfg: DictConfig,
    directory: Path,
    data: ImageDataModule,
    model: ImageModel,
    run: dict[str, Any],
    trainer: Trainer,
    task: TaskAccuracy,
    images: PerImageScores,
) -> dict[str, Any]:
    """Test the model, and write everything that an evaluation writes.

    run: the checkpoint's "run" entry. task, images: callbacks of the trainer.

    Returns what metrics.json holds: the same for the same command, timings aside.
    """
    start = time.perf_counter()
    trainer.test(model, data, verbose=False)
    tested = summary.of_stage(
        "test", {name: float(value) for name, value in trainer.callback_metrics.items()}
    )
    device = trainer.strategy.root_device
    for part in (model, task.classifier):
        if part is not None:
            part.to(device).eval()
    index = torch.arange(len(task.labels), device=device)  # of the images that were scored
    restore, right = restorer(model, trainer), task.right()

    timings: dict[str, Any] = {
        "ms_per_image": None,
        "timed_images": 0,
        "baselines_ms_per_image": {},
    }
    baselines: dict[str, Any] = {}
    if restore is not None:
        timings["timed_images"] = min(TIMED, len(index))
        _, timings["ms_per_image"] = noise_curve.score_images(
            restore, data, timings["timed_images"], None, device
        )
        baselines, timings["baselines_ms_per_image"] = noise_curve.baseline_scores(
            cfg.baselines, data, len(index), task.classifier, device
        )
    levels: list[dict[str, Any]] = []
    if restore is not None or task.classifier is not None:
        bar = trainer.progress_bar_callback is not None and on_a_terminal()
        levels = noise_curve.noise_curve(
            cfg.levels,
            cfg.baselines,
            data,
            len(index),
            restore,
            task.classifier,
            device,
            show_progress=bar,
        )
    now = environment()
    metrics = {
        "run_id": run["run_id"],
        "checkpoint": cfg.checkpoint,
        "model": class_name(type(model)),
        "split": cfg.split,
        "images": {"scored": len(index), "of": data.size(cfg.split)},
        "data": plain(cfg.data),
        "noise": plain(cfg.noise),
        "trained_noise": run["noise"],
        "trained_levels": _trained_levels(run["noise"], data.noise),
        "test": {n: value for n, value in tested.items() if not n.startswith(NOISY)},
        "noisy_input": summary.noisy_input(tested),
        "baselines": baselines,
        "accuracy": task.accuracies(),
        "task": task_results(right),
        "confusion": {name: matrix.tolist() for name, matrix in task.matrices().items()},
        "by_class": per_image.by_class(
            data.class_names, task.labels, images.values, right.get("restored")
        ),
        "noise_curve": levels,
        "vae": panel(model, data, index, directory) if isinstance(model, VAE) else None,
        "command": now["command"],
        "versions": now["versions"],
        "timings": {"started": now["started"], "seconds": time.perf_counter() - start} | timings,
    }
    write_json(directory / METRICS, metrics)
    predicted = task.predicted.get("restored")
    per_image.write_per_image(directory / "per_image.csv", task.labels, images.values, predicted)
    if levels:
        noise_curve.write_curve(directory / "noise_curve.csv", levels)
        figure = figures.noise_curve(levels, metrics["trained_levels"], data.noise.level_name)
        figures.save(figure, directory / "noise_curve.png")
    if restore is not None:
        figure = per_image.extremes(restore, data, index, images.values["psnr"])
        figures.save(figure, directory / "extremes.png")
    _draw_classes(directory, data, model, task)
    report.write_page(metrics, directory)
    report.show(metrics, directory)
    return metrics


def _draw_classes(
    directory: Path, data: ImageDataModule, model: ImageModel, task: TaskAccuracy
) -> None:
    """The first scored image of each class, and what the classifiers take those of each for."""
    examples = data.examples(data.test_split, per_class=1).to(model.device)
    examples = examples[examples < len(task.labels)]
    batch = data.eval_batch(data.test_split, examples)
    strip = model_figures.strip_of(model, batch, data.class_names, task.classifier)
    figures.save(strip, directory / "strip.png")
    for name, matrix in task.matrices().items():
        right = f"{task.accuracies()[name]:.2%} of {len(task.labels):,} right"
        title = f"{INPUTS[name]}: {right}"
        figure = figures.confusion(matrix, data.class_names, title)
        figures.save(figure, directory / f"confusion_{name}.png")


def _trained_levels(node: dict[str, Any], noise: Noise) -> list[float] | None:
    """The lowest and the highest level that a model was trained at.

    None where its noise differs from that of the evaluation in more than level and clipping.

    node: of the noise, in the checkpoint's "run" entry.
    """
    trained: Noise = build(OmegaConf.create(node), "noise")
    without: Any = trained.at(0)
    alike = replace(without, clip=noise.clip) == noise.at(0)
    return list(trained.levels) if alike else None
