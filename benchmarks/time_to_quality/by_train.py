"""train.py with all that it does by default. A contestant of benchmarks.time_to_quality."""

from pathlib import Path

from benchmarks.time_to_quality.curve import Task
from groundwork.machine import tune_process


def fit(task: Task) -> None:
    from cli.composing import compose
    from train import train

    overrides = [*task.overrides, f"seed={task.seed}"]
    if task.epochs is not None:
        overrides.append(f"trainer.max_epochs={task.epochs}")
    if task.steps is not None:
        overrides.append(f"trainer.limit_train_batches={task.steps}")
    cfg = compose("train", overrides)
    measuring = {
        "_target_": "benchmarks.time_to_quality.measuring.Measuring",
        "images": task.images,
        "result": task.result,
    }
    cfg.trainer.callbacks = [measuring, *(cfg.trainer.callbacks or ())]
    train(cfg, Path(task.folder))


if __name__ == "__main__":
    tune_process()  # before torch is imported
    fit(Task.of_command_line())
