"""A stage's numbers, read from the files of its runs and evaluations."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import surroundings
from benchmarks.results.layout import SEEDS, Root, jobs_of, read
from benchmarks.results.stages import Stage
from comparison.joining import join
from comparison.results import MODEL, Evaluation
from comparison.results import read as read_results
from groundwork.files import REPOSITORY
from groundwork.measures import MEASURES, NOISY
from reporting.statistics import mean_interval, paired_intervals

COMPARED = ("psnr", "ssim", "accuracy", "accuracy_restored")  # in which pairs are tested
Numbers = dict[str, float]


class Scored(NamedTuple):
    """A run, and its evaluation if it has one."""

    seed: int
    directory: Path
    evaluation: Evaluation | None


def collect(stage: Stage, root: Root) -> dict[str, Any]:
    """Return what is stored of a stage: "rows", "differences", "points" and "made".

    A row has the scores of each seed, their means and standard deviations, and "interval", the
    95 % bootstrap interval over images of the mean PSNR in dB. PSNR is in dB, accuracies are in
    [0, 1]. A difference has its mean, and intervals over images and over seeds.

    Raises:
        ValueError: The files of a run cannot be read, or it was tested with other images.
    """
    evaluations = _evaluations(stage, root)
    rows: dict[str, dict[str, Any]] = {}
    images: dict[str, NDArray[np.float64]] = {}
    for name, scored in _by_row(stage, root, evaluations):
        rows[name] = _row([_seed(one) for one in scored])
        psnr = [one.evaluation.psnr for one in scored if one.evaluation]
        if psnr:
            images[name] = np.mean(psnr, axis=0)
            rows[name]["interval"] = paired_intervals(images[name][:, None], seed=0)[:, 0].tolist()
        places = [(one.seed, one.evaluation.directory) for one in scored if one.evaluation]
        rows |= baseline_rows(places)
    differences = [
        {"of": one, "minus": other} | _difference(rows, images, one, other)
        for one, other in stage.pairs
    ]
    return {
        "stage": stage.name,
        "rows": rows,
        "differences": differences,
        "points": _points(stage, root),
        "made": _made(stage, root, rows),
    }


def _evaluations(stage: Stage, root: Root) -> dict[Path, Evaluation]:
    """Return the evaluations of a stage by the directories of their runs.

    They are joined as in `compare.py`, which sees to it that all have the same noisy images.
    """
    places = {
        REPOSITORY / root.runs(scoring.sweep, seed)[job]: REPOSITORY / place
        for scoring in stage.scorings
        for seed in root.seeds
        for job, place in root.scored(stage, scoring, seed).items()
    }
    found = read_results([*places, *places.values()])
    entries, left_out = join(found)
    reasons = {left.directory: left.reason for left in left_out}
    evaluated = {entry.run.directory: entry.evaluation for entry in entries if entry.evaluation}
    for run, place in places.items():
        if run not in evaluated:
            reason = reasons.get(place) or reasons.get(run) or "it was not scored"
            raise ValueError(f"{place}: {reason}")
    return evaluated


def _by_row(
    stage: Stage, root: Root, evaluations: dict[Path, Evaluation]
) -> Iterator[tuple[str, list[Scored]]]:
    """Yield the name of each row of a stage, with its runs."""
    sweeps = [f"{stage.name}/{sweep.name}" for sweep in stage.sweeps]
    only = {scoring.sweep: scoring.only for scoring in stage.scorings}
    for name in dict.fromkeys([*sweeps, *only]):
        for job in jobs_of(name):
            if only.get(name, "") in ("", job):
                places = [(seed, REPOSITORY / root.runs(name, seed)[job]) for seed in root.seeds]
                yield job, [Scored(seed, run, evaluations.get(run)) for seed, run in places]


def _seed(scored: Scored) -> dict[str, Any]:
    """Return what is stored of a run."""
    trained = read(scored.directory)
    assert trained is not None
    scores = trained["test"] | {name: float(trained[name]) for name in ("parameters", "epochs")}
    scores["seconds_per_epoch"] = trained["seconds"]["training"] / max(trained["epochs"], 1)
    scores["best_epoch"] = float(trained["best_epoch"])
    found = {
        "seed": scored.seed,
        "run_id": trained["run_id"],
        "started": trained["started"],
        "versions": trained["versions"],
        "images": trained["images"]["test"]["scored"],
        "seconds": trained["seconds"]["total"],
        "scores": scores,
    }
    if scored.evaluation:
        evaluated = read(scored.evaluation.directory)
        assert evaluated is not None
        count = evaluated["images"]["scored"]
        scores |= evaluated["test"]
        scores |= {f"{NOISY}{name}": value for name, value in evaluated["noisy_input"].items()}
        scores |= {f"accuracy_{name}": value for name, value in evaluated["accuracy"].items()}
        scores["ms_per_image"] = evaluated["timings"]["ms_per_image"]
        for point in scored.evaluation.curve:
            scores[f"{'' if point.method == MODEL else NOISY}psnr_at_{point.level:g}"] = point.psnr
        found["images"] = count
        found["seconds"] += evaluated["timings"]["seconds"]
        found["correct"] = {n: round(value * count) for n, value in evaluated["accuracy"].items()}
        found["tests"] = evaluated["task"]["tests"]
    return found


def _row(seeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add the means over seeds, and the standard deviations where there are several."""
    return {"seeds": seeds} | _moments([one["scores"] for one in seeds])


