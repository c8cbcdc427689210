"""Everything that an evaluation says of a model: measured, written down, drawn."""

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
from cli.suggestions import suggest
from datamodules.images import ImageDataModule
from datamodules.noise import Noise
from denoisers.base import ImageModel
from denoisers.checkpoint import Checkpoint
from denoisers.classifier import Classifier
from denoisers.safe_names import class_name
from denoisers.symmetries import Restore
from denoisers.vae import VAE
from evaluation import noise_curve, per_image, report
from evaluation.intervals import intervals
from evaluation.scoring import ScoredTest, Scorer, denoiser_of, restorer
from evaluation.task_accuracy import INPUTS, confusion, task_results
from evaluation.vae import panel
from groundwork.environment import environment
from groundwork.files import write_json
from groundwork.measures import MEASURES, NOISY, between_images
from groundwork.run_directory import METRICS
from reporting import figures, model_figures, summary

TIMED = 2_000  # images


def require_levels(noise: Noise, levels: Sequence[float]) -> None:
    """Check the levels of the curve.

    Raises:
        ValueError: The noise cannot have one of them.
    """
    for level in levels:
        try:
            noise.at(level)
        except ValueError as error:
            raise ValueError(f"levels: at {level:g} the noise's {error}") from error


def measures_for(image_shape: tuple[int, int, int], extra: Sequence[str]) -> list[str]:
    """Return what images are measured by: as always, and by what the command asks for.

    Args:
        image_shape: C H W.
        extra: Names of further measures.

    Raises:
        ValueError: There is no such measure, or it is not for images of this size.
    """
    compared = {name: m.least_side for name, m in MEASURES.items() if m.least_side}
    for name in extra:
        if name not in compared:
            choices = suggest(name, compared)
            raise ValueError(f"extra_metrics: there is no metric {name}, {choices}")
        if min(image_shape[1:]) < compared[name]:
            _, height, width = image_shape
            raise ValueError(
                f"extra_metrics: {name} needs images of at least {compared[name]} x "
                f"{compared[name]} pixels, the data has {height} x {width}"
            )
    return between_images(image_shape, extra)


