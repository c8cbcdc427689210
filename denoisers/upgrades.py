"""Formats of checkpoints, and how the contents of an older one become those of the newest."""

from collections.abc import Callable
from typing import Any

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
FORMAT_VERSION = 3


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


# By the version that it reads: the function that makes a checkpoint's contents those of the next.
UPGRADES: dict[int, Upgrade] = {1: _with_objective, 2: _with_range_and_counts}
