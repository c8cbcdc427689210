"""How a command starts and ends: threads, one line for a user's mistake, the exit status.

This file imports nothing heavy: `--help` and a refused override are to be instant.
"""

import ctypes
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

REPOSITORY = Path(__file__).resolve().parent.parent
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
GIGABYTE = 2**30
NAMED = re.compile(r"[^=]+=[\w.+-]+(,[\w.+-]+)*")  # a sweep over plain words and numbers
TRACEBACK = "HYDRA_FULL_ERROR"  # Hydra's own switch


def run(main: Callable[[], Any], prepare: Callable[[list[str]], list[str]]) -> None:
    """Call a function that `hydra.main` made; exit with status 1 and one line where it fails.

    prepare: called first with the command line's arguments; returns overrides to add to them.

    What is not a mistake of the user's keeps its traceback, and `HYDRA_FULL_ERROR=1` shows it for
    everything.
    """
    suit_the_machine()
    everything = os.environ.get(TRACEBACK) == "1"
    os.environ[TRACEBACK] = "1"  # makes Hydra raise, where it would print and exit
    try:
        sys.argv += [*prepare(sys.argv[1:]), *_short_names(sys.argv[1:])]
        main()
    except Exception as error:
        if everything or not is_users_mistake(error):
            raise
        sys.exit(f"{Path(sys.argv[0]).name}: {one_line(error)}")


def suit_the_machine() -> None:
    """Settings of the process that cost nothing and that torch on a CPU is much faster with."""
    # On virtual cores OpenMP's threads, left to spin, take the time of those that work: without
    # this, two threads train several times slower. It counts only if set before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # glibc hands each large tensor's memory back to the kernel when it is freed, and the next step
    # faults it in again page by page, a fifth of a convolutional net's time. Keep it instead.
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, GIGABYTE)
        libc.mallopt(M_TRIM_THRESHOLD, GIGABYTE)


def _short_names(arguments: list[str]) -> list[str]:
    """The override that names a sweep's directories by what is swept, as far as Hydra can read it.

    Left out are settings that all jobs share, which would make the name longer than a file system
    allows, and swept values that are lists, paths or quoted: the job's number tells those apart.
    """
    if {"-m", "--multirun"}.isdisjoint(arguments):
        return []
    words = [word for word in arguments if "=" in word and not word.startswith("-")]
    unnamed = [
        override.key_or_group
        for override in OverridesParser.create().parse_overrides(words)
        if not (override.is_sweep_override() and NAMED.fullmatch(str(override.input_line)))
    ]
    return [f"hydra.job.config.override_dirname.exclude_keys=[{','.join(unnamed)}]"]


@contextmanager
def job() -> Iterator[None]:
    """Around the work that Hydra calls.

    Hydra reports a job that raises in lines of its own, so a command's only job exits instead. A
    job in a sweep has to raise: exiting would take the jobs after it along.
    """
    try:
        yield
    except Exception as error:
        if not is_users_mistake(error):
            raise
        line = one_line(error)
        if HydraConfig.get().mode == RunMode.RUN:
            raise SystemExit(f"{Path(sys.argv[0]).name}: {line}") from error
        logging.getLogger(__name__).error("job %s failed: %s", HydraConfig.get().job.num, line)
        raise


def is_users_mistake(error: Exception) -> bool:
    """Whether a line says all: for what Hydra, Lightning or this project refuses with a reason."""
    if isinstance(error, HydraException | OmegaConfBaseException | OSError):
        return True
    if type(error).__name__ == "MisconfigurationException":  # Lightning's
        return True
    if isinstance(error, ValueError | FloatingPointError):
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        # Hydra has no exception of its own for a config group that is set to null.
        composing = raised_in.name == "defaults_list.py"
        return composing or REPOSITORY in (raised_in.parent, raised_in.parent.parent)
    return False


def one_line(error: BaseException) -> str:
    """An error's message on one line, without what Hydra and OmegaConf say of their insides."""
    parts = str(error).splitlines()
    if isinstance(error, OverrideParseException):
        parts.insert(0, f"{error.override}: is not in Hydra's grammar, quotes may be missing:")
    if isinstance(error, HydraException) and isinstance(error.__cause__, OmegaConfBaseException):
        parts += str(error.__cause__).splitlines()
    line = ""
    for part in parts:
        if part.startswith("Config search path"):
            break
        words = part.strip()
        if not words or words.startswith(("full_key:", "object_type=", "See https:")):
            continue
        listed = part.startswith("\t") and not line.endswith(":")
        separator = "" if not line else ", " if listed else " " if line[-1] in ".:;," else "; "
        line += separator + words
    return line or type(error).__name__
