"""Peak resident memory of a training run, on all of Fashion-MNIST and on very little data."""

import os
import subprocess
import sys
import tempfile
from typing import Any

from groundwork.files import REPOSITORY

ALL = {"train_size": 55_000, "val_size": 5_000, "test_size": 10_000}
# As many images as the projector shows and as an evaluation's batch has. They take memory for any
# size of the data.
LITTLE = {"train_size": 1_280, "val_size": 1_000, "test_size": 1_000}
PIXELS = 28 * 28


def measure(count: int) -> dict[str, Any]:
    """Measure the peaks of runs with all data and with little data, in megabytes.

    The sizes of the additional images are returned too: all of them as uint8, and the noisy ones of
    validation and test, which are drawn once and kept, as float32.
    """
    more = {split: size - LITTLE[split] for split, size in ALL.items()}
    held_out = more["val_size"] + more["test_size"]
    little = ["data=procedural", *(f"data.{name}={size}" for name, size in LITTLE.items())]
    peaks = [(_peak([]), _peak(little)) for _ in range(count)]
    return {
        "all": [peak for peak, _ in peaks],
        "little": [peak for _, peak in peaks],
        "images_as_uint8": sum(more.values()) * PIXELS / 1e6,
        "held_out_noisy_as_float32": held_out * PIXELS * 4 / 1e6,
    }


def _peak(data: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "train.py",
            *data,
            "trainer.max_epochs=2",
            "trainer.limit_train_batches=10",
            f"hydra.run.dir={folder}/run",
        ]
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            raise RuntimeError(f"{' '.join(command)} has failed")
        return usage.ru_maxrss * 1024 / 1e6
