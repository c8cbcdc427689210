"""The columns of a leaderboard."""

import csv
import json
from pathlib import Path

from comparison import report
from tests.helpers.leaderboard import compared, write_pair


def test_a_metric_by_choice_is_compared_where_it_was_measured(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19)
    write_pair(tmp_path, "v", "vae", 18)
    report.write(compared(tmp_path), make(tmp_path / "without"))
    assert "gmsd" not in (tmp_path / "without" / "leaderboard.csv").read_text()
    file = tmp_path / "scores" / "v" / "metrics.json"
    found = json.loads(file.read_text())
    found["test"]["gmsd"] = 0.125
    file.write_text(json.dumps(found))
    report.write(compared(tmp_path), make(tmp_path / "with"))
    with (tmp_path / "with" / "leaderboard.csv").open() as lines:
        cells = {row["configuration"]: row["gmsd"] for row in csv.DictReader(lines)}
    assert cells == {"dense": "", "vae": "0.125"}
    text = (tmp_path / "with" / "leaderboard.md").read_text()
    header, _, dense, vae = (line for line in text.splitlines() if line.startswith("|"))
    column = header.split("|").index(" GMSD ")
    assert [row.split("|")[column].strip() for row in (dense, vae)] == ["", "0.1250"]


def test_the_width_of_intervals_is_a_mean_over_seeds_that_all_have_it(tmp_path: Path) -> None:
    for run_id, model, seed in (("d0", "dense", 0), ("d1", "dense", 1), ("v", "vae", 0)):
        write_pair(tmp_path, run_id, model, 19 if model == "dense" else 18, seed)
    report.write(compared(tmp_path), make(tmp_path / "without"))
    assert "width" not in (tmp_path / "without" / "leaderboard.csv").read_text()
    _add_width(tmp_path, "d0", 0.2)
    _add_width(tmp_path, "v", 0.3)
    assert _widths(tmp_path, "some") == {"dense": "", "vae": "0.3"}  # one seed of dense lacks it
    _add_width(tmp_path, "d1", 0.25)
    assert _widths(tmp_path, "all") == {"dense": "0.225", "vae": "0.3"}
    text = (tmp_path / "all" / "leaderboard.md").read_text()
    header, _, dense, vae = (line for line in text.splitlines() if line.startswith("|"))
    column = header.split("|").index(" width at 90 % ")
    cells = [row.split("|")[column].strip(" *") for row in (dense, vae)]
    assert cells == ["0.2250", "0.3000"]


def _add_width(top: Path, run_id: str, width: float) -> None:
    file = top / "scores" / run_id / "metrics.json"
    found = json.loads(file.read_text())
    found["intervals"] = {"level": 0.9, "width": width, "coverage": 0.9}
    file.write_text(json.dumps(found))


def _widths(top: Path, name: str) -> dict[str, str]:
    report.write(compared(top), make(top / name))
    with (top / name / "leaderboard.csv").open() as lines:
        return {row["configuration"]: row["width_at_0.9"] for row in csv.DictReader(lines)}


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory
