"""The numbers of a run: `metrics.json`, and the same as a table on the terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.checkpoint import class_name
from files import write_whole
from runs.callbacks import History
from runs.record import environment
from runs.terminal import Terminal


def training_metrics(
    model: ImageModel,
    data: ImageDataModule,
    record: dict[str, Any],
    best: dict[str, float],
    tested: dict[str, float],
    history: History,
    total_seconds: float,
) -> dict[str, Any]:
    """What metrics.json holds of a training run.

    best: the history's row of the best epoch. tested: the test metrics of its weights.

    Under "images": of those that gave the scores, how many there were ("scored", of the best
    epoch's validation), and of how many the first ones they are ("of").
    """
    scored = {"validation": history.validation_images.get(int(best["epoch"]))}
    scored["test"] = model.scored["test"]
    sizes = {"validation": data.size("val"), "test": data.size(data.test_split)}
    seconds = sum(row["seconds"] for row in history.rows)
    images = sum(row["seconds"] * row["images_per_s"] for row in history.rows)
    return {
        "run_id": record["run_id"],
        "parent_id": record["parent_id"],
        "model": class_name(type(model)),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seed": record["seed"],
        "device": str(model.device),
        "epochs": len(history.rows),
        "best_epoch": best["epoch"],
        "monitor": model.monitor,
        "validation": of_stage("val", best),
        "test": of_stage("test", tested),
        "images": {name: {"scored": n, "of": sizes[name]} for name, n in scored.items()},
        "seconds": {"training": seconds, "total": total_seconds},
        "images_per_s": images / seconds if seconds else None,
        **environment(),
    }


def of_stage(stage: str, metrics: dict[str, float]) -> dict[str, float]:
    return {n.split("/")[1]: v for n, v in metrics.items() if n.startswith(f"{stage}/")}


def which_images(images: dict[str, Any], split: str) -> str:
    """Such as "2,000 test images", or "first 256 of 2,000 test images" where others were left out.

    images: "scored", None where an older version has trained and not counted, and "of".
    """
    scored, total = images["scored"], images["of"]
    if scored is None:
        return f"an unknown number of {total:,} {split} images"
    part = f"first {scored:,} of " if scored < total else ""
    return f"{part}{total:,} {split} images"


# In the order of the tables; a metric that is not here comes after them.
TITLES = {
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "mse": "MSE",
    "mae": "MAE",
    "accuracy": "accuracy",
    "loss": "loss",
}
NOISY = "noisy_"


def noisy_input(test: dict[str, float]) -> dict[str, float]:
    return {n.removeprefix(NOISY): value for n, value in test.items() if n.startswith(NOISY)}


def show_training(metrics: dict[str, Any], directory: Path) -> None:
    """Print a training run's metrics as one table, and where its files are."""
    test = {name: value for name, value in metrics["test"].items() if not name.startswith(NOISY)}
    columns = {"validation": metrics["validation"], "test": test}
    if noisy := noisy_input(metrics["test"]):
        columns["noisy test input"] = noisy
    model = metrics["model"].rpartition(".")[2]
    speed = f", {metrics['images_per_s']:,.0f} images/s" if metrics["images_per_s"] else ""
    title = f"{model}: best epoch {metrics['best_epoch']} of {metrics['epochs']}"
    images = " and the ".join(which_images(metrics["images"][s], s) for s in ("validation", "test"))
    show(title, [_metric_table(columns), f"Scored on the {images}."], directory)
    print(
        f"{metrics['parameters']:,} parameters, {metrics['seconds']['training']:.0f} s of training "
        f"on {metrics['device']}{speed}"
    )


def _metric_table(columns: dict[str, dict[str, float]]) -> Table:
    """A row a metric, a column for each of `columns`; a metric that one lacks stays empty there."""
    names = dict.fromkeys(name for column in columns.values() for name in column)
    order = [*(name for name in TITLES if name in names), *(n for n in names if n not in TITLES)]
    table = Table("metric", *(Column(name, justify="right") for name in columns))
    for name in order:
        cells = (f"{c[name]:.4f}" if name in c else "" for c in columns.values())
        table.add_row(TITLES.get(name, name.replace("_", " ")), *cells)
    return table


def show(title: str, parts: Sequence[Table | str], directory: Path) -> None:
    """Print tables and lines, keep them as `metrics.txt`, and say where everything is."""
    console = Terminal(record=True, width=None if sys.stdout.isatty() else 120)
    console.print(f"\n[bold]{title}[/bold]", *parts, sep="\n", highlight=False)
    write_whole(directory / "metrics.txt", console.export_text())
    shown = directory.relative_to(Path.cwd()) if directory.is_relative_to(Path.cwd()) else directory
    print(f"Everything is in {shown}")
