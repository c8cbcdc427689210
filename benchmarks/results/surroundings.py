"""With what a stage was made: the machine and the commit, noted when its jobs run."""

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from groundwork.files import REPOSITORY, write_whole
from groundwork.machine import cores

FILE = "made_with.json"
CODE = ("*.py", "conf", "constraints.txt")  # what may change results; tables and pages do not


def note(stage: Path) -> None:
    """Add this machine and this commit to those that a stage was made with."""
    found, now = noted(stage), machine() | {"cores": cores(), "commit": commit()}
    if now not in found:
        write_whole(stage / FILE, json.dumps([*found, now], indent=1) + "\n")


def noted(stage: Path) -> list[dict[str, Any]]:
    """Return what was noted for a stage."""
    file = stage / FILE
    content: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    return content


def commit() -> str:
    """Return the checkout's commit, and whether its code was changed since. "" without git."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{name} with changes" if changed else name


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()