def _moments(scores: Sequence[Numbers]) -> dict[str, Numbers]:
    shared = [name for name in scores[0] if all(name in one for one in scores)]
    values = {name: [one[name] for one in scores] for name in shared}
    several = len(scores) > 1
    return {
        "mean": {name: fmean(found) for name, found in values.items()},
        "std": {name: stdev(found) for name, found in values.items()} if several else {},
    }


def baseline_rows(evaluations: Iterable[tuple[int, Path]]) -> dict[str, dict[str, Any]]:
    """Return a row for each classical method that was scored beside a model.

    Args:
        evaluations: The seed of the model, and the directory of its evaluation.
    """
    by_method: dict[str, list[dict[str, Any]]] = {}
    for number, directory in evaluations:
        evaluated = read(directory)
        assert evaluated is not None
        times = evaluated["timings"]["baselines_ms_per_image"]
        for method, found in evaluated["baselines"].items():
            scores = {n: value for n, value in found.items() if n in MEASURES}
            scores["ms_per_image"] = times[method]
            seed = {"seed": number, "images": found["images"], "scores": scores}
            by_method.setdefault(method, []).append(seed)
    return {method: _row(seeds) for method, seeds in by_method.items()}


def _difference(
    rows: dict[str, dict[str, Any]],
    images: dict[str, NDArray[np.float64]],
    one: str,
    other: str,
) -> dict[str, Any]:
    """Compare two rows, seed by seed and, where both were evaluated, image by image."""
    pairs = [*zip(rows[one]["seeds"], rows[other]["seeds"], strict=True)]
    found: dict[str, Any] = {}
    for name in COMPARED:
        if name in rows[one]["mean"] and name in rows[other]["mean"]:
            values = [a["scores"][name] - b["scores"][name] for a, b in pairs]
            over_seeds = [*mean_interval(values)] if len(values) > 1 else None
            found[name] = {"mean": fmean(values), "over_seeds": over_seeds}
    if one in images and other in images:
        between = (images[one] - images[other])[:, None]
        found["psnr"]["over_images"] = paired_intervals(between, seed=0)[:, 0].tolist()
    return found


def _made(stage: Stage, root: Root, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return how the stage was made: with what, when, by which command, in how many seconds."""
    runs = [seed for row in rows.values() for seed in row["seeds"] if "run_id" in seed]
    command = ["python -m benchmarks.results", stage.name]
    if len(root.seeds) != SEEDS:
        command += ["--seeds", str(len(root.seeds))]
    if root.overrides:
        command += ["--", *root.overrides]
    versions: dict[str, set[str]] = {}
    for run in runs:
        for package, version in run.pop("versions").items():
            versions.setdefault(package, set()).add(version)
    return {
        "seeds": [*root.seeds],
        "images": max(run["images"] for run in runs),
        "with": surroundings.noted(REPOSITORY / root.path / stage.name),
        "versions": {package: sorted(found) for package, found in versions.items()},
        "ended": max(run["started"] for run in runs)[:10],
        "seconds": sum(run["seconds"] for run in runs),
        "command": " ".join(command),
    }


def _points(stage: Stage, root: Root) -> Any:
    """Return what a stage's module has left beside its picture; None without a module."""
    if not stage.module:
        return None
    file = REPOSITORY / root.path / stage.name / stage.picture
    return json.loads(file.with_suffix(".json").read_text())
