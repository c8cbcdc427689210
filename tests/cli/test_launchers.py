"""Sweeps whose jobs run in other processes keep the promises of a sweep in one process."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from tests.helpers import warm
from tests.helpers.processes import ENDLESS, Command
from tests.helpers.runs import (
    QUICK_SCORE,
    ROOT,
    TINY,
    Run,
    environment,
    json_of,
    read,
    run_command,
    same,
    score_in,
    train_in,
    trained,
)

CORES = len(os.sched_getaffinity(0))
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
SURROUNDINGS = "trainer.callbacks=[{_target_:tests.helpers.callbacks.Surroundings}]"
SWEEP = ("-m", *TINY, "model=dense", "trainer.max_epochs=2", "hydra.sweep.dir=sweep")


def needs(plugin: str, extra: str) -> pytest.MarkDecorator:
    missing = find_spec(f"hydra_plugins.{plugin}") is None
    return pytest.mark.skipif(missing, reason=f"needs pip install '.[{extra}]'")


needs_joblib = needs("hydra_joblib_launcher", "joblib")
needs_submitit = needs("hydra_submitit_launcher", "submitit")


class Hold(Callback):
    """Lets the jobs from the third one on get no further than one epoch until a file is there."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        number = int(Path(trainer.default_root_dir).name.partition("_")[0])
        while number >= 2 and trainer.current_epoch == 1 and not self.file.exists():
            time.sleep(0.1)


