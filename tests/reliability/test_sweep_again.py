"""The same sweep in the same directory passes over ended jobs and resumes the others."""

import shutil
from pathlib import Path

import pytest

from groundwork.run_directory import metric_of_finished
from tests.helpers.runs import (
    DENSE,
    TINY,
    Run,
    compose,
    contents,
    curves,
    json_of,
    read,
    run_command,
    same,
    start_command,
    train_in,
    trained,
    untimed,
)

DENSE_OF_FEW = (
    *("model=dense", "model.hidden=[16]", "model.latent_dim=4"),
    *("data.batch_size=16", "data.train_size=32", "data.val_size=16", "data.test_size=16"),
)
THREE_EPOCHS = (*TINY, *DENSE_OF_FEW, "trainer.max_epochs=3", "hydra.sweep.dir=sweep")


def files_of(run: Run) -> dict[str, bytes]:
    """Return the files of a job, without those that Hydra writes when a job begins."""
    ours = contents(run.directory)
    return {name: ours[name] for name in ours if not name.startswith((".hydra", "train.log"))}


def test_a_diverged_job_fails_alone_and_is_the_only_one_to_be_tried_again(tmp_path: Path) -> None:
    arguments = ("-m", *THREE_EPOCHS, "model.optimizer.lr=0.001,1e30,0.002")
    done = run_command("train.py", *arguments, directory=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.splitlines()[-1].startswith(
        "train.py: 1 of the sweep's jobs failed (1_model.optimizer.lr-1e+30): train/loss is"
    )
    first, diverged, third = (
        Run(tmp_path / "sweep" / f"{number}_model.optimizer.lr-{lr}", 0.0)
        for number, lr in enumerate(("0.001", "1e+30", "0.002"))
    )
    assert "Traceback" in (diverged.directory / "train.log").read_text()
    assert not (diverged.directory / "metrics.json").exists()
    assert not diverged.last.exists()
    alone = trained(*DENSE_OF_FEW, "trainer.max_epochs=3", "model.optimizer.lr=0.002")
    assert same(read(third.last)["state_dict"], read(alone.last)["state_dict"])
    assert untimed(third.history) == untimed(alone.history)

    before = files_of(first), files_of(third)
    again = run_command("train.py", *arguments, directory=tmp_path)
    assert again.returncode == 1
    assert "(1_model.optimizer.lr-1e+30)" in again.stderr
    assert again.stdout.count("has ended already: passed over") == 2
    assert (files_of(first), files_of(third)) == before
    assert (diverged.directory / "train.log").read_text().count("Traceback") >= 2


def test_a_finished_run_is_known_by_its_config_and_returns_its_metric(tmp_path: Path) -> None:
    run = trained(*DENSE)
    assert metric_of_finished(run.directory, compose("train", *TINY, *DENSE)) == run.returned
    assert metric_of_finished(run.directory, compose("train", *TINY, *DENSE, "seed=1")) is None
    assert metric_of_finished(tmp_path, compose("train", *TINY, *DENSE)) is None


@pytest.mark.parametrize(
    "epoch",
    [pytest.param(0, marks=pytest.mark.long), 1],
    ids=["before any checkpoint", "after one"],
)
def test_a_job_that_was_killed_goes_on_in_its_directory_to_the_same_end(
    epoch: int, tmp_path: Path
) -> None:
    node = f"{{_target_:tests.helpers.callbacks.Kill,epoch:{epoch},file:{tmp_path}/done}}"
    kill = f"trainer.callbacks=[{node}]"
    arguments = ("-m", *THREE_EPOCHS, "trainer.logger=true", "seed=3,4", kill)
    assert run_command("train.py", *arguments, directory=tmp_path).returncode == -9
    cut, other = (Run(tmp_path / "sweep" / f"{n}_seed-{n + 3}", 0.0) for n in (0, 1))
    assert cut.last.exists() == (epoch > 0)
    assert not other.directory.exists()
    run_id = json_of(cut.directory / "run.json")["run_id"]
    done = run_command("train.py", *arguments, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert cut.metrics["run_id"] == read(cut.last)["run"]["run_id"] == run_id
    whole = train_in(tmp_path / "whole", *THREE_EPOCHS[:-1], "trainer.logger=true", "seed=3")
    assert untimed(cut.history) == untimed(whole.history)
    assert curves(cut.directory) == curves(whole.directory)
    for entry in ("state_dict", "optimizer_states", "lr_schedulers", "loops"):
        assert same(read(cut.last)[entry], read(whole.last)[entry]), entry
    assert cut.metrics["test"] == whole.metrics["test"]
    left = {name for name in files_of(cut) if "tfevents" not in name}
    assert left == {name for name in files_of(whole) if "tfevents" not in name}
    assert other.metrics["epochs"] == 3


def test_a_run_that_was_killed_in_its_tests_only_tests(tmp_path: Path) -> None:
    whole = trained(*DENSE)
    stopping = ("early_stopping.patience=1", "early_stopping.min_delta=99")
    for name, settings, epochs in (("ended", (), 3), ("stopped early", stopping, 2)):
        run = trained(*DENSE, *settings)
        shutil.copytree(run.directory, tmp_path / name)
        run = Run(tmp_path / name, run.returned)
        (run.directory / "metrics.json").unlink()
        weights = run.last.read_bytes()
        again = train_in(tmp_path / name, *DENSE, *settings, go_on=True)
        assert run.last.read_bytes() == weights
        assert len(again.history) == epochs
        assert again.returned == run.returned
    assert curves(tmp_path / "ended") == curves(whole.directory)


def test_another_sweep_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    arguments = ("-m", *THREE_EPOCHS, "seed=3")
    assert run_command("train.py", *arguments, directory=tmp_path).returncode == 0
    job = Run(tmp_path / "sweep" / "0_seed-3", 0.0)
    before = files_of(job)
    done = run_command("train.py", *arguments, "model.optimizer.lr=0.5", directory=tmp_path)
    assert done.returncode == 1
    assert "already holds a run: give another hydra.run.dir (or hydra.sweep.dir)" in done.stderr
    assert files_of(job) == before


def test_of_two_runs_in_one_directory_one_is_refused(tmp_path: Path) -> None:
    arguments = (*THREE_EPOCHS[:-1], "hydra.run.dir=run")
    both = [start_command("train.py", *arguments, directory=tmp_path) for _ in range(2)]
    done = [run.wait() for run in both]
    assert sorted(run.returncode for run in done) == [0, 1]
    (line,) = "".join(run.stderr for run in done).splitlines()
    assert "already holds a run" in line or "is in use by another process" in line
    run = Run(tmp_path / "run", 0.0)
    assert len(run.history) == run.metrics["epochs"] == 3


def test_runs_that_start_together_have_directories_of_their_own(tmp_path: Path) -> None:
    quick = (*TINY, *DENSE_OF_FEW, "trainer.max_epochs=1")
    both = [start_command("train.py", *quick, directory=tmp_path) for _ in range(2)]
    for run in both:
        assert run.wait().stderr == ""
    assert len(list(tmp_path.glob("outputs/*/*/metrics.json"))) == 2
