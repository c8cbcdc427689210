"""The model beside the baselines, at the evaluation's noise and over its levels."""

import csv
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from baselines.tuning import Baseline, Which, baselines
from datamodules.images import EVAL_BATCHES, ImageDataModule
from denoisers.classifier import Classifier
from denoisers.metrics import FUNCTIONS
from groundwork.files import write_whole
from groundwork.measures import BY_IMAGE, between_images
from reporting.figures import MODEL, NOISY

Restore = Callable[[Tensor], Tensor]

SUBSET = 500  # the first images of the test split, for what takes long
COLUMNS = ("noise", "level", "method", "images", *BY_IMAGE, "accuracy")


@torch.inference_mode()
def score_images(
    restore: Restore,
    data: ImageDataModule,
    count: int,
    classifier: Classifier | None,
    device: torch.device,
) -> tuple[dict[str, Any], float]:
    """What a method restores of the first `count` images of the test split.

    Returns the mean scores and the milliseconds an image that restoring took. The scores are psnr
    (dB), ssim (absent for images under 11 pixels), mse, mae, accuracy (absent without a classifier)
    and images (how many).
    """
    measures = {name: FUNCTIONS[name] for name in between_images(data.image_shape)}
    found: defaultdict[str, list[Tensor]] = defaultdict(list)
    seconds = 0.0
    for index in torch.arange(count, device=device).split(EVAL_BATCHES * data.batch_size):
        batch = data.eval_batch(data.test_split, index)
        start = time.perf_counter()
        restored = restore(batch.noisy)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds += time.perf_counter() - start
        for name, measure in measures.items():
            found[name].append(measure(restored, batch.clean))
        if classifier is not None:
            found["accuracy"].append(classifier(restored).argmax(1) == batch.label)
    means = {name: torch.cat(parts).double().mean().item() for name, parts in found.items()}
    return means | {"images": count}, 1000 * seconds / count


def baseline_scores(
    which: Which,
    data: ImageDataModule,
    everything: int,
    classifier: Classifier | None,
    device: torch.device,
) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """By baseline, its scores and the settings that tuning chose, and its milliseconds an image.

    everything: how many images of the test split are scored, the first ones; of them BM3D is scored
        on the first 500.
    """
    scores, milliseconds = {}, {}
    for baseline in _fitted(which, data):
        count = min(SUBSET, everything) if baseline.cost == "high" else everything
        restore = _on(device, baseline)
        found, milliseconds[baseline.name] = score_images(restore, data, count, classifier, device)
        scores[baseline.name] = found | {"settings": baseline.settings}
    return scores, milliseconds


def noise_curve(
    levels: Sequence[float],
    which: Which,
    data: ImageDataModule,
    everything: int,
    model: Restore | None,
    classifier: Classifier | None,
    device: torch.device,
    show_progress: bool,
) -> list[dict[str, Any]]:
    """The scores of the noisy input, the model and the baselines, by level of the noise.

    which: the baselines. They are fitted and tuned anew for each level, which they are told; the
        model is the same at all. Those that take milliseconds an image are scored on the first 500,
        BM3D is left out.
    everything: how many images of the test split are scored, the first ones.
    model: None for a classifier, which restores nothing.

    Returns rows with noise (its class), level, method, images, and the scores of `score_images`.
    """
    rows = []
    kind = type(data.noise.at(0)).__name__  # of a range of levels, the noise at a single one
    for level in track(levels, "noise curve", disable=not show_progress):
        noisy = data.with_noise(data.noise.at(level))
        methods: list[tuple[str, Restore, int]] = [(NOISY, _identity, everything)]
        if model is not None:
            methods.append((MODEL, model, everything))
        for baseline in _fitted("none" if which == "none" else "fast", noisy):
            count = min(SUBSET, everything) if baseline.cost == "medium" else everything
            methods.append((baseline.name, _on(device, baseline), count))
        for name, restore, count in methods:
            scores, _ = score_images(restore, noisy, count, classifier, device)
            rows.append({"noise": kind, "level": level, "method": name} | scores)
    return rows


def write_curve(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """rows: of `noise_curve`; what was not measured stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def _fitted(which: Which, data: ImageDataModule) -> Iterator[Baseline]:
    if which == "none":
        return iter(())
    validation = data.eval_batch("val", torch.arange(data.size("val")))
    return baselines(which, data.fitting_batch, validation, data.noise)


def _identity(noisy: Tensor) -> Tensor:
    return noisy


def _on(device: torch.device, baseline: Baseline) -> Restore:
    """A baseline, which works on the CPU, for images on any device."""
    return lambda noisy: baseline.restore(noisy.cpu()).to(device)
