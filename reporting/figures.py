"""Pictures of a run: image strips, learning curves, confusion matrices.

They are matplotlib figures made without pyplot, which keeps state and looks for a display.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from datamodules.images import ImageDataModule
from datamodules.sampling import Draw
from groundwork.batch import Batch
from groundwork.measures import BY_IMAGE, MEASURES, best_row, in_order

NOISY, MODEL = "noisy input", "model"  # methods in a noise curve, beside the baselines
BASELINE_COLORS = ("C0", "C1", "C2", "C3", "C4", "C5", "C6", "C8", "C9")  # C7 is grey
CELL = 1.1  # inches, an image's width in a strip
CAPTION = 0.3  # share of an image's width: the room for two lines under it
LEAST_ROW, MOST_ROW = 0.9, 4  # in widths of a column, how high a row is where images are mere lines
TITLE, LINE, EDGE = 0.25, 0.18, 0.08  # inches: a column's title, a line of a row's name, the margin
PANEL = (4.2, 3.4)  # inches, a learning curve with its labels
ROOM = {"left": 1.0, "right": 0.15, "top": 0.6, "bottom": 0.55}  # inches of it around the axes
LEGEND = 0.3  # inches
TIME_UNITS = ((3600, "h"), (60, "min"), (1, "s"))  # each in seconds


def save(figure: Figure, path: Path) -> None:
    """Write a PNG file. A figure without a layout engine has margins of its own."""
    fitted = figure.get_layout_engine() is not None
    fast = {"compress_level": 2}  # a tenth faster; files are a sixth larger
    figure.savefig(path, dpi=150, bbox_inches="tight" if fitted else None, pil_kwargs=fast)


def strip(
    rows: dict[str, Tensor],
    columns: Sequence[str] = (),
    captions: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Draw rows of images under each other, such as clean, noisy and restored.

    Args:
        rows: Images by the row's name, B C H W in [0, 1]. Values outside are cut.
        columns: A title for each of the B columns.
        captions: By the row's name, a line under each of its images.
    """
    # One picture in one Axes: an Axes for each image takes matplotlib a hundred times as long. The
    # margins are fixed, since measuring all texts to fit them takes as long as drawing.
    shown = {name: _rgb(images) for name, images in rows.items()}
    count, height, width, _ = next(iter(shown.values())).shape
    gap = max(1, round(0.05 * width), height // MOST_ROW - width)
    below = max(gap, round(CAPTION * width)) if captions else gap
    least = round(LEAST_ROW * (width + gap))
    below = max(below, least - height)
    shape = len(rows) * (height + below), count * (width + gap), 3
    canvas = torch.full(shape, 255, dtype=torch.uint8)
    across, down = CELL * count, CELL * count * shape[0] / shape[1]
    beside = EDGE + LINE * max(1 + name.count("\n") for name in rows)
    above = TITLE if columns else EDGE
    figure = Figure(figsize=(beside + across, above + down))
    place = beside / (beside + across), 0, across / (beside + across), down / (above + down)
    axis = figure.add_axes(place)
    middles = [column * (width + gap) + (width - 1) / 2 for column in range(count)]
    for line, (name, images) in enumerate(shown.items()):
        top = line * (height + below)
        canvas[top : top + height].unflatten(1, (count, -1))[:, :, :width] = images.transpose(0, 1)
        for middle, caption in zip(middles, (captions or {}).get(name, ()), strict=False):
            axis.text(middle, top + height, caption, ha="center", va="top", fontsize=7)
    axis.imshow(canvas, interpolation="nearest")
    half = max(height, least) / 2
    axis.set_yticks([line * (height + below) + half for line in range(len(rows))], [*rows])
    axis.set_xticks(middles[: len(columns)], columns, fontsize=8)
    axis.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axis.tick_params("y", labelrotation=90, labelsize=10)
    for label in axis.get_yticklabels():
        label.set_verticalalignment("center")
    axis.spines[:].set_visible(False)
    return figure


def _rgb(images: Tensor) -> Tensor:
    """Make B C H W into uint8 B H W 3, cut to [0, 1]. Show the mean of other than 3 channels."""
    images = images.cpu().float().clamp(0, 1).movedim(1, -1)
    if images.shape[-1] != 3:
        images = images.mean(-1, keepdim=True).expand(*images.shape[:-1], 3)
    return (255 * images).round().byte()


def training_samples(data: ImageDataModule) -> Figure:
    """Draw examples of the training images, clean and as noisy as in the first epoch."""
    positions = data.examples("train", per_class=1)
    draw = Draw("train", epoch=0, step=0, positions=positions)
    batch = data.on_after_batch_transfer(draw, 0)
    names = titles(data.class_names, batch.label)
    return strip(clean_and_noisy(batch), names)


def clean_and_noisy(batch: Batch) -> dict[str, Tensor]:
    """Return a batch's images by the name of their row. Noisy pictures may have no clean ones."""
    noisy = {"noisy": batch.noisy}
    return noisy if batch.clean.isnan().any() else {"clean": batch.clean} | noisy


def titles(names: Sequence[str], labels: Tensor) -> list[str]:
    """Return the name of each image's class, or "" for the label -1, which means none."""
    return [names[label] if label >= 0 else "" for label in labels.tolist()]


def curves(rows: Sequence[dict[str, float]], monitor: str) -> Figure:
    """Draw a panel for each metric over the epochs, training and validation together.

    The axis above the first row of panels has the time of training.

    Args:
        rows: The history. Its metrics have names such as "train/loss" and "val/psnr", and "seconds"
            is the time that an epoch's training took.
        monitor: The metric that chose the best epoch, which every panel marks.
    """
    names = {name for row in rows for name in row if "/" in name}
    metrics = in_order({name.split("/")[1] for name in names})
    metrics.sort(key=lambda metric: metric != "loss")  # it comes first
    best = best_row([row for row in rows if monitor in row], monitor)["epoch"]
    across = min(len(metrics), 3)
    down = -(-len(metrics) // across)
    figure, axes = _panels(down, across, len(metrics))
    lines = {}
    for axis, metric in zip(axes, metrics, strict=True):
        for stage, label, color in (("train", "training", "C0"), ("val", "validation", "C1")):
            points = [(r["epoch"], r[key]) for r in rows if (key := f"{stage}/{metric}") in r]
            if points:
                (lines[label],) = axis.plot(
                    *zip(*points, strict=True), color=color, marker="o", markersize=3
                )
        lines["best epoch"] = axis.axvline(best, color="grey", linestyle=":")
        axis.set_xlabel("epoch")
        axis.set_ylabel(MEASURES[metric].axis if metric in MEASURES else metric)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.ticklabel_format(axis="y", scilimits=(-3, 5))  # wider numbers would not have room
    for axis in axes[:across]:
        _add_time(axis, rows)
    figure.legend(lines.values(), lines.keys(), loc="upper center", ncols=3, frameon=False)
    return figure


def _add_time(axis: Axes, rows: Sequence[dict[str, float]]) -> None:
    """Show above an axis of epochs when, in the time of training, each was over."""
    ends = np.cumsum([row["seconds"] for row in rows])
    unit, name = next((u, n) for u, n in TIME_UNITS if ends[-1] >= 2 * u or u == 1)
    # From the start, and on by another epoch as long as the last, since the axis has margins.
    epochs = np.array([0, *(row["epoch"] for row in rows), rows[-1]["epoch"] + 1])
    times = np.array([0, *ends, ends[-1] + rows[-1]["seconds"]]) / unit
    above = axis.secondary_xaxis(
        "top",
        functions=(
            lambda epoch: np.interp(np.asarray(epoch), epochs, times),
            lambda time: np.interp(np.asarray(time), times, epochs),
        ),
    )
    above.set_xlabel(f"training time ({name})")


def _panels(down: int, across: int, count: int) -> tuple[Figure, list[Axes]]:
    """Make a figure with `count` panels of a fixed size, and room for a legend above them.

    A layout that is fitted to the texts takes matplotlib as long as drawing all of it.
    """
    width, height = across * PANEL[0], down * PANEL[1] + LEGEND
    beside, between = ROOM["left"] + ROOM["right"], ROOM["top"] + ROOM["bottom"]
    places = {
        "left": ROOM["left"] / width,
        "right": 1 - ROOM["right"] / width,
        "bottom": ROOM["bottom"] / height,
        "top": 1 - (ROOM["top"] + LEGEND) / height,
        "wspace": beside / (PANEL[0] - beside),
        "hspace": between / (PANEL[1] - between),
    }
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(down, across, **places)
    return figure, [figure.add_subplot(grid[place]) for place in range(count)]


def noise_curve(
    rows: Sequence[dict[str, Any]],
    trained_levels: Sequence[float] | None,
    level_name: str,
) -> Figure:
    """Draw scores over the noise level, a panel for each measure, a line for each method.

    Where the model is worse than the noisy input, the panel is shaded red.

    Args:
        rows: From `evaluation.noise_curve`.
        trained_levels: The lowest and the highest level that the model was trained with. None where
            it was trained with another kind of noise.
        level_name: What the levels are.
    """
    panels = [name for name in (*BY_IMAGE, "accuracy") if any(name in row for row in rows)]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    figure = Figure(figsize=(5 * len(panels), 4.2), layout="constrained")
    for axis, measure in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        lines = {}
        for color, method in zip(itertools.cycle(BASELINE_COLORS), methods, strict=False):
            points = [(r["level"], r[measure]) for r in rows if r["method"] == method]
            style: dict[str, Any] = {"color": color, "linewidth": 1.2}
            if method == MODEL:
                style = {"color": "black", "linewidth": 2.5, "marker": "o", "zorder": 3}
            elif method == NOISY:
                style = {"color": "grey", "linewidth": 2, "linestyle": "--"}
            axis.plot(*zip(*points, strict=True), label=method, **style)
            lines[method] = dict(points)
        if MODEL in lines:
            levels = sorted(lines[MODEL])
            model, noisy = ([lines[name][level] for level in levels] for name in (MODEL, NOISY))
            low, high = (model, noisy) if MEASURES[measure].higher_is_better else (noisy, model)
            worse = [a < b for a, b in zip(low, high, strict=True)]
            if any(worse):
                axis.fill_between(
                    levels,
                    low,
                    high,
                    where=worse,
                    interpolate=True,
                    color="red",
                    alpha=0.25,
                    label="worse than doing nothing",
                )
        if trained_levels is not None:
            _mark_trained(axis, *trained_levels)
        axis.set_xlabel(level_name)
        axis.set_ylabel(MEASURES[measure].axis)
        axis.grid(alpha=0.3)
    legend = {
        label: handle
        for axis in figure.axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        legend.values(), legend.keys(), loc="outside right center", fontsize=8, frameon=False
    )
    return figure


def _mark_trained(axis: Axes, low: float, high: float) -> None:
    if low == high:
        axis.axvline(low, color="black", linestyle=":", label="trained on")
    else:
        axis.axvspan(low, high, color="black", alpha=0.06, label="trained on")


def confusion(matrix: Tensor, names: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix.

    Args:
        matrix: int K x K, numbers of images by true class (row) and predicted class (column).
        names: The classes.
        title: Stands above it.
    """
    share = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    size = max(3.0, 0.6 * len(names))
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axis = figure.subplots()
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in torch.ones_like(matrix).nonzero().tolist():
        color = "white" if share[row, column] > 0.5 else "black"
        text = str(int(matrix[row, column]))
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=color)
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel("predicted class")
    axis.set_ylabel("true class")
    axis.set_title(title, fontsize=10)
    return figure
