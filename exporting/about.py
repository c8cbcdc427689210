"""The metadata of an exported file, for a user who has nothing but the file."""

import importlib.metadata
import inspect
import json
from pathlib import Path
from typing import Any

from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.checkpoint import describe
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.safe_names import resolve
from groundwork.run_directory import BEST, METRICS

PROJECT = "image-denoisers"
RESTORED, LOGITS = "restored", "logits"
OUTPUTS = {
    RESTORED: "float32, of the input's shape, in [0, 1]",
    LOGITS: "float32, batch x classes; their softmax is the probability of each class",
}


def describe_export(
    model: ImageModel, run: dict[str, Any], metrics: dict[str, Any] | None, licence: str
) -> dict[str, str]:
    """Describe a model and the run that trained it.

    Args:
        model: The model.
        run: The checkpoint's "run" entry.
        metrics: The contents of the run's metrics.json, if it is known.
        licence: The licence of the model.

    Returns:
        The entries below. Values with parts are JSON, others are plain text.

        project: The project's name and version.
        model: The dotted name of the model's class.
        arguments: The arguments of its constructor.
        input: Name, shape and range of the images. Words in the shape stand for any size.
        outputs: What each output holds, by name, in order.
        class_names: The classes of the logits, in order.
        data: The data that the model was trained on: name, settings and the images' licence.
        noise: The noise that it was trained with: name and settings. A mixture has those of its
            parts too.
        objective: The objective that training minimised: name and settings.
        seed, run_id: Those of the run.
        metrics: Those of its best epoch, for "validation" and "test". PSNR is in dB.
        scored_images: How many images the metrics are the means of ("scored"), and how many
            there are ("of").
        licence: The licence of the model.
    """
    described = describe(model)
    data = resolve(run["data"]["_target_"], ImageDataModule)
    about: dict[str, Any] = {
        "project": f"{PROJECT} {importlib.metadata.version(PROJECT)}",
        "model": described["name"],
        "arguments": described["arguments"],
        "input": {
            "name": input_name(model),
            "shape": ["batch", *_sizes(model)],
            "range": "float32, black is 0 and white is 1; noise may go beyond",
        },
        "outputs": {name: OUTPUTS[name] for name in output_names(model)},
        "class_names": list(data.class_names),
        "data": settings_of(run["data"]) | {"licence": data.licence},
        "noise": settings_of(run["noise"]),
        "objective": settings_of(run["objective"]),
        "seed": run["seed"],
        "run_id": run["run_id"],
        "licence": licence,
    }
    if metrics is not None:
        about["metrics"] = {part: metrics[part] for part in ("validation", "test")}
        if "images" in metrics:  # older runs did not count them
            about["scored_images"] = metrics["images"]
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in about.items()
    }


def metrics_beside(checkpoint: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """Read the metrics.json of the run directory that a checkpoint lies in.

    Only a run's best checkpoint has the weights that were measured. If a resumed run has not
    surpassed the best checkpoint of the earlier run, it keeps that one as its own.

    Returns:
        The contents, or None if the checkpoint is not the one that was measured.

    Raises:
        ValueError: The file is damaged.
    """
    file = checkpoint.absolute().parent.parent / METRICS
    if checkpoint.name != BEST or not file.is_file():
        return None
    try:
        metrics: dict[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    ids = metrics.get("run_id"), metrics.get("parent_id")
    # The metrics.json of an evaluation has no "validation".
    return metrics if run["run_id"] in ids and "validation" in metrics else None


def input_name(model: ImageModel) -> str:
    """Return the name of `forward`'s argument: "noisy", or "images" for a classifier."""
    (name,) = inspect.signature(model.forward).parameters
    return name


def output_names(model: ImageModel) -> tuple[str, ...]:
    """Return the names of what `forward` returns, in the same order."""
    if isinstance(model, Composite):
        return RESTORED, LOGITS
    return (LOGITS,) if isinstance(model, Classifier) else (RESTORED,)


def _sizes(model: ImageModel) -> list[int | str]:
    channels, height, width = model.image_shape
    return [channels, "height", "width"] if model.takes_any_size else [channels, height, width]


def settings_of(node: Any) -> Any:
    """Describe a config's node by its class and settings, without the user's folders."""
    if not isinstance(node, dict):
        return node
    name = {"name": node["_target_"].rpartition(".")[2]} if "_target_" in node else {}
    said = {k: v for k, v in node.items() if k != "_target_" and not k.endswith("root")}
    return name | {k: settings_of(v) for k, v in said.items()}
