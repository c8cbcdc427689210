"""Output that nobody reads any more, or that has no room.

This file imports nothing heavy.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

READER_GONE = 128 + signal.SIGPIPE  # the exit status, as a shell says of what SIGPIPE has ended


@contextmanager
def end_with_the_reader() -> Iterator[None]:
    """Exit quietly, with status 141, where stdout is a pipe that has been closed: `… | head -1`.

    Raises:
        OSError: stdout cannot be written for another reason, such as a full disk.
    """
    logging.raiseExceptions = False  # a log line that cannot be written ends nothing by itself
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if not stdout_is_lost():
            raise
        # Python would try again at its own end, and print a traceback then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(READER_GONE)
        raise


def stdout_is_lost() -> bool:
    """Whether what has been printed can no longer be written."""
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False
