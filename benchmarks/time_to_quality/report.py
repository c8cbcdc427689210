"""The curves as JSON, as a table of the seconds to each level, and as a plot."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.files import write_json, write_whole
from groundwork.measures import MEASURES
from reporting.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = dict[str, Any]
Points = list[dict[str, float]]

PROTOCOL = (
    "Every contestant trains the same network with its own usual settings. Each run has a process "
    "of its own, one after another, and for each seed all contestants take their turn. After every "
    "epoch the test images are restored, with one draw of the noise for all contestants. PSNR is "
    "measured for each image and averaged over images. The seconds are those of training alone, "
    "without the start of the process, validation and this measuring."
)
NONE = "–"
MOST_BELOW = 1.2  # dB of the plot below the lowest level, where curves that begin lower are cut


def seconds_to(level: float, points: Points) -> float | None:
    """Return the seconds until a curve first reaches a level, or None if it never does.

    Between two points the curve is a straight line. Before the first point nothing is known of it,
    so a level that is reached there counts with the seconds of that point.
    """
    before = None
    for point in points:
        if point["psnr"] >= level:
            if before is None:
                return point["seconds"]
            share = (level - before["psnr"]) / (point["psnr"] - before["psnr"])
            return before["seconds"] + share * (point["seconds"] - before["seconds"])
        before = point
    return None


def table(results: Results) -> Table:
    """Describe a table with a row for each contestant. Times are in seconds."""
    levels = results["levels"]
    header = ["contestant", "seeds", *(f"s to {level} dB" for level in levels)]
    rows = []
    for name, curves in _by_contestant(results).items():
        row = [name, str(len(curves))]
        for level in levels:
            reached = [s for points in curves if (s := seconds_to(level, points)) is not None]
            whole = len(reached) == len(curves)
            row.append(
                _mean_and_std(reached, ",.1f")
                if whole
                else f"{NONE} ({len(reached)} of {len(curves)})"
            )
        last = [points[-1] for points in curves]
        row.append(_mean_and_std([point["psnr"] for point in last], ".2f"))
        row.append(_mean_and_std([point["seconds"] for point in last], ",.1f"))
        rows.append(row)
    note = (
        f"Mean ± standard deviation over seeds. {NONE}: not every seed has reached the level, and "
        "beside it how many have."
    )
    return Table("Time to quality", [*header, "final dB", "s in all"], rows, notes=(note,))


def _by_contestant(results: Results) -> dict[str, list[Points]]:
    """Return the curves of each contestant that has run, in the order of the contestants."""
    found: dict[str, list[Points]] = {name: [] for name in results["contestants"]}
    for run in results["runs"]:
        found[run["contestant"]].append(run["points"])
    return {name: curves for name, curves in found.items() if curves}


def _mean_and_std(values: Sequence[float], form: str) -> str:
    mean = format(statistics.fmean(values), form)
    return f"{mean} ± {statistics.stdev(values):{form}}" if len(values) > 1 else mean


def mean_curve(curves: Sequence[Points]) -> tuple[list[float], list[float]]:
    """Return the mean seconds and the mean PSNR of each epoch, of those that all curves have."""
    epochs = [*zip(*curves, strict=False)]
    seconds = [statistics.fmean(point["seconds"] for point in points) for points in epochs]
    return seconds, [statistics.fmean(point["psnr"] for point in points) for points in epochs]


def plot(results: Results) -> Figure:
    """Draw PSNR over the seconds: each contestant's mean with a marker an epoch, thin its seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for number, (name, curves) in enumerate(_by_contestant(results).items()):
        colour = f"C{number % 10}"
        for points in curves if len(curves) > 1 else ():
            line = [(point["seconds"], point["psnr"]) for point in points]
            axis.plot(*zip(*line, strict=True), color=colour, linewidth=0.6, alpha=0.5)
        label = f"{name}, mean of {len(curves)} seeds" if len(curves) > 1 else name
        axis.plot(*mean_curve(curves), color=colour, marker="o", markersize=3, label=label)
    for level in results["levels"]:
        axis.axhline(level, color="0.5", linestyle=":", linewidth=1, zorder=0)
        # At the right edge of the axes, and at the height of the level.
        axis.text(
            1.01, level, f"{level} dB", transform=axis.get_yaxis_transform(), va="center", size=8
        )
    least = min(results["levels"])
    if any(point["psnr"] > least for run in results["runs"] for point in run["points"]):
        axis.set_ylim(bottom=max(axis.get_ylim()[0], least - MOST_BELOW))
    axis.set_xlabel("seconds of training")
    axis.set_ylabel(f"{MEASURES['psnr'].axis}, test images")
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def write(folder: Path, results: Results) -> None:
    """Write `results.json`, `table.md` and `curves.png`, each whole. One run must be done."""
    from reporting import figures

    write_json(folder / "results.json", results)
    made = table(results)
    measured = f"Measured on {results['processor']}, cores: {results['cores']}."
    parts = ["# Time to quality", PROTOCOL, measured, made.as_markdown(), *made.notes]
    write_whole(folder / "table.md", "\n\n".join(parts) + "\n")
    figures.save(plot(results), folder / "curves.png")
