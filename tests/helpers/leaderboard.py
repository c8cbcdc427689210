"""Leaderboards of runs and evaluations that the tests write."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comparison.leaderboard import Comparison
from comparison.leaderboard import compare as compare_results
from comparison.results import read
from tests.helpers.comparison import write_evaluation, write_run

COUNT = 200


def scores(mean: float, seed: int = 0) -> NDArray[np.float64]:
    """Return each image's PSNR: what all models have in common, and a little of its own."""
    own = np.random.default_rng(seed + 1).normal(0, 0.3, COUNT)
    common = np.random.default_rng(0).normal(0, 2, COUNT)
    return mean + common - common.mean() + own - own.mean()


def compared(*directories: Path) -> Comparison:
    return compare_results(read(directories))


def labels(found: Comparison) -> list[list[str]]:
    return [[row.label for row in table.rows] for table in found.tables]


def reasons(found: Comparison) -> dict[str, str]:
    """By the name of the directory, why it was left out."""
    return {left.directory.name: left.reason for left in found.left_out}


def write_pair(
    top: Path, run_id: str, model: str, mean: float, seed: int = 0, std: float = 0.5
) -> None:
    """Write a run and its evaluation, at the noise 0.5."""
    write_run(top / "runs" / run_id, run_id, model, seed, std, mean)
    write_evaluation(
        top / "scores" / run_id, run_id, scores(mean, seed), trained=std, trained_levels=(std, std)
    )
