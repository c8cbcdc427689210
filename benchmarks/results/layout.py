"""Where results are made, and which jobs have ended there.

A run is in ROOT/STAGE/SWEEP/seed_N/JOB, and its evaluation in ROOT/STAGE/scores/SWEEP/seed_N/JOB.
Each seed is a sweep of its own, so that more seeds change nothing about those that have ended.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from benchmarks.results.stages import STAGES, Scoring, Stage, Sweep
from groundwork.files import REPOSITORY
from groundwork.run_directory import BEST, CHECKPOINTS, METRICS

SEEDS = 5  # that a row has unless others are asked for
SCORES = "scores"  # the folder of a stage's evaluations
NAMED = re.compile(r"\{(\w+/\w+)\}")  # a sweep whose checkpoint stands in an override


class Job(NamedTuple):
    """A run or an evaluation that a stage makes.

    Attributes:
        kind: Equal for jobs that differ in nothing but their seeds.
        seed: The seed.
        seconds: How long it took. None if it has not ended.
    """

    kind: str
    seed: int
    seconds: float | None


class Root:
    """A folder in which results are made.

    Args:
        path: The folder.
        seeds: How many seeds each row has: 0, 1, …
        overrides: Further overrides of every training.
    """

    def __init__(self, path: Path, seeds: int, overrides: Sequence[str] = ()) -> None:
        path = path.absolute()
        inside = path.is_relative_to(REPOSITORY)
        self.path = path.relative_to(REPOSITORY) if inside else path
        self.seeds = range(seeds)
        self.overrides = [*overrides]

    def folder(self, sweep: str, seed: int) -> Path:
        """Return the directory of the sweep `stage/sweep` with a seed."""
        return self.path / sweep / f"seed_{seed}"

    def runs(self, sweep: str, seed: int) -> dict[str, Path]:
        """Return the directories of the runs that have ended, by the names of their jobs."""
        jobs, found = jobs_of(sweep), {}
        for file in sorted((REPOSITORY / self.folder(sweep, seed)).glob(f"*/{METRICS}")):
            chosen = _overrides(file.parent / ".hydra" / "overrides.yaml")
            for name, job in jobs.items():
                if job <= chosen:
                    found[name] = self.folder(sweep, seed) / file.parent.name
        return {name: found[name] for name in jobs if name in found}

    def checkpoint(self, sweep: str, seed: int) -> Path:
        """Return the best checkpoint of a sweep with one job."""
        (directory,) = self.runs(sweep, seed).values()
        return directory / CHECKPOINTS / BEST

    def filled(self, overrides: Sequence[str], seed: int) -> list[str]:
        """Put checkpoints in place of the names of sweeps in overrides."""

        def checkpoint(found: re.Match[str]) -> str:
            return str(self.checkpoint(found[1], seed))

        return [NAMED.sub(checkpoint, override) for override in overrides]

    def scored(self, stage: Stage, scoring: Scoring, seed: int) -> dict[str, Path]:
        """Return where the runs of a sweep are scored, by the names of their jobs."""
        folder = self.path / stage.name / SCORES / scoring.sweep.split("/")[1] / f"seed_{seed}"
        return {
            name: folder / run.name
            for name, run in self.runs(scoring.sweep, seed).items()
            if scoring.only in ("", name)
        }

    def jobs(self, stage: Stage) -> Iterator[Job]:
        """Yield all jobs of a stage, whether they have ended or not."""
        for seed in self.seeds:
            for sweep in stage.sweeps:
                name = f"{stage.name}/{sweep.name}"
                runs = self.runs(name, seed)
                for job in jobs_of(name):
                    ended = read(runs[job]) if job in runs else None
                    seconds = ended["seconds"]["total"] if ended else None
                    yield Job(f"{name} {job}", seed, seconds)
            for scoring in stage.scorings:
                places = self.scored(stage, scoring, seed)
                for job in jobs_of(scoring.sweep):
                    if scoring.only in ("", job):
                        ended = read(places[job]) if job in places else None
                        kind = f"{stage.name}/{SCORES} {scoring.sweep} {job}"
                        yield Job(kind, seed, ended["timings"]["seconds"] if ended else None)


def read(directory: Path) -> dict[str, Any] | None:
    """Return metrics.json of a run or an evaluation, or None if it has not ended."""
    file = REPOSITORY / directory / METRICS
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text())
    return content


@cache
def jobs_of(name: str) -> dict[str, frozenset[str]]:
    """Return the overrides in which the jobs of a sweep `stage/sweep` differ, by their names."""
    stage, _, last = name.partition("/")
    (sweep,) = (sweep for sweep in STAGES[stage].sweeps if sweep.name == last)
    # The names of other sweeps are no words of Hydra's grammar while they stand in braces.
    words = [NAMED.sub(r"\1", word) for word in (*_of_experiment(sweep), *sweep.overrides)]
    choices = []
    for override in OverridesParser.create().parse_overrides(words):
        if override.is_sweep_override():
            values = [*override.sweep_string_iterator()]
            choices.append([(override.get_key_element(), value) for value in values])
    found = {}
    for chosen in itertools.product(*choices):
        job = " ".join(value for _, value in chosen) or sweep.name
        found[job] = frozenset(f"{key}={value}" for key, value in chosen)
    return found


def _of_experiment(sweep: Sweep) -> list[str]:
    """Return what the sweep's experiment sweeps over."""
    for override in sweep.overrides:
        key, _, experiment = override.partition("=")
        if key == "experiment":
            config = OmegaConf.load(REPOSITORY / "conf" / "experiment" / f"{experiment}.yaml")
            params = OmegaConf.select(config, "hydra.sweeper.params") or {}
            return [f"{key}={values}" for key, values in params.items()]
    return []


@cache
def _overrides(file: Path) -> frozenset[str]:
    return frozenset(map(str, OmegaConf.load(file)))
