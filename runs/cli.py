"""How a command starts and ends: threads, one line for a user's mistake, the exit status.

This file imports nothing heavy: `--help` and a refused override are to be instant.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

REPOSITORY = Path(__file__).resolve().parent.parent
TRACEBACK = "HYDRA_FULL_ERROR"  # Hydra's own switch


def run(main: Callable[[], Any], prepare: Callable[[list[str]], list[str]]) -> None:
    """Call a function that `hydra.main` made; exit with status 1 and one line where it fails.

    prepare: called first with the command line's arguments; returns overrides to add to them.

    What is not a mistake of the user's keeps its traceback, and `HYDRA_FULL_ERROR=1` shows it for
    everything.
    """
    # On virtual cores OpenMP's threads, left to spin, take the time of those that work: without
    # this, two threads train several times slower. It counts only if set before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    everything = os.environ.get(TRACEBACK) == "1"
    os.environ[TRACEBACK] = "1"  # makes Hydra raise, where it would print and exit
    try:
        sys.argv += prepare(sys.argv[1:])
        main()
    except Exception as error:
        if everything or not is_users_mistake(error):
            raise
        sys.exit(f"{Path(sys.argv[0]).name}: {one_line(error)}")


def is_users_mistake(error: Exception) -> bool:
    """Whether a line says all: for what Hydra, Lightning or this project refuses with a reason."""
    if isinstance(error, HydraException | OmegaConfBaseException | OSError):
        return True
    if type(error).__name__ == "MisconfigurationException":  # Lightning's
        return True
    if isinstance(error, ValueError | FloatingPointError):
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        return raised_in.parent.parent == REPOSITORY or raised_in.parent == REPOSITORY
    return False


def one_line(error: BaseException) -> str:
    """An error's message without its line breaks, lists in it separated by commas."""
    text = str(error)
    if isinstance(error, HydraException) and isinstance(error.__cause__, OmegaConfBaseException):
        text += f"\n{error.__cause__}"
    line = ""
    for part in text.splitlines():
        if words := part.strip():
            between = (
                "" if not line else " " if line[-1] in ":.,;" else ", " if part[0] == "\t" else "; "
            )
            line += between + words
    return line or type(error).__name__
