"""Contenders that take turns. Each is a process that does a piece of its work when it is told to.

A machine's speed drifts by more than the differences to be measured. So a round gives every
contender one turn, and a ratio compares two turns of one round.

This file needs the standard library alone, since a contender may run in another environment.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from groundwork.files import REPOSITORY

CHANNEL = "BENCHMARK_CHANNEL"  # "read,write", the two ends of pipes that a contender inherits


class Turn:
    """The contender's side: it waits for its turn, works, and says how long that took."""

    def __init__(self) -> None:
        read, write = (int(end) for end in os.environ[CHANNEL].split(","))
        self._orders = os.fdopen(read)
        self._answers = os.fdopen(write, "w", buffering=1)
        self._start = 0.0

    def begin(self) -> None:
        """Wait for this contender's turn. If there are no more turns, the process ends."""
        print("ready", file=self._answers)
        if not self._orders.readline():
            os._exit(0)  # at once, since nothing at a contender's end is of interest
        self._start = time.perf_counter()

    def end(self, **reading: float) -> None:
        """End the turn.

        Args:
            reading: Measures of the turn, besides its seconds.
        """
        seconds = time.perf_counter() - self._start
        print(json.dumps({"seconds": seconds} | reading), file=self._answers)


class Contender:
    """A process that takes turns, seen from the outside.

    Args:
        name: The name in the readings.
        command: The command of the process, which is started in the repository.
        log: The file for its output.

    Raises:
        RuntimeError: From `wait` and `turn`: the process has ended too early.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=os.environ | {CHANNEL: f"{orders},{answers}"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(orders, answers),
            )
        os.close(orders)
        os.close(answers)
        self._reader = os.fdopen(self._answers)

    def wait(self) -> None:
        """Wait until it is ready for its first turn."""
        assert self._line() == "ready\n"

    def turn(self) -> dict[str, Any]:
        """Let it take a turn, and wait until it is ready for another, so that it rests after it."""
        os.write(self._orders, b"go\n")
        reading: dict[str, Any] = json.loads(self._line())
        self.wait()
        return reading

    def _line(self) -> str:
        line = self._reader.readline()
        if not line:
            tail = "".join(self.log.read_text().splitlines(keepends=True)[-20:])
            raise RuntimeError(f"{self.name} has ended too early:\n{tail}")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._orders)
        self._reader.close()
        self.process.wait()


def rounds(contenders: Sequence[Contender], count: int) -> dict[str, list[dict[str, Any]]]:
    """Return the readings of `count` rounds, by contender. A round before them does not count."""
    readings: dict[str, list[dict[str, Any]]] = {each.name: [] for each in contenders}
    for each in contenders:  # they start side by side
        each.wait()
    for number in range(count + 1):
        for each in contenders:
            reading = each.turn()
            if number > 0:
                readings[each.name].append(reading)
    return readings


def answer(module: str, *arguments: str) -> Any:
    """Run a module of this package in its own process, and return what it prints last, as JSON."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
