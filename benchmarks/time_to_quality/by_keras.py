"""`conv_transposed` in Keras by `model.fit`. A contestant of benchmarks.time_to_quality.

The optimizer is Keras' Adam as it comes. The noisy images are made once, before the clock starts,
as notebooks do. It runs in the environment that `make keras` makes.
"""

from importlib.metadata import version
from typing import Any

import keras
import numpy as np

from benchmarks import keras_fit
from benchmarks.time_to_quality.curve import Curve, Task

CHANNELS = [32, 64, 128]  # those of conf/model/conv_transposed.yaml
ALL = 60_000  # training images


class Measuring(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures after each epoch."""

    def __init__(self, curve: Curve) -> None:
        super().__init__()
        self.curve = curve

    def on_train_begin(self, logs: Any = None) -> None:
        self.curve.go_on()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.curve.pause()
        self.curve.measure(int(self.model.optimizer.iterations), self._restore)
        self.curve.go_on()

    def _restore(self, noisy: np.ndarray) -> np.ndarray:
        """Restore images N C H W. Keras has the channels at the end."""
        restored = self.model.predict(np.moveaxis(noisy, 1, -1), batch_size=512, verbose=0)
        return np.moveaxis(restored, -1, 1)


def fit(task: Task) -> None:
    keras.utils.set_random_seed(task.seed)
    model = keras_fit.conv_transposed(CHANNELS)
    count = ALL if task.steps is None else task.steps * keras_fit.BATCH
    clean, noisy = keras_fit.clean_and_noisy(count, task.seed)
    model.compile(keras.optimizers.Adam(), keras_fit.squared_error)
    versions = {name: version(name) for name in ("keras", "tensorflow")}
    measuring = Measuring(Curve(task.images, task.result, versions=versions))
    model.fit(noisy, clean, keras_fit.BATCH, epochs=task.epochs, callbacks=[measuring])


if __name__ == "__main__":
    fit(Task.of_command_line())
