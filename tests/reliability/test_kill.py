"""kill -9 at random moments: checkpoints on the disk load, and the run resumes to the same end."""

import multiprocessing
import random
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from denoisers.checkpoint import read_checkpoint
from tests.helpers.runs import Run, curves, read, same, train_in, untimed

EPOCHS = 25
RUN = (
    "model=dense",
    "trainer.logger=true",
    f"trainer.max_epochs={EPOCHS}",
    "early_stopping.patience=null",
)


def train_on(directory: Path) -> None:
    with redirect_stdout(StringIO()):
        train_in(directory, *RUN, go_on=True)


def finished_epoch(run: Run) -> int:
    """Return the newest finished epoch, from 0, or -1 for none. Every checkpoint has to load."""
    checkpoints = {file: read_checkpoint(file) for file in (run.best, run.last) if file.exists()}
    return checkpoints[run.last].get("epoch") if run.last in checkpoints else -1


def test_a_run_survives_kills_at_random_moments(tmp_path: Path, long: bool) -> None:
    kills = 100 if long else 6
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["tests.helpers.runs", "pytorch_lightning", "reporting.figures"]
    )
    moments = random.Random(0)
    whole = train_in(tmp_path / "whole", *RUN)
    usual = len(list(whole.directory.rglob("*")))
    survived = runs = mid_run = 0
    while survived < kills:
        run = Run(tmp_path / f"run {runs}", 0.0)
        epoch, ended = -1, False
        while not ended:
            process = processes.Process(target=train_on, args=(run.directory,))
            process.start()
            process.join(moments.uniform(0.1, 3.0) if survived < kills else 100)
            ended = process.exitcode is not None
            if ended:
                assert process.exitcode == 0
            else:
                process.kill()
                process.join()
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
