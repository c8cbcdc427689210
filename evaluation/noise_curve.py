"""The model beside the baselines, at the evaluation's noise and over its levels."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from baselines.tuning import Baseline, Which, baselines
from datamodules.images import ImageDataModule
from denoisers.symmetries import Restore
from evaluation.scoring import Scorer
from groundwork.files import write_whole
from groundwork.measures import by_image
from reporting.figures import MODEL, NOISY

SUBSET = 500  # the first images of the test split, for what takes long


def baseline_scores(
    which: Which, data: ImageDataModule, count: int, scorer: Scorer
) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """Fit, tune and score the baselines at the evaluation's noise.

    Args:
        which: The baselines.
        data: The images.
        count: How many images of the test split are scored, the first ones. BM3D is scored on the
            first 500 of them.
        scorer: Scores each baseline.

    Returns:
        By baseline, the means of its scores with the "settings" that tuning chose; and the
        milliseconds that restoring an image took.
    """
    means, milliseconds = {}, {}
    for baseline in _fitted(which, data):
        scored = min(SUBSET, count) if baseline.cost == "high" else count
        scores = scorer.score(_on_device(baseline, scorer), data, scored)
        means[baseline.name] = scores.means() | {"settings": baseline.settings}
        milliseconds[baseline.name] = scores.ms_per_image
    return means, milliseconds


def noise_curve(
    levels: Sequence[float],
    which: Which,
    data: ImageDataModule,
    count: int,
    model: Restore | None,
    scorer: Scorer,
    show_progress: bool,
) -> list[dict[str, Any]]:
    """Score the noisy input, the model and the baselines at each level of the noise.

    The model is the same at all levels. The baselines are told the level, and are fitted and tuned
    for it.

    Args:
        levels: The levels.
        which: The baselines. BM3D is left out.
        data: The images, with the noise.
        count: How many images of the test split are scored, the first ones. Baselines that take
            milliseconds an image are scored on the first 500 of them.
        model: Restores images. None for a classifier, which restores nothing.
        scorer: Scores each method.
        show_progress: Whether to show a progress bar.

    Returns:
        Rows with "noise" (its class), "level", "method", and the means of the scores.
    """
    rows = []
    kind = type(data.noise.at(0)).__name__  # of a range of levels, the noise at a single one
    for level in track(levels, "noise curve", disable=not show_progress):
        noisy = data.with_noise(data.noise.at(level))
        methods: list[tuple[str, Restore, int]] = [(NOISY, lambda images: images, count)]
        if model is not None:
            methods.append((MODEL, model, count))
        for baseline in _fitted("none" if which == "none" else "fast", noisy):
            scored = min(SUBSET, count) if baseline.cost == "medium" else count
            methods.append((baseline.name, _on_device(baseline, scorer), scored))
        for name, restore, scored in methods:
            means = scorer.score(restore, noisy, scored).means()
            rows.append({"noise": kind, "level": level, "method": name} | means)
    return rows


def write_curve(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows of `noise_curve` as CSV. What was not measured stays empty."""
    text = io.StringIO()
    measures = by_image({name for row in rows for name in row})
    columns = ("noise", "level", "method", "images", *measures, "accuracy")
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def _fitted(which: Which, data: ImageDataModule) -> Iterator[Baseline]:
    if which == "none":
        return iter(())
    validation = data.eval_batch("val", torch.arange(data.size("val")))
    return baselines(which, data.fitting_batch, validation, data.noise)


def _on_device(baseline: Baseline, scorer: Scorer) -> Restore:
    """Let a baseline, which works on the CPU, restore images on the scorer's device."""
    return lambda noisy: baseline.restore(noisy.cpu()).to(scorer.device)
