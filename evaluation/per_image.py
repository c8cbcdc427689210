"""The scores of single images: a CSV, the means of each class, the best and worst in a picture."""

import csv
import io
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from datamodules.images import ImageDataModule
from denoisers.symmetries import Restore
from evaluation.scoring import Scores
from groundwork.batch import Batch
from groundwork.files import write_whole
from groundwork.measures import NOISY, by_image
from reporting import figures

SHOWN = 4  # images of each kind: best, median, worst


def write_per_image(path: Path, noisy: Scores, restored: Scores | None) -> None:
    """Write a row for each image: its index, its label, its measures, and what it is taken for.

    What was not measured stays empty.

    Args:
        path: The CSV file.
        noisy: Scores of the noisy images.
        restored: Scores of the restored images. None for a classifier, which restores nothing.
    """
    values = _by_column(noisy, restored)
    columns = [
        None if column is None else [f"{value:.6g}" for value in column.tolist()]
        for column in values.values()
    ]
    predicted = restored.predicted if restored else None
    columns.append(None if predicted is None else [str(seen) for seen in predicted.tolist()])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index", "label", *values, "predicted"])
    for row, label in enumerate(noisy.labels.tolist()):
        writer.writerow(
            [row, label, *("" if column is None else column[row] for column in columns)]
        )
    write_whole(path, text.getvalue())


def by_class(
    names: tuple[str, ...], noisy: Scores, restored: Scores | None
) -> dict[str, dict[str, Any]]:
    """Return the scores by class: "images" (how many), means of the measures, and "accuracy".

    Args:
        names: The classes.
        noisy: Scores of the noisy images.
        restored: Scores of the restored images. None for a classifier, which restores nothing.
    """
    values, right = _by_column(noisy, restored), restored.right if restored else None
    found = {}
    for label, name in enumerate(names):
        rows = noisy.labels == label
        if not rows.any():
            continue
        measures = {
            name: column[rows].mean().item()
            for name, column in values.items()
            if column is not None
        }
        if right is not None:
            measures["accuracy"] = right[rows].double().mean().item()
        found[name] = {"images": int(rows.sum())} | measures
    return found


def _by_column(noisy: Scores, restored: Scores | None) -> dict[str, Tensor | None]:
    """Return the measures of every image by the columns of the file; None where there is none.

    Those of the noisy image come first, with names such as "noisy_psnr".
    """
    before, after = noisy.values, restored.values if restored else {}
    names = by_image(after)
    return {f"{NOISY}{name}": before.get(name) for name in names} | {
        name: after.get(name) for name in names
    }


@torch.inference_mode()
def extremes(restore: Restore, data: ImageDataModule, index: Tensor, psnr: Tensor) -> Figure:
    """Draw the images with the best, the median and the worst PSNR: clean, noisy and restored.

    Args:
        restore: Restores images.
        data: The images.
        index: int64 N, positions in the test split, on the model's device.
        psnr: PSNR of those images in dB: N.
    """
    chosen = best_median_worst(psnr)
    batch: Batch = data.eval_batch(data.test_split, index[chosen.to(index.device)])
    rows = {"clean": batch.clean, "noisy": batch.noisy, "restored": restore(batch.noisy)}
    kinds = [kind for kind in ("best", "median", "worst") for _ in range(len(chosen) // 3)]
    captions = [
        f"{value:.1f} dB\n{name}".strip()
        for value, name in zip(
            psnr[chosen].tolist(), figures.titles(data.class_names, batch.label), strict=True
        )
    ]
    return figures.strip(rows, kinds, {"restored": captions})


def best_median_worst(psnr: Tensor) -> Tensor:
    """Return the positions of the best images, of as many around the median, and of the worst."""
    order = psnr.argsort(descending=True, stable=True)
    shown = min(SHOWN, len(order))
    middle = (len(order) - shown) // 2
    return torch.cat((order[:shown], order[middle : middle + shown], order[-shown:]))
