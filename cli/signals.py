"""SIGINT and SIGTERM end a command by one exception, raised where nothing can swallow it.

This file imports nothing heavy.
"""

import os
import signal
from types import FrameType

SIGNALS: list[int] = []  # that have asked this process to stop


class Interrupted(BaseException):
    """SIGINT or SIGTERM has come.

    It is no KeyboardInterrupt, which Lightning would turn into exit status 1, and no Exception,
    which Hydra would take for one failed job of a sweep.
    """

    advice = "nothing was begun"

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)

    def __str__(self) -> str:
        return f"stopped by {self.signal.name}: {self.advice}"


def await_signals() -> None:
    """From now on SIGINT and SIGTERM end the process by `Interrupted`.

    It is raised by the next `stop_if_asked`, of which training has one a batch, or else out of
    whatever runs a second later. Raised at once it could come in a destructor, which swallows it:
    so it also comes again every second until it is caught.
    """
    process = os.getpid()

    def note(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:  # the terminal sends Ctrl-C to the loaders' workers too
            SIGNALS.append(number)
            signal.setitimer(signal.ITIMER_REAL, 1, 1)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup, or a script's `&`, wants it
            signal.signal(number, note)
    signal.signal(signal.SIGALRM, lambda number, frame: stop_if_asked())


def stop_if_asked() -> None:
    """Raises Interrupted where SIGINT or SIGTERM has come."""
    if SIGNALS:
        raise Interrupted(SIGNALS[0])


def caught() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
