"""The pipeline of tutorials, benchmarks/textbook.py. A contestant of benchmarks.time_to_quality."""

from benchmarks import textbook  # first, since it sets what torch reads when it is imported
from benchmarks.time_to_quality.curve import Task
from benchmarks.time_to_quality.measuring import Measuring


def fit(task: Task) -> None:
    import pytorch_lightning as pl

    assert task.epochs is not None
    pl.seed_everything(task.seed, verbose=False)
    measuring = Measuring(task.images, task.result)
    textbook.fit(task.overrides, measuring, task.folder, task.epochs, task.steps)


if __name__ == "__main__":
    fit(Task.of_command_line())
