"""Output whose reader goes away, as `head` does, or for which the disk has no room."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.runs import DENSE, ROOT, TINY, environment, trained

COMMANDS = {
    "help": ("train.py", "--help"),
    "config": ("train.py", "--cfg", "job"),
    "train": ("train.py", *TINY, "model=dense", "trainer.max_epochs=1"),
}


def end(directory: Path, *command: str, to: str) -> subprocess.CompletedProcess[str]:
    script, *arguments = command
    line = [sys.executable, str(ROOT / script), *arguments]
    text = subprocess.list2cmdline(line).replace("{", "'{'")
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


def test_an_evaluation_without_a_reader_ends_quietly(tmp_path: Path) -> None:
    scored = ("eval.py", f"checkpoint={trained(*DENSE).best}", "baselines=none", "levels=[]")
    done = end(tmp_path, *scored, "trainer.accelerator=cpu", to="| true")
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("name", ["help", "config"])
def test_output_without_room_is_one_line(name: str, tmp_path: Path) -> None:
    done = end(tmp_path, *COMMANDS[name], to="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr
