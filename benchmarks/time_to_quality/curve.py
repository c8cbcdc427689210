"""What a contestant is told, its clock, and the curve that it writes.

This file needs the standard library and numpy alone, since Keras runs in another environment.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from groundwork.files import write_json


class Task(NamedTuple):
    """A run that a contestant does in a process of its own.

    Attributes:
        images: The test images, a file of numpy with "noisy" and "clean", float32 N C H W.
        result: The JSON file for the curve.
        folder: All else that the contestant writes goes there. It is deleted afterwards.
        seed: Of the first weights, the order and the noise.
        epochs: How many are trained. None for train.py is as many as its config says.
        steps: Steps of an epoch. None is all.
        overrides: Those of train.py.
    """

    images: str
    result: str
    folder: str
    seed: int
    epochs: int | None
    steps: int | None
    overrides: list[str]

    @classmethod
    def of_command_line(cls) -> "Task":
        return cls(**json.loads(sys.argv[1]))


def mean_psnr(restored: np.ndarray, clean: np.ndarray) -> float:
    """Return the PSNR of each image in dB, averaged over images, as `denoisers.metrics` defines it.

    Args:
        restored, clean: In [0, 1], images in the first dimension.
    """
    errors = np.square(restored - clean).reshape(len(clean), -1).mean(1)
    return float((-10 * np.log10(errors.astype(np.float64).clip(min=1e-10))).mean())


class Curve:
    """The PSNR of the test images over the seconds of training.

    The clock stands until `go_on` is called, and in between `pause` and `go_on`.

    Args:
        images, result: See `Task`.
        about: What else the result says, such as versions.
    """

    def __init__(self, images: str, result: str, **about: Any) -> None:
        with np.load(images) as content:
            self.noisy, self.clean = content["noisy"], content["clean"]
        self._result = Path(result)
        self._about = about
        self._points: list[dict[str, float]] = []
        self._seconds = 0.0
        self._start: float | None = None

    def go_on(self) -> None:
        self._start = time.perf_counter()

    def pause(self) -> None:
        if self._start is not None:
            self._seconds += time.perf_counter() - self._start
        self._start = None

    def measure(self, step: int, restore: Callable[[np.ndarray], np.ndarray]) -> None:
        """Add a point, and write the curve so far.

        Args:
            step: Steps of the optimizer so far.
            restore: Restores all noisy images.
        """
        assert self._start is None
        psnr = mean_psnr(restore(self.noisy), self.clean)
        self._points.append({"step": step, "seconds": self._seconds, "psnr": psnr})
        write_json(self._result, self._about | {"points": self._points})
