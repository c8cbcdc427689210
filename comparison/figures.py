"""Plots of a comparison. A configuration has the same colour and marker in all of them.

They are matplotlib figures made without pyplot, which keeps state and looks for a display.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from comparison.labels import noise_name
from comparison.leaderboard import Row
from comparison.results import MODEL, NOISY, Run
from comparison.settings import settings_of

MARKERS = "osD^vP*X"
COLORS = [f"C{number}" for number in range(10)]
LEGEND_LINE = 0.17  # inches
WRAP = 45  # characters in a line of a label
OTHER = (math.inf, math.inf)  # sorts after all levels

Curve = dict[float, float]  # PSNR in dB by level of the noise
Levels = tuple[float, float]  # the lowest and the highest that a model was trained with
Style = Mapping[str, Mapping[str, Any]]  # by the label of a configuration, arguments of `plot`


def styles(labels: Iterable[str]) -> Style:
    """Choose how each configuration is drawn."""
    return {
        label: {
            "color": COLORS[number % len(COLORS)],
            "marker": MARKERS[number // len(COLORS) % len(MARKERS)],
        }
        for number, label in enumerate(dict.fromkeys(labels))
    }


def curve(row: Row, method: str) -> Curve:
    """Return the mean over the row's seeds, at the levels that all of them were scored at."""
    found = [
        {point.level: point.psnr for point in evaluation.curve if point.method == method}
        for evaluation in row.evaluations
    ]
    levels = sorted(set.intersection(*map(set, found))) if found else []
    return {level: statistics.fmean(one[level] for one in found) for level in levels}


def noise_curves(rows: Sequence[Row], style: Style) -> Figure | None:
    """Draw PSNR over the noise level, or return None where no evaluation has a curve.

    The level of training is a line, or a range, where it is the same for all. Otherwise it is a
    star on each curve.
    """
    curves = {row.label: found for row in rows if (found := curve(row, MODEL))}
    if not curves:
        return None
    figure, axis = _figure(len(curves))
    noisy: Curve = {}
    trained = {row.label: _trained_levels(row) for row in rows if row.label in curves}
    for row in rows:
        if row.label in curves:
            axis.plot(
                *_points(curves[row.label]), markersize=4, label=row.label, **style[row.label]
            )
            noisy |= curve(row, NOISY)
    axis.plot(*_points(noisy), color="grey", linestyle="--", label=NOISY)
    common, *others = set(trained.values())
    if others:
        _stars(axis, curves, trained, style)
    elif common is not None and common[0] == common[1]:
        axis.axvline(common[0], color="black", linestyle=":", label="trained at this level")
    elif common is not None:
        axis.axvspan(*common, color="black", alpha=0.06)
        axis.plot([], [], color="black", alpha=0.1, linewidth=8, label="trained at these levels")
    axis.set_xlabel(f"level of the {_noise_class(rows)} noise")
    axis.set_ylabel("PSNR (dB)")
    _legend(figure, axis.get_lines())
    return figure


def _points(curve: Curve) -> tuple[list[float], list[float]]:
    """Return the levels in rising order, and the PSNR at each."""
    levels = sorted(curve)
    return levels, [curve[level] for level in levels]


def _stars(
    axis: Axes, curves: Mapping[str, Curve], trained: Mapping[str, Levels | None], style: Style
) -> None:
    """Draw a star on each curve at its level of training, if that is one level within the curve."""
    for label, (level, end) in ((label, found) for label, found in trained.items() if found):
        levels, psnr = _points(curves[label])
        if level == end and levels[0] <= level <= levels[-1]:
            height = np.interp(level, levels, psnr)
            color = style[label]["color"]
            axis.plot(
                level, height, "*", color=color, markersize=12, markeredgecolor="black", zorder=3
            )
    axis.plot([], [], "*", color="grey", label="trained at this level")


def costs(rows: Sequence[Row], style: Style) -> Figure:
    """Draw PSNR over the time that training and restoring take, with the Pareto fronts."""
    figure = Figure(figsize=(11, _height(len(rows))), layout="constrained")
    names = {"seconds": "training (s)", "ms_per_image": "restoring (ms per image)"}
    lines: dict[str, Line2D] = {}
    for axis, (name, title) in zip(figure.subplots(1, 2), names.items(), strict=True):
        points = {}
        for row in rows:
            if time := getattr(row, name):
                points[row.label] = time, row.psnr
                (line,) = axis.plot(
                    time, row.psnr, linestyle="", markersize=8, label=row.label, **style[row.label]
                )
                lines.setdefault(row.label, line)
        front = pareto_front(points.values())
        if front:
            step = axis.step(
                *zip(*front, strict=True),
                where="post",
                color="grey",
                linestyle=":",
                zorder=1,
                label="Pareto front: none is faster and better",
            )
            lines.setdefault("front", step[0])
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(title)
        axis.set_ylabel("PSNR (dB)")
        axis.grid(alpha=0.3, which="both")
    _legend(figure, lines.values())
    return figure


