"""A run's surroundings: its process, its random id, and the versions that it ran with."""

import datetime
import importlib.metadata
import logging
import platform
import shlex
import sys
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning.utilities.seed import isolate_rng

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "torchmetrics", "hydra-core")


@contextmanager
def isolated() -> Iterator[None]:
    """Restore the process's global settings after the block.

    A sweep runs its jobs one after another in one process.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()
    benchmark = torch.backends.cudnn.benchmark
    try:
        with isolate_rng(), warnings.catch_warnings():
            _quieten_lightning()
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = benchmark


def _quieten_lightning() -> None:
    """Silence advertisements, lists of absent accelerators, and advice that does not apply."""
    for package in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers",  # images in memory need none
        ".*smaller than the logging interval",  # an epoch's metrics are logged in any case
        ".*treespec, LeafSpec.* is deprecated",  # Lightning's own code calls it
        ".*checkpoints exists and is not empty",  # a resumed run continues in its directory
        ".*sync_dist=True",  # logged values are those of all processes already
        "(?s).*Grad strides do not match bucket view",  # DDP says so of weights with one channel
    ):
        warnings.filterwarnings("ignore", message)


def new_run_id() -> str:
    return uuid.uuid4().hex[:12]


def environment() -> dict[str, Any]:
    """Return the command, the time, and the versions that a reader needs to repeat a run."""
    return {
        "command": shlex.join(["python", *sys.argv]),
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
    }
