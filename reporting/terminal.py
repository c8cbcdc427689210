"""Rich's console for what a command says in the end. This file brings no torch along."""

import errno
import os

from rich.console import Console


class Terminal(Console):
    """A console that raises where a pipe has lost its reader: rich would exit with status 1.

    `cli.output` handles the error.
    """

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
