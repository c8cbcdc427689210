"""The columns of a leaderboard."""

import csv
import json
from pathlib import Path

from comparison import report
from tests.comparison.test_leaderboard import compared, write_pair


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


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory
