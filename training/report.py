"""The numbers of a training run: `metrics.json`, and the same as a table on the terminal."""

from pathlib import Path
from typing import Any

from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.safe_names import class_name
from groundwork.environment import environment
from groundwork.measures import NOISY, in_order, title_of
from reporting.summary import noisy_input, of_stage, show, which_images
from reporting.tables import Table
from training.callbacks import History


def training_metrics(
    model: ImageModel,
    data: ImageDataModule,
    record: dict[str, Any],
    best: dict[str, float],
    tested: dict[str, float],
    history: History,
    total_seconds: float,
) -> dict[str, Any]:
    """Return what metrics.json holds of a training run.

    Under "images" it says for validation and test how many images were scored ("scored"), and how
    many there are ("of"). The scored ones are the first ones.

    Args:
        model: It is on the device that trained it.
        data: The images.
        record: What the checkpoints say of the run.
        best: The history's row of the best epoch.
        tested: The test metrics of that epoch's weights.
        history: All epochs.
        total_seconds: From the start of training to the end of the test.
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


def show_training(metrics: dict[str, Any], directory: Path) -> None:
    """Print a training run's metrics as one table, and where its files are."""
    test = {name: value for name, value in metrics["test"].items() if not name.startswith(NOISY)}
    columns = {"validation": metrics["validation"]} | ({"test": test} if test else {})
    if noisy := noisy_input(metrics["test"]):
        columns["noisy test input"] = noisy
    model = metrics["model"].rpartition(".")[2]
    speed = f", {metrics['images_per_s']:,.0f} images/s" if metrics["images_per_s"] else ""
    title = f"{model}: best epoch {metrics['best_epoch']} of {metrics['epochs']}"
    there = {split: found for split, found in metrics["images"].items() if found["of"]}
    images = " and the ".join(which_images(found, split) for split, found in there.items())
    show(title, [_metric_table(columns).for_terminal(), f"Scored on the {images}."], directory)
    print(
        f"{metrics['parameters']:,} parameters, {metrics['seconds']['training']:.0f} s of training "
        f"on {metrics['device']}{speed}"
    )


def _metric_table(columns: dict[str, dict[str, float]]) -> Table:
    """Make a row for each metric. A cell is empty if its column lacks the metric."""
    rows = [
        [
            title_of(name),
            *(f"{column[name]:.4f}" if name in column else "" for column in columns.values()),
        ]
        for name in in_order({name for column in columns.values() for name in column})
    ]
    return Table("", ["metric", *columns], rows)
