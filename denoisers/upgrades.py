"""Formats of checkpoints, and the functions that make an older one's contents those of the next."""

from collections.abc import Callable
from typing import Any

OPTIMIZER = ("lr", "lr_decay", "weight_decay")  # flat settings of a model before format 4
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
FORMAT_VERSION = 4


def _with_objective(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Add the objective. Runs of format 1 trained with the model's own loss."""
    objective = {"_target_": "denoisers.objectives.Supervised"}
    return checkpoint | {"run": checkpoint["run"] | {"objective": objective}}


def _with_range_and_counts(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Add the range of a folder's pictures and the counts of validated images.

    In format 2 the range was that of the pictures' type, and nothing was counted.
    """
    run, callbacks = checkpoint["run"], checkpoint.get("callbacks")
    data = run.get("data")
    if isinstance(data, dict) and data.get("_target_") == "datamodules.folder.Folder":
        run = run | {"data": {"range": "dtype"} | data}
    if isinstance(callbacks, dict) and isinstance(history := callbacks.get("History"), dict):
        counted: dict[str, Any] = {"History": {"validation_images": {}} | history}
        checkpoint = checkpoint | {"callbacks": callbacks | counted}
    return checkpoint | {"run": run}


def _with_optimizer(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Nest the optimizer's settings, which format 3 had among a model's own and its parts'."""
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
    """Move flat settings of the optimizer, if there are any, into a dict "optimizer".

    Args:
        arguments: A model's arguments, or its node in a run's record.
    """
    settings = {name: arguments[name] for name in OPTIMIZER if name in arguments}
    others = {name: value for name, value in arguments.items() if name not in settings}
    return others | {"optimizer": settings} if settings else arguments


# By the version that it reads: the function that makes a checkpoint's contents those of the next.
UPGRADES: dict[int, Upgrade] = {
    1: _with_objective,
    2: _with_range_and_counts,
    3: _with_optimizer,
}