def score(
    cfg: DictConfig,
    directory: Path,
    data: ImageDataModule,
    model: ImageModel,
    checkpoint: Checkpoint,
    trainer: Trainer,
    scored: ScoredTest,
) -> dict[str, Any]:
    """Test the model, and write everything that an evaluation writes.

    Args:
        cfg: The config of eval.py.
        directory: Where everything is written.
        data: The images, set up.
        model: The model.
        checkpoint: What the model was read from.
        trainer: Tests the model, with `scored` among its callbacks.
        scored: The test's scores.

    Returns:
        What metrics.json holds. It is the same for the same command, timings aside.
    """
    start, run = time.perf_counter(), checkpoint.run
    trainer.test(model, data, verbose=False)
    tested = summary.of_stage(
        "test", {name: float(value) for name, value in trainer.callback_metrics.items()}
    )
    device = trainer.strategy.root_device
    model.to(device).eval()  # the Trainer has left it on the CPU
    denoiser = denoiser_of(model)
    restore = restorer(denoiser, trainer, scored.symmetries) if denoiser else None
    noisy, restored = scored.scores["noisy"], scored.scores.get("restored")
    if restored is not None and scored.symmetries > 1:  # the model has measured its own images
        tested |= {name: mean for name, mean in restored.means().items() if name in tested}
    count = len(noisy.labels)
    scorer = Scorer(scored.measures, noisy.classifier, device)

    timings: dict[str, Any] = {
        "ms_per_image": None,
        "timed_images": 0,
        "baselines_ms_per_image": {},
    }
    baselines: dict[str, Any] = {}
    if restore is not None:
        timings["timed_images"] = min(TIMED, count)
        timed = Scorer((), None, device).score(restore, data, timings["timed_images"])
        timings["ms_per_image"] = timed.ms_per_image
        baselines, timings["baselines_ms_per_image"] = noise_curve.baseline_scores(
            cfg.baselines, data, count, scorer
        )
    levels: list[dict[str, Any]] = []
    if restore is not None or scorer.classifier is not None:
        bar = trainer.progress_bar_callback is not None and on_a_terminal()
        levels = noise_curve.noise_curve(
            cfg.levels, cfg.baselines, data, count, restore, scorer, show_progress=bar
        )
    predicted = {n: s.predicted for n, s in scored.scores.items() if s.predicted is not None}
    task = task_results({name: seen == noisy.labels for name, seen in predicted.items()})
    now = environment()
    metrics = {
        "run_id": run["run_id"],
        "checkpoint": cfg.checkpoint,
        "model": class_name(type(model)),
        "symmetries": scored.symmetries,
        "split": cfg.split,
        "images": {"scored": count, "of": data.size(cfg.split)},
        "data": plain(cfg.data),
        "noise": plain(cfg.noise),
        "trained_noise": run["noise"],
        "trained_levels": _trained_levels(run["noise"], data.noise),
        "test": {n: value for n, value in tested.items() if not n.startswith(NOISY)},
        "noisy_input": summary.noisy_input(tested),
        "baselines": baselines,
        "accuracy": {name: found["accuracy"] for name, found in task["accuracy"].items()},
        "task": task,
        "confusion": {
            name: confusion(noisy.labels, seen, data.num_classes).tolist()
            for name, seen in predicted.items()
        },
        "by_class": per_image.by_class(data.class_names, noisy, restored),
        "noise_curve": levels,
        "vae": None,
        "intervals": None,
        "command": now["command"],
        "versions": now["versions"],
    }
    index = torch.arange(count, device=device)
    if isinstance(model, VAE):
        metrics["vae"] = panel(model, data, index, directory)
    if restore is not None and cfg.intervals is not None:
        metrics["intervals"] = intervals(cfg, directory, data, restore, index, checkpoint)
    seconds = time.perf_counter() - start
    metrics["timings"] = {"started": now["started"], "seconds": seconds} | timings
    write_json(directory / METRICS, metrics)
    per_image.write_per_image(directory / "per_image.csv", noisy, restored)
    if levels:
        noise_curve.write_curve(directory / "noise_curve.csv", levels)
        figure = figures.noise_curve(levels, metrics["trained_levels"], data.noise.level_name)
        figures.save(figure, directory / "noise_curve.png")
    if restore is not None and restored is not None:
        figure = per_image.extremes(restore, data, index, restored.values["psnr"])
        figures.save(figure, directory / "extremes.png")
    _draw_classes(directory, data, model, restore, scorer.classifier, metrics)
    report.write_page(metrics, directory)
    report.show(metrics, directory)
    return metrics


def _draw_classes(
    directory: Path,
    data: ImageDataModule,
    model: ImageModel,
    restore: Restore | None,
    classifier: Classifier | None,
    metrics: dict[str, Any],
) -> None:
    """Draw the first scored image of each class, and what classifiers take each class for."""
    count = metrics["images"]["scored"]
    examples = data.examples(data.test_split, per_class=1).to(model.device)
    batch = data.eval_batch(data.test_split, examples[examples < count])
    strip = model_figures.strip_of(model, batch, data.class_names, classifier, restore)
    figures.save(strip, directory / "strip.png")
    for name, matrix in metrics["confusion"].items():
        right = f"{metrics['accuracy'][name]:.2%} of {count:,} right"
        title = f"{INPUTS[name]}: {right}"
        figure = figures.confusion(torch.tensor(matrix), data.class_names, title)
        figures.save(figure, directory / f"confusion_{name}.png")


def _trained_levels(node: dict[str, Any], noise: Noise) -> list[float] | None:
    """Return the lowest and the highest level of noise that a model was trained at.

    Args:
        node: The noise's node in the checkpoint's "run" entry.
        noise: The evaluation's. Where it differs in more than level and clipping, the levels cannot
            be compared, and None is returned.
    """
    trained: Noise = build(OmegaConf.create(node), "noise")
    without: Any = trained.at(0)
    alike = replace(without, clip=noise.clip) == noise.at(0)
    return list(trained.levels) if alike else None
