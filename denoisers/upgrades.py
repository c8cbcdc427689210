"""Formats of checkpoints, and how the contents of an older one become those of the newest."""

from collections.abc import Callable
from typing import Any

OPTIMIZER = ("lr", "lr_decay", "weight_decay")  # as it was flat, before format 4
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
FORMAT_VERSION = 4


def _with_objective(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Format 1 knew no objective but a model's own."""
    objective = {"_target_": "denoisers.objectives.Supervised"}
    return checkpoint | {"run": checkpoint["run"] | {"objective": objective}}


def _with_range_and_counts(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Format 2 knew no range of one's own pictures but that of their type, and counted no images
    in validation."""
    run, callbacks = checkpoint["run"], checkpoint.get("callbacks")
    data = run.get("data")
    if isinstance(data, dict) and data.get("_target_") == "datamodules.folder.Folder":
        run = run | {"data": {"range": "dtype"} | data}
    if isinstance(callbacks, dict) and isinstance(history := callbacks.get("History"), dict):
        counted: dict[str, Any] = {"History": {"validation_images": {}} | history}
        checkpoint = checkpoint | {"callbacks": callbacks | counted}
    return checkpoint | {"run": run}


def _with_optimizer(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Format 3 had the optimizer's settings among a model's own, and among those of its parts."""
    arguments = checkpoint.get("hyper_parameters")
    if not isinstance(arguments, dict):
        return checkpoint
    parts = {
        name: value | {"arguments": nest_optimizer(value["arguments"])}
        for name, value in arguments.items()
        if isinstance(value, dict) and isinstance(value.get("arguments"), dict)
    }
    return checkpoint | {"hyper_parameters": nest_optimizer(arguments | parts)}


def nest_optimizer(arguments: dict[str, Any]) -> dict[str, Any]:
    """Move a model's flat settings of its optimizer, if it has any, into a dict of their own."""
    settings = {name: arguments[name] for name in OPTIMIZER if name in arguments}
    others = {name: value for name, value in arguments.items() if name not in settings}
    return others | {"optimizer": settings} if settings else arguments


# By the version that it reads: the function that makes a checkpoint's contents those of the next.
UPGRADES: dict[int, Upgrade] = {
    1: _with_objective,
    2: _with_range_and_counts,
    3: _with_optimizer,
}
