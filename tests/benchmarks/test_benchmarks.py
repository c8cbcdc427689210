"""Benchmarks: contenders do the same work, take turns, and are reported as measured."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from benchmarks import report, training, turns
from benchmarks.training import Network
from benchmarks.turns import Contender, rounds
from tests.helpers.processes import start_python
from tests.helpers.runs import ROOT
from tests.helpers.warm import Started

ECHO = """
from benchmarks.turns import Turn
turn = Turn()
while True:
    turn.begin()
    turn.end(steps={steps})
"""


def contender(name: str, code: str, folder: Path) -> Contender:
    return Contender(name, [sys.executable, "-c", code], folder / name)


def test_every_contender_has_a_turn_a_round_and_the_first_round_is_not_counted(
    tmp_path: Path,
) -> None:
    with (
        contender("one", ECHO.format(steps=1), tmp_path) as one,
        contender("two", ECHO.format(steps=2), tmp_path) as two,
    ):
        readings = rounds([one, two], 3)
    assert [turn["steps"] for turn in readings["one"]] == [1, 1, 1]
    assert [turn["steps"] for turn in readings["two"]] == [2, 2, 2]
    assert one.process.returncode == two.process.returncode == 0


def test_a_contender_that_fails_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with contender("broken", "raise SystemExit('no such luck')", tmp_path) as broken:  # noqa: SIM117
        with pytest.raises(RuntimeError, match=r"(?s)broken has ended.*no such luck"):
            rounds([broken], 1)


def in_warm_process(
    command: Sequence[str],
    cwd: Path,
    env: dict[str, str],
    pass_fds: Sequence[int],
    stdout: IO[str],
    **others: Any,
) -> Started:
    """Start a contender without the seconds in which a new Python imports torch."""
    channel = {turns.CHANNEL: env[turns.CHANNEL]}
    return start_python(command, cwd, pass_fds, stdout.fileno(), **channel)


@pytest.mark.usefixtures("fashion_mnist_root")
def test_the_contenders_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each contender in this environment does its steps, and the loop's loss falls."""
    warm = SimpleNamespace(Popen=in_warm_process, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(turns, "subprocess", warm)
    network = Network("dense", ["model=dense"], 20)
    readings = training.compete(network, 2)
    assert {*readings} >= {"train.py", "loop", "loop again", "textbook"}
    for taken in readings.values():
        assert [turn["steps"] for turn in taken] == [20, 20]
        assert all(turn["seconds"] > 0 for turn in taken)
    losses = [turn["loss"] for turn in readings["loop"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 60  # from about 130 before the first step
    for turn in readings["loop"]:
        assert 0.5 < sum(turn[part] for part in training.PARTS) / turn["seconds"] <= 1


RESULT: dict[str, Any] = {
    "ms_per_step": {
        "train.py": [10.0, 20.0, 10.0],
        "loop": [9.0, 18.0, 9.5],
        "textbook": [30.0, 30.0, 20.0],
        "Keras": [15.0, 15.0, 60.0],
    },
    "loop_parts_ms": {"forward": [3.0, 4.0, 5.0]},
}


def test_ratios_are_of_turns_of_one_round() -> None:
    assert training.times_as_fast(RESULT, "train.py", "textbook") == [3.0, 1.5, 2.0]
    # Keras counts by its fastest round.
    assert training.times_as_fast(RESULT, "train.py", "Keras") == [1.5, 0.75, 1.5]


def test_a_line_says_whether_its_target_is_met_by_the_median() -> None:
    found = {line.what: line for line in report.lines({"training": {"conv_transposed": RESULT}})}
    textbook = found["conv_transposed: train.py / textbook"]
    assert (textbook.median, textbook.target, textbook.met) == (2.0, ">= 1.6", True)
    loop = found["conv_transposed: train.py / loop"]
    assert (loop.median, loop.met) == (0.9, False)
    assert found["conv_transposed: train.py"].met is None
    assert report.Line("part", "what", [3.0], "s", "<= 3").met
    assert not report.Line("part", "what", [3.1], "s", "<= 3").met


@pytest.mark.parametrize("arguments", [["trainig"], ["--networks", "dens"], ["--rounds", "0"]])
def test_wrong_arguments_are_refused_before_anything_is_measured(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr.splitlines()[-1]
