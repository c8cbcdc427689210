"""The optimizer of a model, and how its learning rate changes over the epochs."""

from collections.abc import Iterable
from typing import Annotated, Any, TypedDict

import torch
from pydantic import Field


class AdamW(TypedDict):
    """Settings of AdamW (Loshchilov and Hutter 2019).

    At run time they are a plain dict, so that a checkpoint can hold them.

    Attributes:
        lr: Learning rate in the first epoch.
        lr_decay: Factor on the learning rate after each epoch. It does not depend on the number of
            epochs, so that a run that is extended equals one that was longer from the start.
        weight_decay: With 0 it is Adam.
    """

    lr: Annotated[float, Field(gt=0)]
    lr_decay: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]


def learning_rate(settings: AdamW, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0."""
    return settings["lr"] * settings["lr_decay"] ** epoch


def optimizer_and_schedule(
    settings: AdamW, parameters: Iterable[torch.nn.Parameter], fused: bool
) -> dict[str, Any]:
    """Return what Lightning's `configure_optimizers` does: "optimizer" and "lr_scheduler"."""
    optimizer = torch.optim.AdamW(
        parameters, lr=settings["lr"], weight_decay=settings["weight_decay"], fused=fused
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, settings["lr_decay"])
    return {"optimizer": optimizer, "lr_scheduler": schedule}
