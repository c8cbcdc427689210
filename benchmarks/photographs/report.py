"""The results as tables, as JSON, and as a plot of quality over time; published numbers beside."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.photographs.measuring import Comparison, Result
from benchmarks.photographs.methods import BM3D, NOISY
from benchmarks.photographs.published import psnr_of
from groundwork.files import write_json, write_whole
from groundwork.measures import MEASURES
from reporting import figures
from reporting.statistics import paired_intervals
from reporting.tables import Table

PROTOCOL = (
    "Noise is Gaussian, σ of 255, neither cut nor rounded, and drawn for each picture anew from "
    "numpy.random.RandomState(0), in the order rows, columns, channels. Results are rounded to 8 "
    "bits and scored over all pixels. Scores are means over the pictures, with 95 % bootstrap "
    "intervals over them; times are medians over them."
)
NOTES = (
    "Published numbers are from their authors' tables and were not measured here. They stand on "
    "other draws of the noise, which moves a set's mean by a few hundredths of a dB.",
    f"'over {BM3D}' is the mean difference in PSNR to {BM3D} on the same pictures, with its own "
    "interval, and 'times as fast' the median ratio of their times.",
)
# Of the plot. Published methods are grey lines, those that were measured coloured points.
LINES = ("--", ":", "-.", (0, (8, 2)), (0, (6, 2, 1, 2, 1, 2)))
MARKERS = "osD^vPX*"
PANEL = 3.8, 2.8  # inches
LEGEND = 2.6, 0.2  # inches of an entry


def write(folder: Path, comparisons: Sequence[Comparison], about: dict[str, Any]) -> None:
    """Write `results.json`, `table.md` and `psnr_over_time.png`, each whole.

    Args:
        folder: Where they go.
        comparisons: All that there are so far; at least one.
        about: What else the JSON file says, such as the machine.
    """
    results = [_as_json(comparison) for comparison in comparisons]
    write_json(folder / "results.json", {"protocol": PROTOCOL, **about, "results": results})
    parts = [
        "# Photographs",
        PROTOCOL,
        f"Measured on {about['processor']}, cores used: {about['threads']}.",
    ]
    for made in map(table, comparisons):
        parts += [f"## {made.title}", made.as_markdown()]
    write_whole(folder / "table.md", "\n\n".join([*parts, *NOTES]) + "\n")
    figures.save(plot(comparisons), folder / "psnr_over_time.png")


def _published(comparison: Comparison) -> dict[str, float]:
    tested = comparison.tested
    return psnr_of(tested.name, len(tested.pictures), comparison.sigma)


def _as_json(comparison: Comparison) -> dict[str, Any]:
    tested = comparison.tested
    return {
        "set": tested.name,
        "sigma": comparison.sigma,
        "channels": tested.channels,
        "pictures": [*tested.pictures],
        "pictures_in_set": tested.of,
        "methods": {name: _numbers(result) for name, result in comparison.results.items()},
        "published_psnr": _published(comparison),
    }


def _numbers(result: Result) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for name in ("psnr", "ssim"):
        values: list[float] = getattr(result, name)
        mean, low, high = mean_with_interval(values)
        numbers[name] = {"mean": mean, "interval": [low, high], "by_picture": values}
    times = result.ms_per_megapixel
    return numbers | {
        "ms_per_megapixel": {"median": statistics.median(times), "by_picture": times},
    }


def mean_with_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return a mean over pictures, and both ends of its 95 % bootstrap interval over them."""
    low, high = paired_intervals(np.array(values)[:, None], seed=0)[:, 0]
    return statistics.fmean(values), float(low), float(high)


def table(comparison: Comparison) -> Table:
    """Describe a table of the methods that were measured, and below them those published."""
    measures = [MEASURES[name] for name in ("psnr", "ssim")]
    header = ["method"]
    for measure in measures:
        header += [measure.title, "95 %"]
    header += ["ms/megapixel"]
    bm3d = comparison.results.get(BM3D)
    if bm3d is not None:
        header += ["times as fast", f"over {BM3D}", "95 %"]
    rows = []
    for name, result in comparison.results.items():
        row = [name]
        for values, measure in zip((result.psnr, result.ssim), measures, strict=True):
            row += _cells(values, measure.form)
        row += ["" if name == NOISY else f"{statistics.median(result.ms_per_megapixel):,.0f}"]
        if bm3d is not None:
            row += _beside(result, bm3d) if name not in (NOISY, BM3D) else ["", "", ""]
        rows.append(row)
    for name, psnr in _published(comparison).items():
        row = [f"{name}, published", format(psnr, measures[0].form)]
        rows.append(row + [""] * (len(header) - len(row)))
    return Table(f"{comparison.title}, {comparison.tested.described}", header, rows)


def _beside(result: Result, bm3d: Result) -> list[str]:
    ratios = np.divide(bm3d.ms_per_megapixel, result.ms_per_megapixel)
    over = np.subtract(result.psnr, bm3d.psnr).tolist()
    return [f"{np.median(ratios):,.3g}", *_cells(over, "+.2f")]


def _cells(values: Sequence[float], form: str) -> list[str]:
    mean, low, high = mean_with_interval(values)
    return [format(mean, form), f"{low:{form}} to {high:{form}}"]


def plot(comparisons: Sequence[Comparison]) -> Figure:
    """Draw PSNR over the time for a megapixel, a column for each set, a row for each sigma.

    Published numbers are horizontal lines, as they have no time. The noisy pictures, far below all
    methods, are left out.
    """
    sets = list(dict.fromkeys(each.tested.name for each in comparisons))
    sigmas = list(dict.fromkeys(each.sigma for each in comparisons))
    methods = list(dict.fromkeys(name for each in comparisons for name in each.results))
    methods = [name for name in methods if name != NOISY]
    others = list(dict.fromkeys(_line(name) for each in comparisons for name in _published(each)))
    width = max(PANEL[0] * len(sets), 2 * LEGEND[0])
    columns = int(width / LEGEND[0])
    entries = math.ceil((len(methods) + len(others) + 1) / columns)
    height = PANEL[1] * len(sigmas) + LEGEND[1] * entries
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(len(sigmas), len(sets), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()  # until there is something in it
    for each in comparisons:
        axis = axes[sigmas.index(each.sigma), sets.index(each.tested.name)]
        axis.set_axis_on()
        for number, name in enumerate(methods):
            if name in each.results:
                result = each.results[name]
                seconds = statistics.median(result.ms_per_megapixel) / 1000
                marker = MARKERS[number % len(MARKERS)]
                psnr = statistics.fmean(result.psnr)
                axis.plot(seconds, psnr, marker, color=f"C{number % 10}", label=name)
        for name, psnr in _published(each).items():
            style = LINES[others.index(_line(name)) % len(LINES)]
            label = f"{name}, published"
            axis.axhline(psnr, color="0.4", linestyle=style, linewidth=1, zorder=0, label=label)
        axis.set_xscale("log")
        axis.set_title(each.title, fontsize=10)
        axis.set_xlabel("seconds per megapixel")
        axis.set_ylabel(MEASURES["psnr"].axis)
        axis.grid(alpha=0.3)
    legend = {
        label: handle
        for axis in figure.axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        legend.values(),
        legend.keys(),
        loc="outside lower center",
        ncols=columns,
        fontsize=8,
        frameon=False,
    )
    return figure


def _line(name: str) -> str:
    """Whose line a published method has: BM3D of colours is drawn as that of grey pictures."""
    return name.removeprefix("C")
