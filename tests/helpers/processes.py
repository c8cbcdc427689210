"""Commands that run as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.helpers.runs import ROOT, TINY, environment

ENDLESS = (*TINY, "model=dense", "trainer.max_epochs=100000", "early_stopping.patience=null")


class Command:
    """A command that is running, in a process group of its own as a terminal would have it."""

    def __init__(self, directory: Path, script: str, *arguments: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / script), *arguments],
            cwd=directory,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + 100
        while not happened():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self, number: signal.Signals) -> tuple[int, list[str]]:
        """The exit status, and the lines on stderr."""
        os.killpg(self.process.pid, number)  # Ctrl-C reaches the loaders' workers too
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors.splitlines()
