"""The optimizer of a model, and how its learning rate changes over the epochs."""

from collections.abc import Iterable
from typing import Annotated, Any, TypedDict

import torch
from pydantic import Field
from torch import nn

from denoisers.muon import Muon
from denoisers.schedule import Length, ScheduleName, scheduler


class OptimizerSettings(TypedDict):
    """Settings of AdamW (Loshchilov and Hutter 2019), and of Muon for the inner layers.

    At run time they are a plain dict, so that a checkpoint can hold them.

    Attributes:
        lr: The highest learning rate.
        schedule: How the learning rate falls: by the factor `lr_decay` after each epoch
            (exponential), to 0 at the end of the run (linear or cosine), or not at all (constant).
            A run whose schedule has an end cannot be extended. One that is exponential or constant
            can, and then equals one that was longer from the start.
        lr_decay: Of the schedule "exponential".
        warmup: Epochs, or parts of one, in which the learning rate rises from 0.
        weight_decay: With 0 it is Adam.
        muon_lr: The highest learning rate of Muon, which trains the weights of all layers between
            the first and the last. The schedule is that of `lr`. None leaves them to AdamW.
    """

    lr: Annotated[float, Field(gt=0)]
    schedule: ScheduleName
    lr_decay: Annotated[float, Field(gt=0, le=1)]
    warmup: Annotated[float, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    muon_lr: Annotated[float, Field(gt=0)] | None


def optimizer_and_schedule(
    settings: OptimizerSettings, parameters: Iterable[nn.Parameter], fused: bool, length: Length
) -> dict[str, Any]:
    """Return what Lightning's `configure_optimizers` does: "optimizer" and "lr_scheduler"."""
    lr, weight_decay = settings["lr"], settings["weight_decay"]
    optimizer: torch.optim.Optimizer
    if (muon_lr := settings["muon_lr"]) is not None:
        inner, others = _inner(parameters)
        optimizer = Muon(inner, others, muon_lr, lr, weight_decay)
    else:
        optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=fused)
    made = scheduler(
        optimizer, settings["schedule"], settings["lr_decay"], settings["warmup"], length
    )
    return {"optimizer": optimizer, "lr_scheduler": made}


def state_shapes(optimizer: torch.optim.Optimizer) -> list[dict[str, tuple[int, ...]]]:
    """Return the shapes of what an optimizer keeps of each parameter, in the order of its state."""
    return [
        {"momentum_buffer": parameter.shape}
        if group.get("orthogonal")
        else {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]


def _inner(parameters: Iterable[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the weights of all layers between the first and the last, and the other parameters."""
    every = list(parameters)
    inner = [parameter for parameter in every if parameter.ndim > 1][1:-1]
    chosen = set(map(id, inner))
    return inner, [parameter for parameter in every if id(parameter) not in chosen]
