"""What an exported file says of itself: all that a user needs who has nothing but the file."""

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
NOT_STATED = "not stated"
DATA_LICENCES = {  # of the images, by the class of their data
    "FashionMNIST": "MIT, Copyright (c) 2017 Zalando SE",
    "MNIST": "CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
}
RESTORED, LOGITS = "restored", "logits"
OUTPUTS = {
    RESTORED: "float32, of the input's shape, in [0, 1]",
    LOGITS: "float32, batch x classes; their softmax are the classes' probabilities",
}


def describe_export(
    model: ImageModel, run: dict[str, Any], metrics: dict[str, Any] | None, licence: str
) -> dict[str, str]:
    """Plain text or, where a value has parts, JSON.

    run: the checkpoint's "run" entry. metrics: what the run's metrics.json holds, if it is there.

        project     and its version
        model, arguments
                    the class, and what its constructor was given
        input       name, shape (the words in it stand for any size) and range of the images
        outputs     by name, what each holds, in their order
        class_names of the logits, in their order
        data        on which the model was trained: name, settings, and the licence of the images
        noise       with which it was trained: name and settings, of a mixture also of its parts
        objective   that training minimised: name and settings
        seed, run_id
                    of the run that trained it
        metrics     of its best epoch, by "validation" and "test"; PSNR in dB
        scored_images
                    of how many images these are the means, "scored", the first ones "of" how many
        licence     of the model: what the setting `licence` says
    """
    described = describe(model)
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
        "class_names": _class_names(run["data"]),
        "data": _settings(run["data"]),
        "noise": _settings(run["noise"]),
        "objective": _settings(run["objective"]),
        "seed": run["seed"],
        "run_id": run["run_id"],
        "licence": licence,
    }
    about["data"]["licence"] = DATA_LICENCES.get(about["data"]["name"], NOT_STATED)
    if metrics is not None:
        about["metrics"] = {part: metrics[part] for part in ("validation", "test")}
        if "images" in metrics:  # older runs did not count them
            about["scored_images"] = metrics["images"]
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in about.items()
    }


def metrics_beside(checkpoint: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """What metrics.json holds of a run's best checkpoint, where that lies in the run's directory.

    No other checkpoint has the weights that were measured. A resumed run may not have surpassed
    the best of the one that it resumed, and then has it as its own.

    Raises ValueError where the file is damaged.
    """
    file = checkpoint.absolute().parent.parent / METRICS
    if checkpoint.name != BEST or not file.is_file():
        return None
    try:
        metrics: dict[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    ids = metrics.get("run_id"), metrics.get("parent_id")
    # An evaluation's metrics.json has other parts.
    return metrics if run["run_id"] in ids and "validation" in metrics else None


def input_name(model: ImageModel) -> str:
    """That of `forward`'s argument: "noisy", or a classifier's "images"."""
    (name,) = inspect.signature(model.forward).parameters
    return name


def output_names(model: ImageModel) -> tuple[str, ...]:
    """Of what `forward` returns, in its order."""
    if isinstance(model, Composite):
        return RESTORED, LOGITS
    return (LOGITS,) if isinstance(model, Classifier) else (RESTORED,)


def _sizes(model: ImageModel) -> list[int | str]:
    channels, height, width = model.image_shape
    return [channels, "height", "width"] if model.takes_any_size else [channels, height, width]


def _class_names(data: dict[str, Any]) -> list[str]:
    return list(resolve(data["_target_"], ImageDataModule).class_names)


def _settings(node: Any) -> Any:
    """A config's node by the name of its class; where its files lay is nobody's business."""
    if not isinstance(node, dict):
        return node
    name = {"name": node["_target_"].rpartition(".")[2]} if "_target_" in node else {}
    said = {k: v for k, v in node.items() if k != "_target_" and not k.endswith("root")}
    return name | {k: _settings(v) for k, v in said.items()}
