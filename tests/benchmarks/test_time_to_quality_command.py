"""python -m benchmarks.time_to_quality: what it writes, how it goes on, and how it refuses."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from PIL import Image

from benchmarks.time_to_quality import __main__ as command
from benchmarks.time_to_quality import contestants
from tests.helpers.processes import start_python
from tests.helpers.runs import TINY, json_of


def in_warm_process(
    command: Sequence[str], cwd: Path, stdout: IO[str], **others: Any
) -> subprocess.CompletedProcess[str]:
    """Run a contestant without the seconds in which a new Python imports torch."""
    return start_python(command, cwd, [], stdout.fileno()).wait()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    """Do what the command does, in this process; the contestants have their own."""
    warm = SimpleNamespace(run=in_warm_process, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(contestants, "subprocess", warm)
    monkeypatch.setattr(command, "tune_process", lambda: None)
    monkeypatch.setattr(sys, "argv", ["time_to_quality", *map(str, arguments)])
    command.main()


def test_the_command_measures_goes_on_and_passes_over_what_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    settings = ("--seeds", "1", "--epochs", "1", "--output", output, "--data", *TINY)
    run(monkeypatch, "one=model=dense", *settings, "--levels", "1", "99")
    said = capsys.readouterr()
    assert "one, seed 0 ..." in said.err
    written = json_of(output / "results.json")
    assert written["command"].startswith("python -m benchmarks.time_to_quality one=model=dense ")
    (ended,) = written["runs"]
    assert (ended["contestant"], ended["seed"]) == ("one", 0)
    (point,) = ended["points"]
    assert point["step"] == 2
    cells = ["one", "1", f"{point['seconds']:.1f}", "– (0 of 1)"]
    row = f"| {' | '.join([*cells, format(point['psnr'], '.2f'), cells[2]])} |"
    assert row in (output / "table.md").read_text()
    assert Image.open(output / "curves.png").format == "PNG"

    # Another one has ended meanwhile, and nothing is left to do.
    written["runs"].append({"contestant": "two", "seed": 0, "points": [POINT]})
    written["contestants"]["two"] = []
    (output / "results.json").write_text(json.dumps(written))
    run(monkeypatch, "one=model=dense", "two=", *settings, "--levels", "1")
    assert "seed 0 ..." not in capsys.readouterr().err
    again = json_of(output / "results.json")
    assert again["runs"] == written["runs"]
    assert again["levels"] == [1]
    assert "| two | 1 | 5.0 | 21.00 | 5.0 |" in (output / "table.md").read_text()

    for arguments, reason in (
        (("one=model=vae", *settings), "has another contestant one, with the overrides ['model="),
        (("two=", *settings, "--steps", "3"), "has runs with another steps, None and not 3"),
    ):
        assert reason in refusal(monkeypatch, capsys, *arguments)
    assert json_of(output / "results.json") == again


POINT: dict[str, Any] = {"step": 2, "seconds": 5.0, "psnr": 21.0}


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> str:
    """Return the one line on stderr with which the command refuses."""
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m benchmarks.time_to_quality: ")
    return line


def test_mistakes_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.json").write_text('{"results": []}')
    new, data = ("--output", tmp_path / "new"), ("--data", *TINY)
    cases = [
        (("--seeds", "0"), "--seeds must be at least 1, got 0"),
        (("--epochs", "-1"), "--epochs must be at least 1"),
        (("--levels", "nan"), "--levels must be numbers, got nan"),
        (("txtbook",), "choose from default, speedrun, adamw, textbook, Keras, or give"),
        (("default", "default"), "another name than 'default'"),
        (("textbook=model=dense",), "another name than 'textbook'"),
        (("a=model=dens",), "a: "),
        (("a=model.channels=[0]",), "a: "),
        (("textbook", *data), "--data: textbook is for Fashion-MNIST alone"),
        (("a=", "--output", tmp_path), f"{tmp_path} has no runs of this benchmark"),
        (("a=", "--output", tmp_path / "other"), "results.json is not of this benchmark"),
    ]
    for arguments, reason in cases:
        given = arguments if "--output" in arguments else (*arguments, *new)
        assert reason in refusal(monkeypatch, capsys, *given)
    assert not (tmp_path / "new").exists()


def test_keras_is_left_out_with_a_line_where_it_is_absent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    absent = contestants.KNOWN["Keras"]._replace(python="/no/such/python")
    default = contestants.KNOWN["default"]
    assert contestants.without_absent([default, absent]) == [default]
    said = "Keras does not take part: `make keras` makes its environment\n"
    assert capsys.readouterr().err == said
