"""A leaderboard's curves over noise levels, and its times of training."""

from pathlib import Path
from typing import Any

import pytest

from comparison import figures, report
from comparison.figures import pareto_front
from comparison.results import MODEL, NOISY
from reporting import figures as run_figures
from tests.helpers.comparison import LEVELS, noisy_psnr, write_run
from tests.helpers.leaderboard import COUNT, compared, reasons, write_pair


def test_curves_are_means_over_seeds_at_common_levels(tmp_path: Path) -> None:
    for seed, mean in enumerate((19.0, 20.0)):
        write_pair(tmp_path, f"d{seed}", "dense", mean, seed)
    file = tmp_path / "scores" / "d1" / "noise_curve.csv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("Gaussian,0.9,")))
    ((row,),) = (table.rows for table in compared(tmp_path).tables)
    found = figures.curve(row, MODEL)
    assert list(found) == LEVELS[:-1]
    assert found[0.5] == pytest.approx(noisy_psnr(COUNT, 0.5).mean() + 10 + 0.5)


def test_the_pareto_front_is_what_nothing_beats_in_time_and_quality() -> None:
    points = [(1.0, 10.0), (1.0, 12.0), (2.0, 11.0), (3.0, 15.0), (4.0, 15.0), (0.5, 9.0)]
    assert pareto_front(points) == [(0.5, 9.0), (1.0, 12.0), (3.0, 15.0)]
    assert pareto_front([]) == []


def test_the_methods_of_a_curve_are_named_as_they_are_written() -> None:
    assert (MODEL, NOISY) == (run_figures.MODEL, run_figures.NOISY)


TIMED = {"max_epochs": -1, "max_time": "00:00:05:00"}


@pytest.mark.parametrize(
    ("second", "cells", "said"),
    [
        ({"trainer": TIMED, "patience": None}, ["60 of 300", "60 of 300"], "At equal time, if on"),
        (
            {"trainer": TIMED | {"max_time": {"minutes": 5}}, "patience": None},
            ["60 of 300", "60 of 300"],
            "At equal time, if on",
        ),
        (
            {"trainer": TIMED | {"max_time": "00:00:10:00"}, "patience": None},
            ["60 of 300", "60 of 600"],
            "Not at equal time: trainer.max_time",
        ),
        (
            {"trainer": {"max_epochs": -1}, "patience": None},
            ["60 of 300", "60"],
            "Not at equal time: trainer.max_time",
        ),
        (
            {"trainer": TIMED},
            ["60 of 300", "60 of 300"],
            "max_steps could end before their time vae, early_stopping.patience=5.",
        ),
        (
            {"trainer": TIMED | {"max_epochs": 15}, "patience": None},
            ["60 of 300", "60 of 300"],
            "max_steps could end before their time vae, trainer.max_epochs=15.",
        ),
    ],
    ids=["same", "same otherwise written", "more", "no limit", "early stopping", "epochs"],
)
def test_a_table_says_who_had_which_time(
    second: dict[str, Any], cells: list[str], said: str, tmp_path: Path
) -> None:
    write_run(tmp_path / "d", "d", psnr=19.0, trainer=TIMED, patience=None)
    write_run(tmp_path / "v", "v", "vae", psnr=18.0, **second)
    report.write(compared(tmp_path), tmp_path)
    text = (tmp_path / "leaderboard.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    column = rows[0].index("training (s)")
    assert [row[column] for row in rows[2:]] == cells
    (note,) = (line for line in text.splitlines() if "equal time" in line)
    assert said in note


def test_without_limits_of_time_a_table_says_nothing_of_them(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0)
    report.write(compared(tmp_path), tmp_path)
    assert "equal time" not in (tmp_path / "leaderboard.md").read_text()


def test_a_limit_of_time_that_is_none_leaves_the_run_out(tmp_path: Path) -> None:
    for number, wrong in enumerate(("soon", "1:2", 5, {"fortnights": 1})):
        write_run(tmp_path / str(number), str(number), trainer={"max_time": wrong})
    found = compared(tmp_path)
    assert not found.tables
    assert all("run.json: trainer.max_time=" in reason for reason in reasons(found).values())
