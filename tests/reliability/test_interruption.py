"""Ctrl-C and SIGTERM end a run with a clear line and a signal's exit status, and it resumes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.processes import ENDLESS, Command
from tests.helpers.runs import DENSE, ROOT, Run, read, resume_in, same, train_in, trained, untimed


@pytest.mark.parametrize(
    ("number", "status", "workers"),
    [
        (signal.SIGINT, 130, 0),
        pytest.param(signal.SIGINT, 130, 2, marks=pytest.mark.long),
        (signal.SIGTERM, 143, 2),
    ],
)
def test_a_run_that_is_stopped_says_how_to_go_on_and_does(
    number: signal.Signals, status: int, workers: int, tmp_path: Path
) -> None:
    loader = f"data.num_workers={workers}"
    run = Command(tmp_path, "train.py", *ENDLESS, loader, "hydra.run.dir=run")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    run.wait_for(last.exists)
    exit_status, errors = run.stop(number)
    assert exit_status == status
    assert errors == [
        f"train.py: stopped by {number.name}: go on with checkpoint=run/checkpoints/last.ckpt"
    ]
    stopped = Run(tmp_path / "run", 0.0)
    done = len(stopped.history)
    assert read(last)["epoch"] == done - 1
    resumed = resume_in(tmp_path / "resumed", last, f"trainer.max_epochs={done + 1}")
    assert untimed(resumed.history)[:done] == untimed(stopped.history)
    whole = train_in(tmp_path / "whole", *ENDLESS, f"trainer.max_epochs={done + 1}")
    assert untimed(resumed.history) == untimed(whole.history)
    assert same(read(resumed.last)["state_dict"], read(whole.last)["state_dict"])


@pytest.mark.parametrize("seconds", [pytest.param(0.3, marks=pytest.mark.long), 1.0])
def test_before_the_first_epoch_there_is_nothing_to_go_on_from(
    seconds: float, tmp_path: Path
) -> None:
    never = "trainer.callbacks=[{_target_:tests.helpers.callbacks.Wait}]"
    run = Command(tmp_path, "train.py", *ENDLESS, never, "hydra.run.dir=run")
    run.wait_for((tmp_path / "run" / ".hydra").exists)
    time.sleep(seconds)
    status, (line,) = run.stop(signal.SIGTERM)
    assert status == 143
    assert line == (
        "train.py: stopped by SIGTERM: no epoch was finished, so there is nothing to go on from"
    )


def test_an_evaluation_is_stopped_too(tmp_path: Path) -> None:
    arguments = (f"checkpoint={trained(*DENSE).best}", "trainer.accelerator=cpu", "baselines=fast")
    run = Command(tmp_path, "eval.py", *arguments, "hydra.run.dir=run")
    run.wait_for((tmp_path / "run" / ".hydra").exists)
    status, (line,) = run.stop(signal.SIGINT)
    assert status == 130
    assert line == "eval.py: stopped by SIGINT: run the same command again"
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_a_sweep_that_is_stopped_ends_and_goes_on_in_its_directory(tmp_path: Path) -> None:
    sweep = (*ENDLESS, "hydra.sweep.dir=sweep", "model.optimizer.lr=0.001,0.002", "-m")
    run = Command(tmp_path, "train.py", *sweep)
    first = tmp_path / "sweep" / "0_model.optimizer.lr-0.001"
    run.wait_for((first / "checkpoints" / "last.ckpt").exists)
    status, (line,) = run.stop(signal.SIGTERM)
    assert status == 143
    assert line == (
        "train.py: stopped by SIGTERM: the same command with hydra.sweep.dir=sweep goes on where "
        "this ended"
    )
    assert [folder.name for folder in (tmp_path / "sweep").iterdir() if folder.is_dir()] == [
        first.name
    ]
    before = len(Run(first, 0.0).history)
    again = Command(tmp_path, "train.py", *sweep)
    again.wait_for(lambda: len(Run(first, 0.0).history) > before)
    assert again.stop(signal.SIGINT)[0] == 130


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]);"
        "signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "from cli import signals; signals.await_signals(); os.kill(os.getpid(), signal.SIGINT);"
        "signals.stop_if_asked(); print('still here')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "still here\n"
