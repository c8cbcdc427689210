"""Runs a stage by the project's own commands, each of which passes over what has ended."""

import shlex
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import fmean

from benchmarks.results import surroundings
from benchmarks.results.layout import Job, Root, jobs_of, read
from benchmarks.results.stages import Scoring, Stage, Sweep
from cli.signals import caught, stop_if_asked
from groundwork.files import REPOSITORY
from groundwork.run_directory import RECORD, locked

LOG = "log.txt"  # what the commands of a folder say
PAUSE = 1.0  # seconds between two looks at a command


class CommandFailedError(Exception):
    """A command has failed. Its last line says why."""


def run(stage: Stage, root: Root, left: Callable[[], str]) -> None:
    """Train and score what a stage has not trained and scored yet.

    Args:
        stage: The stage. The stages that it needs have ended.
        root: Where the results are made.
        left: Says how much remains to be done.

    Raises:
        CommandFailedError: A command has failed.
        ValueError: A directory holds another evaluation, or another process uses it.
    """
    for seed in root.seeds:
        for sweep in stage.sweeps:
            _train(stage, sweep, root, seed, left)
        for scoring in stage.scorings:
            _score(stage, scoring, root, seed, left)
    if stage.module:
        sweeps = [f"{stage.name}/{sweep.name}" for sweep in stage.sweeps]
        folders = [str(root.folder(sweep, seed)) for sweep in sweeps for seed in root.seeds]
        output = ["--output", str(root.path / stage.name / stage.picture)]
        command = ["-m", stage.module, *folders, *output]
        _call(command, root.path / stage.name / LOG, lambda: None)


def _train(stage: Stage, sweep: Sweep, root: Root, seed: int, left: Callable[[], str]) -> None:
    """Run a sweep with one seed. Even if all has ended, train.py checks that it is this sweep."""
    name = f"{stage.name}/{sweep.name}"
    folder, ended = root.folder(name, seed), set(root.runs(name, seed))
    if len(ended) < len(jobs_of(name)):
        surroundings.note(REPOSITORY / root.path / stage.name)

    def tell() -> None:
        for job in root.runs(name, seed):
            if job not in ended:
                ended.add(job)
                say(f"{name} {job}, seed {seed}: trained", left())

    overrides = root.filled(sweep.overrides, seed)
    settings = [*overrides, f"seed={seed}", *root.overrides, f"hydra.sweep.dir={folder}"]
    _call(["train.py", "-m", *settings], folder / LOG, tell)
    if missing := jobs_of(name).keys() - root.runs(name, seed).keys():
        raise CommandFailedError(f"{folder} has no run of {', '.join(sorted(missing))}")


def _score(stage: Stage, scoring: Scoring, root: Root, seed: int, left: Callable[[], str]) -> None:
    """Score the runs of a sweep with one seed, apart from those that were scored before."""
    overrides = root.filled(scoring.overrides, seed)
    for job, directory in root.scored(stage, scoring, seed).items():
        run = root.runs(scoring.sweep, seed)[job]
        checkpoint = f"checkpoint={run / 'checkpoints' / 'best.ckpt'}"
        arguments = [checkpoint, *overrides, f"hydra.run.dir={directory}"]
        if _is_scored(directory, run, arguments):
            continue
        surroundings.note(REPOSITORY / root.path / stage.name)
        with locked(REPOSITORY / directory):  # an evaluation that was cut off begins again
            (REPOSITORY / directory / RECORD).unlink(missing_ok=True)
        _call(["eval.py", *arguments], directory / LOG, lambda: None)
        say(f"{stage.name}: {scoring.sweep} {job}, seed {seed}: scored", left())


def _is_scored(directory: Path, run: Path, arguments: list[str]) -> bool:
    """Say whether a directory has the scores of a run by a command of eval.py.

    Raises:
        ValueError: It has those of another run or command.
    """
    scores, trained = read(directory), read(run)
    if scores is None or trained is None:
        return False
    same_command = shlex.split(scores["command"])[2:] == arguments
    if scores["run_id"] != trained["run_id"] or not same_command:
        raise ValueError(f"{directory} holds another evaluation: delete it, or give another --root")
    return True


def _call(command: Sequence[str], log: Path, watch: Callable[[], None]) -> None:
    """Run Python with a command's words, and keep what it says in a file.

    Args:
        command: The words.
        log: The file, relative to the repository or absolute.
        watch: Is called every second while the command runs, and once after that.

    Raises:
        CommandFailedError: Its status is not 0.
    """
    file = REPOSITORY / log
    file.parent.mkdir(parents=True, exist_ok=True)
    status = status_of(command, file, watch)
    watch()
    if status:
        lines = file.read_text(errors="replace").splitlines() or [f"status {status}"]
        raise CommandFailedError(f"{lines[-1]} ({log} has all that was said)")


def status_of(command: Sequence[str], log: Path, watch: Callable[[], None]) -> int:
    """Run Python with a command's words, and return its exit status."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    return process.wait(PAUSE)
                except subprocess.TimeoutExpired:
                    stop_if_asked()
                    watch()
        except BaseException:
            caught()  # no more of it: the command ends its batch now, and can then be resumed
            process.terminate()
            process.wait()
            raise


def remaining(jobs: Sequence[Job]) -> str:
    """Say how many jobs have ended, and how long the others take.

    A job takes as long as those of its kind, which differ in the seed alone, have taken. Of a kind
    without a job that has ended nothing is known, so that the sum is a lower bound.
    """
    known: defaultdict[str, list[float]] = defaultdict(list)
    for job in jobs:
        if job.seconds is not None:
            known[job.kind].append(job.seconds)
    missing = [job for job in jobs if job.seconds is None]
    count = f"{len(jobs) - len(missing)} of {len(jobs)} jobs"
    if not missing:
        return count
    seconds = [fmean(known[job.kind]) for job in missing if job.kind in known]
    unknown = len(missing) - len(seconds)
    if not seconds:
        return f"{count}, no time is known yet"
    least = f"at least {duration(sum(seconds))} remain: {unknown} jobs have no time yet"
    return f"{count}, {least if unknown else f'{duration(sum(seconds))} remain'}"


def duration(seconds: float) -> str:
    """Write seconds as hours, minutes and seconds: 1:02:03."""
    return str(timedelta(seconds=round(seconds)))


_BEGAN = time.monotonic()


def say(what: str, left: str = "") -> None:
    """Print a line with the time that has passed, and with what remains."""
    rest = f" ({left})" if left else ""
    print(f"[{duration(time.monotonic() - _BEGAN)}] {what}{rest}", flush=True)