def pareto_front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (time, quality) that no other beats in both, the fastest first."""
    front: list[tuple[float, float]] = []
    for time, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or quality > front[-1][1]:
            front.append((time, quality))
    return front


def learning_curves(runs: Iterable[Run], labels: Mapping[str, str], style: Style) -> Figure | None:
    """Draw the validation PSNR over the epochs, or return None where no run has an epoch.

    Args:
        runs: A line for each.
        labels: Of the configurations, by run_id.
        style: By label.
    """
    shown = [run for run in runs if run.validation]
    if not shown:
        return None
    figure, axis = _figure(len({labels[run.run_id] for run in shown}))
    lines = {}
    for run in shown:
        label = labels[run.run_id]
        epochs, psnr = zip(*run.validation, strict=True)
        lines[label] = axis.plot(
            epochs, psnr, markersize=3, linewidth=1, label=label, **style[label]
        )[0]
    axis.set_xlabel("epoch")
    axis.set_ylabel("validation PSNR (dB), at the noise of training")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure, lines.values())
    return figure


def noise_transfer(rows: Sequence[Row], families: Mapping[str, str]) -> Figure | None:
    """Draw PSNR by the noise of training (line) and of testing (column), a panel for each model.

    Args:
        rows: The configurations.
        families: Their labels without the training noise, by run_id.

    Returns:
        The figure, or None where no model was trained with two noises.
    """
    by_family: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (_trained_levels(row) or OTHER, _trained_noise(row))):
        if curve(row, MODEL):
            entry = row.entries[0]
            by_family[families[entry.run.run_id] + entry.way].append(row)
    panels = {family: members for family, members in by_family.items() if len(members) > 1}
    if not panels:
        return None
    heights = [len(members) + 1.5 for members in panels.values()]
    figure = Figure(figsize=(9, 0.5 * sum(heights) + 0.5), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    shown = [
        psnr
        for members in panels.values()
        for row in members
        for psnr in curve(row, MODEL).values()
    ]
    scale = Normalize(min(shown), max(shown))
    for axis, (family, members) in zip(axes, panels.items(), strict=True):
        _heat_map(axis, family, members, scale)
    figure.colorbar(ScalarMappable(scale), ax=axes, label="PSNR (dB)")
    axes[-1].set_xlabel(f"level of the {_noise_class(rows)} noise in the test")
    return figure


def _heat_map(axis: Axes, family: str, rows: Sequence[Row], scale: Normalize) -> None:
    curves = [curve(row, MODEL) for row in rows]
    levels = sorted(set.intersection(*map(set, curves)))
    psnr = np.array([[one[level] for level in levels] for one in curves])
    gap = np.full((len(rows), 1), np.nan)
    cells = np.hstack((psnr, gap, psnr.min(1, keepdims=True)))
    axis.imshow(cells, aspect="auto", norm=scale)
    for line, column in np.argwhere(~np.isnan(cells)):
        value = cells[line, column]
        color = "white" if scale(value) < 0.5 else "black"
        axis.text(column, line, f"{value:.1f}", ha="center", va="center", fontsize=8, color=color)
    ticks = [*range(len(levels)), len(levels) + 1]
    axis.set_xticks(ticks, [*(f"{level:g}" for level in levels), "worst"])
    axis.set_yticks(range(len(rows)), [fill(_trained_noise(row), WRAP) for row in rows])
    axis.set_ylabel("trained with")
    axis.set_title(family, fontsize=10)
    axis.spines[:].set_visible(False)


def _trained_noise(row: Row) -> str:
    """Return a name such as "Gaussian, std=0.5", without the cut that is the default."""
    settings = settings_of("noise", row.entries[0].run.record.noise)
    return noise_name({n: v for n, v in settings.items() if (n, v) != ("noise.clip", "true")})


def _trained_levels(row: Row) -> Levels | None:
    """Return the levels of training, or None where the curve is of another kind of noise."""
    return next((evaluation.metrics.trained_levels for evaluation in row.evaluations), None)


def _noise_class(rows: Iterable[Row]) -> str:
    """Return the class of the noise in the curves."""
    names = (p.noise for row in rows for evaluation in row.evaluations for p in evaluation.curve)
    return next(names, "")


def _figure(lines: int) -> tuple[Figure, Axes]:
    """Make a figure with one panel, high enough for a legend of so many lines."""
    figure = Figure(figsize=(9, _height(lines)), layout="constrained")
    axis = figure.subplots()
    axis.grid(alpha=0.3)
    return figure, axis


def _height(lines: int) -> float:
    return max(4.5, LEGEND_LINE * (lines + 4))


def _legend(figure: Figure, lines: Iterable[Line2D]) -> None:
    handles = [line for line in lines if not str(line.get_label()).startswith("_")]
    labels = [fill(str(handle.get_label()), WRAP) for handle in handles]
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
