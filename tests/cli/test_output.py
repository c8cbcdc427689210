"""Output whose reader goes away, as `head` does, or for which the disk has no room."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.runs import DENSE, QUICK_SCORE, ROOT, TINY, environment, trained
from tests.helpers.warm import Started

COMMANDS = {"help": ("train.py", "--help"), "config": ("train.py", "--cfg", "job")}


def end(directory: Path, *command: str, to: str) -> subprocess.CompletedProcess[str]:
    script, *arguments = command
    text = subprocess.list2cmdline([sys.executable, str(ROOT / script), *arguments])
    return subprocess.run(
        ["bash", "-c", f"{text} {to}; exit ${{PIPESTATUS[0]}}"],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_goes_away_ends_a_command_quietly(name: str, tmp_path: Path) -> None:
    done = end(tmp_path, *COMMANDS[name], to="| true")
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.parametrize("script", ["train.py", "eval.py"])
def test_a_run_without_a_reader_ends_quietly(script: str, tmp_path: Path) -> None:
    arguments = {
        "train.py": [*TINY, "model=dense", "trainer.max_epochs=1"],
        "eval.py": [f"checkpoint={trained(*DENSE).best}", "trainer.accelerator=cpu", *QUICK_SCORE],
    }[script]
    reader, writer = os.pipe()
    os.close(reader)
    run = Started(ROOT / script, arguments, tmp_path, environment(), output=writer)
    os.close(writer)
    done = run.wait()
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("name", ["help", "config"])
def test_output_without_room_is_one_line(name: str, tmp_path: Path) -> None:
    done = end(tmp_path, *COMMANDS[name], to="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr
