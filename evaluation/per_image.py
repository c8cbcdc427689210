"""The results of single images: a CSV, the means of each class, the best and worst in a picture."""

import csv
import io
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from datamodules.images import ImageDataModule
from evaluation.noise_curve import Restore
from groundwork.batch import Batch
from groundwork.files import write_whole
from groundwork.measures import BY_IMAGE, NOISY
from reporting import figures

SHOWN = 4  # images of each kind: best, median, worst
COLUMNS = (*(f"{NOISY}{name}" for name in BY_IMAGE), *BY_IMAGE)


def write_per_image(
    path: Path, labels: Tensor, values: dict[str, Tensor], predicted: Tensor | None
) -> None:
    """A row an image: index, label, the measures of the noisy and the restored image, and the class
    that the classifier sees in it; what was not measured stays empty.

    values: by measure, float N. predicted: int64 N.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index", "label", *COLUMNS, "predicted"])
    columns = [
        [f"{value:.6g}" for value in values[name].tolist()] if name in values else None
        for name in COLUMNS
    ]
    columns.append(None if predicted is None else [str(seen) for seen in predicted.tolist()])
    for row, label in enumerate(labels.tolist()):
        writer.writerow(
            [row, label, *("" if column is None else column[row] for column in columns)]
        )
    write_whole(path, text.getvalue())


def by_class(
    names: tuple[str, ...], labels: Tensor, values: dict[str, Tensor], right: Tensor | None
) -> dict[str, dict[str, Any]]:
    """By class: the number of its images, the means of the measures by image, and the accuracy.

    names: of the classes. right: whether each image was classified rightly: bool N.
    """
    found = {}
    for label, name in enumerate(names):
        rows = labels == label
        if not rows.any():
            continue
        measures = {key: values[key][rows].mean().item() for key in COLUMNS if key in values}
        if right is not None:
            measures["accuracy"] = right[rows].double().mean().item()
        found[name] = {"images": int(rows.sum())} | measures
    return found


@torch.inference_mode()
def extremes(restore: Restore, data: ImageDataModule, index: Tensor, psnr: Tensor) -> Figure:
    """The images with the best, the median and the worst PSNR: clean, noisy and restored.

    index: positions in the test split, on the model's device. psnr: of those images, in dB: N.
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
    """Positions of the best few images, of as many around the median, and of the worst."""
    order = psnr.argsort(descending=True, stable=True)
    shown = min(SHOWN, len(order))
    middle = (len(order) - shown) // 2
    return torch.cat((order[:shown], order[middle : middle + shown], order[-shown:]))
