"""SIGINT and SIGTERM, which end a command by an exception that nothing swallows.

This file imports nothing heavy.
"""

import os
import signal
from types import FrameType

SIGNALS: list[int] = []  # that have asked this process to stop


class Interrupted(BaseException):
    """SIGINT or SIGTERM has come.

    It is not a KeyboardInterrupt, which Lightning would turn into exit status 1, and not an
    Exception, which Hydra would take for one failed job of a sweep.

    Attributes:
        advice: How to go on, for the message.
    """

    advice = "nothing was begun"

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)

    def __str__(self) -> str:
        return f"stopped by {self.signal.name}: {self.advice}"


def await_signals() -> None:
    """Let SIGINT and SIGTERM end the process by `Interrupted` from now on.

    The next `stop_if_asked` raises it: training calls that once a batch. Code that does not call it
    is interrupted a second later. That may be inside a destructor, which swallows exceptions, so
    it is raised again every second until it is caught.
    """
    process = os.getpid()

    def note(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:  # the terminal sends Ctrl-C to the loaders' workers too
            SIGNALS.append(number)
            signal.setitimer(signal.ITIMER_REAL, 1, 1)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a script's `&`, ignores it
            signal.signal(number, note)
    signal.signal(signal.SIGALRM, lambda number, frame: stop_if_asked())


def stop_if_asked() -> None:
    """Raise Interrupted if SIGINT or SIGTERM has come."""
    if SIGNALS:
        raise Interrupted(SIGNALS[0])


def caught() -> None:
    """Raise no more of it: `Interrupted` has arrived where it is handled."""
    signal.setitimer(signal.ITIMER_REAL, 0)
