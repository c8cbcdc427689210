"""Commands that run until a test stops them."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.helpers.runs import OPEN, ROOT, TINY, environment
from tests.helpers.warm import Started

CALL = Path(__file__).with_name("call.py")
ENDLESS = (*TINY, "model=dense", OPEN, "trainer.max_epochs=100000")


class Command(Started):
    """A command that is running, in a process group of its own as a terminal would have it."""

    def __init__(self, directory: Path, script: str, *arguments: str) -> None:
        super().__init__(ROOT / script, [*arguments], directory, environment())

    def wait_for(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + 100
        while not happened():
            assert self.is_running(), self.wait().stderr
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self, number: signal.Signals) -> tuple[int, list[str]]:
        """Send a signal, and return the exit status and the lines on stderr."""
        os.killpg(self.process, number)  # Ctrl-C reaches the loaders' workers too
        done = self.wait(60)
        return done.returncode, done.stderr.splitlines()


def call_in_process(
    function: Callable[..., None], *arguments: object, errors: int | None = None
) -> Started:
    """Call a function of a module in a process of its own, with its arguments as text."""
    words = [function.__module__, function.__name__, *map(str, arguments)]
    return Started(CALL, words, ROOT, environment(), errors=errors)


def start_python(
    command: Sequence[str], directory: Path, files: Sequence[int], output: int, **variables: str
) -> Started:
    """Do what `subprocess.Popen` does for `python FILE …` or `python -m MODULE …`.

    Args:
        command: The words. The first one, Python's path, does not matter.
        directory: Where it runs.
        files: File descriptors that it inherits.
        output: The file descriptor for stdout and stderr.
        variables: More environment variables.
    """
    _, name, *arguments = command
    if name == "-m":
        module, *arguments = arguments
        name = f"{module.replace('.', '/')}.py"
    surroundings = environment() | variables
    return Started(ROOT / name, arguments, directory, surroundings, output, output, files)
