"""Formats of checkpoints, and the functions that make an older one's contents those of the next."""

from collections.abc import Callable
from typing import Any

OPTIMIZER = ("lr", "lr_decay", "weight_decay")  # flat settings of a model before format 4
RESIDUAL_UNET = "denoisers.residual_unet.ResidualUNet"
CROPPED = ("datamodules.folder.Folder", "datamodules.dead_leaves.DeadLeaves")
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
FORMAT_VERSION = 6


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
    return _with_arguments(checkpoint, lambda _, arguments: nest_optimizer(arguments))


def _with_constants_as_settings(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Add the settings that format 4 had as constants, of the schedule, a model and the data."""
    run = checkpoint["run"]
    if isinstance(run.get("data"), dict):
        run = run | {"data": add_grey_share(run["data"])}
    return _with_arguments(
        checkpoint | {"run": run},
        lambda model, arguments: add_schedule(add_slope(model, arguments)),
    )


def _with_muon_as_a_setting(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Add Muon's learning rate, which format 5 had only where Muon was used."""
    return _with_arguments(checkpoint, lambda _, arguments: add_muon(arguments))


def _with_arguments(
    checkpoint: dict[str, Any], upgrade: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Upgrade the arguments of a model and of its parts, each with the dotted name of its class."""
    arguments = checkpoint.get("hyper_parameters")
    if not isinstance(arguments, dict):
        return checkpoint
    parts = {
        name: part | {"arguments": upgrade(str(part.get("name")), part["arguments"])}
        for name, part in arguments.items()
        if isinstance(part, dict) and isinstance(part.get("arguments"), dict)
    }
    upgraded = upgrade(str(checkpoint["run"].get("model")), arguments | parts)
    return checkpoint | {"hyper_parameters": upgraded}


def nest_optimizer(arguments: dict[str, Any]) -> dict[str, Any]:
    """Move flat settings of the optimizer, if there are any, into a dict "optimizer".

    Args:
        arguments: A model's arguments, or its node in a run's record.
    """
    settings = {name: arguments[name] for name in OPTIMIZER if name in arguments}
    others = {name: value for name, value in arguments.items() if name not in settings}
    return others | {"optimizer": settings} if settings else arguments


def add_grey_share(data: dict[str, Any]) -> dict[str, Any]:
    """Add `grey_share` to the settings of data that has it and was recorded before it had."""
    return {"grey_share": 0.0} | data if data.get("_target_") in CROPPED else data


def add_slope(model: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Add `slope` to the arguments of a model of this dotted name, if it has it."""
    return {"slope": 0.0} | arguments if model == RESIDUAL_UNET else arguments


def add_schedule(arguments: dict[str, Any]) -> dict[str, Any]:
    """Add the schedule to a model's optimizer, if there is one. It was exponential."""
    settings = arguments.get("optimizer")
    if not isinstance(settings, dict):
        return arguments
    schedule = {"schedule": "exponential", "warmup": 0.0}
    return arguments | {"optimizer": schedule | settings}


def add_muon(arguments: dict[str, Any]) -> dict[str, Any]:
    """Add Muon's learning rate to a model's optimizer, if there is one. None is no Muon."""
    settings = arguments.get("optimizer")
    if not isinstance(settings, dict):
        return arguments
    return arguments | {"optimizer": {"muon_lr": None} | settings}


# By the version that it reads: the function that makes a checkpoint's contents those of the next.
UPGRADES: dict[int, Upgrade] = {
    1: _with_objective,
    2: _with_range_and_counts,
    3: _with_optimizer,
    4: _with_constants_as_settings,
    5: _with_muon_as_a_setting,
}
