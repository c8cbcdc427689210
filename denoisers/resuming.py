"""Decides from which checkpoints training can go on exactly."""

import os
from typing import Any

import torch

from denoisers.checkpoint import Checkpoint, first_line, read_checkpoint, require_entries
from denoisers.optimizer import state_shapes
from denoisers.schedule import end_of

RESUME_ENTRIES = {
    "epoch": int,
    "global_step": int,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}


def read_resumable(path: str | os.PathLike[str], max_epochs: int | None) -> dict[str, Any]:
    """The "run" entry of a checkpoint from which training can go on exactly.

    The contents stay in memory until Lightning has read them.

    Args:
        path: The file.
        max_epochs: How many epochs the run shall have in all; None for a run that may have nothing
            left to do but its tests.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, was saved inside an epoch, or its run has `max_epochs`
            behind it, was stopped early, or has a schedule with another end.
    """
    checkpoint = read_checkpoint(path, keep=True)
    if checkpoint.has_weights_alone:
        raise ValueError(f"{path} cannot be resumed: it has the weights alone, give last.ckpt")
    try:
        _require_resumable(checkpoint)
    except Exception as error:
        raise ValueError(f"{path} cannot be resumed: {first_line(error)}") from error
    done = checkpoint.get("epoch") + 1
    if max_epochs is not None and 0 <= max_epochs <= done:
        raise ValueError(f"trainer.max_epochs={max_epochs}: {path} has {done} epochs behind it")
    end = end_of(checkpoint.get("lr_schedulers")[0])
    if max_epochs is not None and end not in (None, max_epochs):
        raise ValueError(
            f"trainer.max_epochs={max_epochs}: the learning rate of {path} falls to 0 after {end} "
            "epochs. To train longer, start a new run from its weights, by init=, or train with "
            "model.optimizer.schedule=constant"
        )
    if max_epochs is not None and any(map(_has_stopped, checkpoint.get("callbacks").values())):
        raise ValueError(f"{path}: early stopping has ended its run after {done} epochs")
    return checkpoint.run


def _has_stopped(state: Any) -> bool:
    """Whether a callback's state is that of Lightning's EarlyStopping once it has stopped."""
    if not isinstance(state, dict):
        return False
    waited, patience = state.get("wait_count"), state.get("patience")
    return isinstance(waited, int) and isinstance(patience, int) and 0 < waited >= patience


def _require_resumable(checkpoint: Checkpoint) -> None:
    """Raises an error of any kind for what training could not go on from."""
    contents = checkpoint.contents()
    require_entries(contents, RESUME_ENTRIES)
    loops = contents["loops"]
    needed = {"fit_loop": {"epoch_loop.batch_progress": {"is_last_batch": True}}}
    require_alike(loops, needed, "loops")
    if not loops["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"]:
        raise ValueError("it was saved inside an epoch, and only a finished one can be resumed")
    (state,), (schedule_state,) = contents["optimizer_states"], contents["lr_schedulers"]
    fresh = checkpoint.skeleton().configure_optimizers()
    require_alike(state, fresh["optimizer"].state_dict(), "optimizer_states")
    schedule = fresh["lr_scheduler"]["scheduler"]
    require_alike(schedule_state, schedule.state_dict(), "lr_schedulers")
    expected = state_shapes(fresh["optimizer"])
    for index, moments in state["state"].items():
        if {name: moment.shape for name, moment in moments.items()} != expected[index]:
            raise ValueError(f"its optimizer's state does not fit weight {index}")


def require_alike(found: Any, fresh: Any, name: str) -> None:
    """Check that a state which was saved has all parts of a fresh one, and of the same types.

    Where the fresh one has None, the other may have anything.

    Raises:
        ValueError: It does not. The message has the `name` of the part.
    """
    if isinstance(fresh, dict):
        if not isinstance(found, dict) or fresh.keys() - found.keys():
            raise ValueError(f"its {name} is incomplete")
        for key, part in fresh.items():
            require_alike(found[key], part, f"{name}.{key}")
    elif isinstance(fresh, int | float) and not isinstance(fresh, bool):
        if type(found) not in (int, float):
            raise ValueError(f"its {name} is not a number")
    elif fresh is not None and type(found) is not type(fresh):
        raise ValueError(f"its {name} is of the wrong type")
    elif isinstance(fresh, torch.Tensor) and found.shape != fresh.shape:
        raise ValueError(f"its {name} has another shape")
    elif isinstance(fresh, list | tuple) and fresh:
        if len(found) != len(fresh):
            raise ValueError(f"its {name} has another length")
        for parts in zip(found, fresh, strict=True):
            require_alike(*parts, name)
