"""Peak resident memory of a training run, on all of Fashion-MNIST and on next to no data."""

import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.turns import REPOSITORY

IMAGES = 70_000  # of Fashion-MNIST, training, validation and test
HELD_OUT = 5_000 + 10_000  # whose noise is drawn once and kept, as float32
PIXELS = 28 * 28
FEW = ("data=procedural", "data.train_size=1280", "data.val_size=128", "data.test_size=128")


def measure() -> dict[str, Any]:
    """Megabytes: the peak of a run with all the data, with little, and what the data itself is."""
    return {
        "all": _peak(()),
        "little": _peak(FEW),
        "images_as_uint8": IMAGES * PIXELS / 1e6,
        "held_out_noisy_as_float32": HELD_OUT * PIXELS * 4 / 1e6,
    }


def _peak(data: tuple[str, ...]) -> float:
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
