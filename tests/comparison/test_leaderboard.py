"""The leaderboard: what is joined, grouped, ranked and left out, and how it is written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import compare
from comparison import figures, report
from comparison.results import MODEL
from reporting.statistics import paired_intervals
from tests.helpers.comparison import write_evaluation, write_run
from tests.helpers.leaderboard import compared, labels, scores, write_pair
from tests.helpers.runs import DENSE, VAE, score_in, trained


def test_seeds_are_one_row_with_their_mean_and_spread(tmp_path: Path) -> None:
    for seed, mean in enumerate((19.0, 19.3, 19.9)):
        write_pair(tmp_path, f"d{seed}", "dense", mean, seed)
    write_pair(tmp_path, "v", "vae", 18.0)
    (table,) = compared(tmp_path).tables
    assert table.noise == "Gaussian, std=0.5, clip=true"
    dense, vae = table.rows
    assert (dense.label, len(dense.entries)) == ("dense", 3)
    assert dense.psnr == pytest.approx(19.4)
    assert dense.psnr_std == pytest.approx(np.std([19.0, 19.3, 19.9], ddof=1))
    assert (vae.label, vae.psnr_std) == ("vae", None)


def test_the_difference_to_the_best_is_of_each_images_mean_over_seeds(tmp_path: Path) -> None:
    for seed in range(2):
        write_pair(tmp_path, f"d{seed}", "dense", 19.0, seed)
    write_pair(tmp_path, "v", "vae", 18.9, seed=2)
    write_pair(tmp_path, "c", "conv_transposed", 20.0, seed=3)
    (table,) = compared(tmp_path).tables
    best, *others = table.rows
    assert best.difference is None
    dense = (scores(19.0, 0) + scores(19.0, 1)) / 2
    expected = np.stack([dense, scores(18.9, 2)], axis=1) - scores(20.0, 3)[:, None]
    lows, highs = paired_intervals(expected, seed=0)
    for number, row in enumerate(others):
        assert row.difference is not None
        assert row.difference.mean == pytest.approx(expected[:, number].mean(), abs=1e-4)
        assert row.difference.low == pytest.approx(lows[number], abs=1e-3)
        assert row.difference.high == pytest.approx(highs[number], abs=1e-3)


@pytest.mark.parametrize(("second", "winner"), [(19.0, True), (19.99, False)])
def test_only_a_significant_best_is_bold(tmp_path: Path, second: float, winner: bool) -> None:
    write_pair(tmp_path, "c", "conv_transposed", 20.0)
    write_pair(tmp_path, "d", "dense", second, seed=1)
    write_pair(tmp_path, "v", "vae", 15.0, seed=2)
    assert compare.main([str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    markdown = (tmp_path / "out" / "leaderboard.md").read_text()
    assert ("**conv_transposed**" in markdown) == winner
    assert "**dense**" not in markdown
    assert ("not known to be worse than conv_transposed: dense." in markdown) != winner
    page = (tmp_path / "out" / "leaderboard.html").read_text()
    assert page.count("font-weight: bold") == winner


def test_averages_over_symmetries_have_a_row_of_their_own(tmp_path: Path) -> None:
    for run_id, model, mean in (("d", "dense", 19.0), ("v", "vae", 18.0)):
        write_pair(tmp_path, run_id, model, mean)
    for run_id, mean in (("d", 19.5), ("v", 18.5)):
        directory = tmp_path / "averaged" / run_id
        write_evaluation(directory, run_id, scores(mean), trained_levels=(0.5, 0.5))
        file = directory / "metrics.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"symmetries": 8}))
    shutil.rmtree(tmp_path / "scores" / "v")  # of this run, there is no other evaluation
    found = compared(tmp_path)
    (table,) = found.tables
    rows = {row.label: row.psnr for row in table.rows}
    expected = {"dense, symmetries=8": 19.5, "dense": 19.0, "vae, symmetries=8": 18.5}
    assert rows == pytest.approx(expected, abs=1e-4)
    assert figures.noise_transfer(table.rows, found.families) is None
    (tmp_path / "out").mkdir()
    report.write(found, tmp_path / "out")
    assert "dense, symmetries=8" in (tmp_path / "out" / "leaderboard.csv").read_text()


def test_each_test_noise_has_a_table_of_its_own(tmp_path: Path) -> None:
    for run_id, model, mean in (("d", "dense", 19.0), ("v", "vae", 18.0)):
        write_pair(tmp_path, run_id, model, mean)
        write_evaluation(tmp_path / f"low {run_id}", run_id, scores(40 - mean), std=0.1)
    found = compared(tmp_path)
    assert [table.noise for table in found.tables] == [
        "Gaussian, std=0.1, clip=true",
        "Gaussian, std=0.5, clip=true",
    ]
    assert labels(found) == [["vae", "dense"], ["dense", "vae"]]
    assert not found.left_out


def test_a_run_without_an_evaluation_has_the_scores_of_its_training(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_run(tmp_path / "v", "v", "vae", psnr=17.5)
    (table,) = compared(tmp_path).tables
    row = table.rows[1]
    assert (row.psnr, row.difference, row.evaluations) == (17.5, None, [])
    assert not table.has_winner
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    assert "| vae\N{NO-BREAK SPACE}† |" in (tmp_path / "out" / "leaderboard.md").read_text()


def test_a_run_alone_is_a_table_without_a_winner(tmp_path: Path) -> None:
    write_run(tmp_path / "v", "v", "vae")
    (table,) = compared(tmp_path).tables
    assert (len(table.rows), table.best, table.has_winner) == (1, None, False)


def test_real_runs_and_evaluations_are_compared(tmp_path: Path) -> None:
    for overrides, name in ((DENSE, "Dense"), (VAE, "VAE")):
        run = trained(*overrides)
        score_in(tmp_path / f"{name} scores", run.best, "levels=[0.3,0.5]")
        copy = tmp_path / name
        copy.mkdir()
        for file in ("run.json", "metrics.json", "history.csv"):
            (copy / file).write_bytes((run.directory / file).read_bytes())
    found = compared(tmp_path)
    assert not found.left_out
    (table,) = found.tables
    assert {row.label for row in table.rows} == {"dense", "vae"}
    for row in table.rows:
        assert row.evaluations
        assert row.evaluations[0].psnr.mean() == pytest.approx(row.psnr, abs=1e-4)
        assert [*figures.curve(row, MODEL)] == [0.3, 0.5]
        assert row.ms_per_image is not None
