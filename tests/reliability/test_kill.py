"""kill -9 at random moments: checkpoints on the disk load, and the run resumes to the same end."""

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from denoisers.checkpoint import read_checkpoint
from tests.helpers.processes import call_in_process
from tests.helpers.runs import Run, curves, read, same, train_in, untimed
from tests.helpers.warm import Started


def run_of(epochs: int) -> tuple[str, ...]:
    length = (f"trainer.max_epochs={epochs}", "early_stopping.patience=null")
    small = ("model.hidden=[16]", "model.latent_dim=4", "data.val_size=16", "data.test_size=16")
    return ("model=dense", "trainer.logger=true", *small, *length)


def train_on(directory: str, epochs: str, begun: str) -> None:
    Path(begun).touch()  # all is imported
    train_in(Path(directory), *run_of(int(epochs)), go_on=True)


def finished_epoch(run: Run) -> int:
    """Return the newest finished epoch, from 0, or -1 for none. Every checkpoint has to load."""
    checkpoints = {file: read_checkpoint(file) for file in (run.best, run.last) if file.exists()}
    return checkpoints[run.last].get("epoch") if run.last in checkpoints else -1


def written(file: Path) -> int:
    """Return when a file was written, or 0 where there is none."""
    return file.stat().st_mtime_ns if file.exists() else 0


def is_newer(file: Path, than: int) -> bool:
    return written(file) > than


def wait(process: Started, happened: Callable[[], bool]) -> None:
    while not happened() and process.is_running(0.01):
        pass


def test_a_run_survives_kills_at_random_moments(tmp_path: Path, long: bool) -> None:
    kills, epochs, longest = (100, 25, 3.0) if long else (6, 12, 1.2)  # longest: in seconds
    moments = random.Random(0)
    whole = train_in(tmp_path / "whole", *run_of(epochs))
    usual = len(list(whole.directory.rglob("*")))
    survived = runs = mid_run = 0
    while survived < kills:
        run = Run(tmp_path / f"run {runs}", 0.0)
        epoch, ended = -1, False
        while not ended:
            begun = tmp_path / f"{runs} {survived} begun"
            process = call_in_process(train_on, run.directory, epochs, begun)
            left = 100.0
            if survived < kills and survived % 2:  # soon after a checkpoint, on any machine
                since = written(run.last)
                wait(process, partial(is_newer, run.last, since))
                left = moments.uniform(0, 0.3)
            elif survived < kills:
                wait(process, begun.exists)
                left = moments.uniform(0.1, longest)
            if process.is_running(left):
                with suppress(ProcessLookupError):  # it may have ended just now
                    os.kill(process.process, signal.SIGKILL)
            done = process.wait()
            ended = done.returncode == 0
            if not ended:
                assert done.returncode == -signal.SIGKILL, done.stderr
                survived += 1
                mid_run += epoch >= 0
            before, epoch = epoch, finished_epoch(run)
            assert epoch >= before
            assert len(list(run.directory.rglob("*"))) <= usual + 4, "strays pile up"
        assert untimed(run.history) == untimed(whole.history)
        assert curves(run.directory) == curves(whole.directory)
        for entry in ("epoch", "global_step", "state_dict", "optimizer_states"):
            assert same(read(run.last)[entry], read(whole.last)[entry]), entry
            assert same(read(run.best)[entry], read(whole.best)[entry]), entry
        assert run.metrics["test"] == whole.metrics["test"]
        runs += 1
    print(f"{survived} kills survived, {mid_run} of them after a checkpoint, in {runs} runs")
