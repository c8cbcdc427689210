"""Leaderboards of a handful of images: no winner by chance."""

import csv
from pathlib import Path

import numpy as np
import pytest

import compare
from tests.helpers.comparison import write_evaluation, write_run
from tests.helpers.odd_images import assert_no_nan

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("error:constrained_layout not applied:UserWarning"),
    pytest.mark.filterwarnings("error:std.*degrees of freedom:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*the posterior has collapsed"),
]


def board(directory: Path, psnr: dict[str, list[float]]) -> tuple[str, list[dict[str, str]]]:
    """Return a leaderboard of runs, with the PSNR of each image, as text and as rows of its CSV."""
    for run, values in psnr.items():
        model = run.split("_")[0]
        seed = int(run.split("_")[1])
        write_run(directory / run, run, model, seed=seed, psnr=float(np.mean(values)))
        write_evaluation(directory / f"{run}_scores", run, np.array(values))
    output = directory / "board"
    assert compare.main([str(directory), "--output", str(output)]) == 0
    assert_no_nan(output)
    with (output / "leaderboard.csv").open() as file:
        return (output / "leaderboard.md").read_text(), list(csv.DictReader(file))


@pytest.mark.parametrize("count", [1, 5])
def test_of_too_few_images_no_model_is_the_best(count: int, tmp_path: Path) -> None:
    text, rows = board(tmp_path, {"dense_0": [20.0] * count, "vae_0": [18.0] * count})
    assert [row["configuration"] for row in rows] == ["dense", "vae"]
    assert [row["psnr"] for row in rows] == ["20.0", "18.0"]
    for row in rows:  # one seed has no spread, and so few images have no interval
        assert not row["psnr_std_over_seeds"]
        assert not row["difference"]
        assert not row["difference_low"]
    assert "**" not in text
    assert "Fewer than 6 images" in text
    assert "None is in bold" in text


def test_six_images_that_all_agree_are_enough(tmp_path: Path) -> None:
    text, rows = board(tmp_path, {"dense_0": [20.0] * 6, "vae_0": [18.0] * 6, "vae_1": [18.0] * 6})
    assert "**dense**" in text
    assert float(rows[1]["difference_high"]) == pytest.approx(-2)
    assert float(rows[1]["psnr_std_over_seeds"]) == 0


def test_perfect_models_are_level(tmp_path: Path) -> None:
    text, rows = board(tmp_path, {"dense_0": [100.0] * 20, "vae_0": [100.0] * 20})
    assert float(rows[1]["difference"]) == 0
    assert "**" not in text
    assert "Fewer than" not in text
