"""Rich's console for what a command says in the end. This file brings no torch along."""

import errno
import os

from rich.console import Console


class Terminal(Console):
    """One that leaves a pipe without a reader to `cli.output`, where rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