@needs_joblib
@pytest.mark.parametrize(
    ("number", "everywhere", "status"),
    [(signal.SIGINT, True, 130), pytest.param(signal.SIGTERM, False, 143, marks=pytest.mark.long)],
)
def test_joblib_jobs_share_the_cores_fail_alone_are_stopped_and_go_on(
    number: signal.Signals,
    everywhere: bool,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two jobs end, one of them diverged, before a signal comes. The same sweep does the rest.

    Ctrl-C reaches all processes of a terminal, `kill` only the one it names.
    """
    rates = ("0.001", "1e+30", "0.002", "0.003")
    jobs = [
        Run(tmp_path / "sweep" / f"{place}_model.optimizer.lr-{rate}", 0.0)
        for place, rate in enumerate(rates)
    ]
    good, diverged, *held = jobs
    go = tmp_path / "go"
    hold = f"{{_target_:tests.cli.test_launchers.Hold,file:{go}}}"
    callbacks = f"{SURROUNDINGS[:-1]},{hold}]"
    sweep = (*SWEEP, *JOBLIB, f"model.optimizer.lr={','.join(rates)}", callbacks)

    with monkeypatch.context() as undivided:
        undivided.setenv("OMP_NUM_THREADS", str(CORES))  # as a user who wants no division
        run = Command(tmp_path, "train.py", *sweep)
    run.wait_for(lambda: all(job.last.exists() for job in held))
    (os.killpg if everywhere else os.kill)(run.process, number)
    done = run.wait(60)
    assert done.returncode == status
    assert done.stderr.splitlines()[-1] == (
        f"train.py: stopped by {number.name}: the same command with hydra.sweep.dir=sweep goes on "
        "where this ended"
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert_ended(run)
    assert "Traceback" in (diverged.directory / "train.log").read_text()
    seen = [json_of(job.directory / "process.json") for job in (good, *held)]
    assert {one["process"] for one in seen}.isdisjoint({run.process})
    for one in seen:
        assert one["threads"] == CORES
        assert one["GOMP_SPINCOUNT"] == os.environ.get("GOMP_SPINCOUNT", "1000")
    for job, rate in zip(jobs, rates, strict=True):
        words = json_of(job.directory / "run.json")["command"]
        assert words.startswith(f"python {ROOT / 'train.py'} data=procedural ")
        assert f"model.optimizer.lr={rate}" in words
    same_as_alone(good, tmp_path / "alone", CORES)

    weights = good.last.read_bytes()
    go.touch()
    again = run_command("train.py", *sweep, directory=tmp_path)
    assert again.returncode == 1
    assert "Traceback" not in again.stderr + again.stdout
    reason = "train.py: 1 of the sweep's jobs failed (1_model.optimizer.lr-1e+30): train/loss is"
    assert again.stderr.splitlines()[-1].startswith(reason)
    assert again.stdout.count("has ended already: passed over") == 1
    assert good.last.read_bytes() == weights
    for job in held:
        assert json_of(job.directory / "process.json")["threads"] == max(1, CORES // 2)
        assert [row["epoch"] for row in job.history] == [1, 2]


def same_as_alone(run: Run, directory: Path, threads: int) -> None:
    """Assert that a job of SWEEP with the learning rate 0.001 is what it is without a sweep."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        alone = train_in(directory, *SWEEP[len(TINY) + 1 : -1], "model.optimizer.lr=0.001")
    finally:
        torch.set_num_threads(before)
    assert same(read(run.last)["state_dict"], read(alone.last)["state_dict"])
    assert run.metrics["test"] == alone.metrics["test"]


def assert_ended(run: Command) -> None:
    """Assert that none of a command's processes is left, after at most 20 seconds."""
    end = time.monotonic() + 20
    while processes_of(run.process):
        assert time.monotonic() < end, "a process has outlived the sweep"
        time.sleep(0.1)


def processes_of(group: int) -> list[int]:
    """Return the processes that run in a group, without zombies, for which nobody waits."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, leader = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(leader) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


@needs_joblib
@pytest.mark.long
def test_an_evaluation_sweeps_with_joblib_too(tmp_path: Path) -> None:
    """Workers know the options that the sweep's own process has made from the checkpoint."""
    checkpoint = trained("model=dense", "trainer.max_epochs=3", "trainer.logger=true").best
    arguments = (f"checkpoint={checkpoint}", *QUICK_SCORE, "noise.std=0.2")
    quiet = ("trainer.accelerator=cpu", "hydra.sweep.dir=sweep")
    done = run_command("eval.py", "-m", *arguments, *quiet, *JOBLIB, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    alone = score_in(tmp_path / "alone", checkpoint, "noise.std=0.2")
    scores = json_of(tmp_path / "sweep" / "0_" / "metrics.json")
    assert scores["test"] == pytest.approx(alone["test"], rel=1e-5)


@needs_submitit
def test_submitit_runs_a_sweep_in_processes_of_its_own(tmp_path: Path) -> None:
    launcher = ("hydra/launcher=submitit_local", "noise.std=0.5,-1", SURROUNDINGS)
    done = run_command("train.py", *SWEEP, *launcher, directory=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.splitlines()[-1] == (
        "train.py: 1 of the sweep's jobs failed (1_noise.std--1): noise.std must be in [0, 1,000], "
        "got -1"
    )
    good = Run(tmp_path / "sweep" / "0_noise.std-0.5", 0.0)
    assert good.metrics["epochs"] == 2
    seen = json_of(good.directory / "process.json")
    assert seen["threads"] == 1  # conf/extras.yaml's cpus_per_task
    assert seen["GOMP_SPINCOUNT"] == os.environ.get("GOMP_SPINCOUNT", "1000")
    words = json_of(good.directory / "run.json")["command"]
    assert words.startswith(f"python {ROOT / 'train.py'} data=procedural ")
    assert len(list((tmp_path / "sweep" / ".submitit").glob("*/*_result.pkl"))) == 2


@needs_submitit
def test_a_job_whose_time_is_over_is_queued_again_and_goes_on(tmp_path: Path) -> None:
    sweep = ("-m", *ENDLESS, "hydra/launcher=submitit_local", "hydra.sweep.dir=sweep", "seed=1")
    run = Command(tmp_path, "train.py", *sweep, SURROUNDINGS)
    job = Run(tmp_path / "sweep" / "0_", 0.0)
    run.wait_for(job.last.exists)
    first = json_of(job.directory / "process.json")["process"]
    os.kill(first, signal.SIGUSR2)  # as SLURM does
    run.wait_for(lambda: json_of(job.directory / "process.json")["process"] != first)
    epochs = len(job.history)
    assert read(job.last)["epoch"] >= epochs - 1
    run.wait_for(lambda: len(job.history) > epochs)
    assert [row["epoch"] for row in job.history[: epochs + 1]] == list(range(1, epochs + 2))
    status, errors = run.stop(signal.SIGINT)
    assert status == 130
    said = "train.py: stopped by SIGINT: the same command with hydra.sweep.dir=sweep goes on where"
    assert any(line.startswith(said) for line in errors)  # submitit's own processes say more
    assert_ended(run)


@needs_submitit
def test_slurm_is_asked_for_what_the_config_says(tmp_path: Path) -> None:
    """Programs stand in for SLURM's and keep the batch script, so that no cluster is needed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, lines in (("srun", ""), ("sbatch", f'cp "$1" {tmp_path}/script\nexit 1\n')):
        (programs / name).write_text(f"#!/bin/sh\n{lines}")
        (programs / name).chmod(0o755)
    wanted = ("hydra.launcher.partition=short", "hydra.launcher.timeout_min=90", "seed=1,2,3")
    arguments = [*SWEEP, "hydra/launcher=submitit_slurm", *wanted]
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = warm.Started(ROOT / "train.py", arguments, tmp_path, environment() | path).wait()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("train.py: ")
    assert "Traceback" not in done.stderr
    script = (tmp_path / "script").read_text()
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", script, re.MULTILINE))
    assert options["array"] == "0-2%3"
    assert options["time"] == "90"
    assert options["partition"] == "short"
    assert options["cpus-per-task"] == "2"
    assert options["mem"] == "4GB"
    assert options["signal"] == "USR2@120"
    assert str(tmp_path / "sweep" / ".submitit") in options["output"]


@needs_submitit
def test_the_launchers_settings_are_the_projects_unless_given(tmp_path: Path) -> None:
    arguments = ("hydra/launcher=submitit_slurm", "hydra.launcher.mem_gb=9", "--cfg", "hydra")
    done = run_command("train.py", *arguments, directory=tmp_path)
    launcher = OmegaConf.create(done.stdout).hydra.launcher
    extras: Any = OmegaConf.load(ROOT / "conf" / "extras.yaml")
    ours = extras["hydra/launcher"]["submitit_slurm"]
    assert {key: launcher[key] for key in ours} == {**ours, "mem_gb": 9}
    assert launcher["_target_"].endswith("SlurmLauncher")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["hydra/launcher=joblib"],
            "hydra/launcher=joblib needs an extra: pip install '.[joblib]'",
        ),
        (["experiment=search"], "hydra/sweeper=optuna needs an extra: pip install '.[optuna]'"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    arguments: Sequence[str], line: str, tmp_path: Path
) -> None:
    hidden = tmp_path / "path" / "hydra_plugins"  # a package hides a namespace's parts
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "-m", *arguments, "seed=1,2"],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(hidden.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == f"train.py: {line}\n"


@needs_joblib
@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("hydra.launcher.n_jobs=0", "n_jobs == 0 in Parallel has no meaning"),
        ("hydra.launcher.n_jobs=x", "hydra.launcher.n_jobs=x"),
        ("hydra.launcher.n_job=2", "hydra.launcher.n_job"),
    ],
)
def test_a_bad_setting_of_a_launcher_is_one_line(override: str, named: str, tmp_path: Path) -> None:
    done = run_command("train.py", *SWEEP, *JOBLIB, override, "seed=1,2", directory=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("train.py: ")
    assert named in line
