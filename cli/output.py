"""Output whose reader has gone, or that has no room.

This file imports nothing heavy.
"""

import logging
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

READER_GONE = 128 + signal.SIGPIPE  # the exit status that a shell gives for SIGPIPE


@contextmanager
def end_with_the_reader() -> Iterator[None]:
    """Exit quietly, with status 141, if stdout is a pipe that was closed, as in `… | head -1`.

    Raises:
        OSError: stdout cannot be written for another reason, such as a full disk.
    """
    logging.raiseExceptions = False  # a log line that cannot be written ends nothing by itself
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError:
        if reader_has_gone():
            # Python would flush again at its own end, and print a traceback then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(READER_GONE)
        raise


def reader_has_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more."""
    try:
        output = sys.stdout.fileno()
    except OSError:  # a notebook's, or a test's, is no file
        return False
    poll = select.poll()
    poll.register(output, select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def on_a_terminal() -> bool:
    """Whether stdout is a terminal, not a file or a pipe."""
    return sys.stdout.isatty()
