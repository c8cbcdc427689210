"""One line for a user's mistake, whoever has raised it.

This file imports nothing heavy.
"""

import traceback

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from cli import hydra_errors
from cli.launchers import LaunchedJobError

LONGEST = 450  # characters of a line that tells of a mistake
TRACEBACK = "HYDRA_FULL_ERROR"  # Hydra's own switch: the traceback instead of the line


class LauncherError(Exception):
    """A launcher cannot do what its settings say, or one of its processes has died."""


class JobsFailedError(Exception):
    """Some jobs of a sweep have failed. Its cause is what the sweeper made of it, if anything.

    Args:
        directories: Names of the failed jobs' directories.
        reason: Why the first one has failed, or where to see it.
    """

    def __init__(self, directories: list[str], reason: str) -> None:
        failed = f"{len(directories)} of the sweep's jobs failed ({', '.join(directories)})"
        super().__init__(f"{failed}: {reason}")


# Their messages are written for the user.
TOLD = (HydraException, OmegaConfBaseException, OSError, LaunchedJobError, LauncherError)


def is_users_mistake(error: Exception) -> bool:
    """Whether a line says all: for what Hydra, Lightning or this project refuses with a reason."""
    if isinstance(error, JobsFailedError):
        return not isinstance(error.__cause__, Exception) or is_users_mistake(error.__cause__)
    if isinstance(error, TOLD):
        return True
    if type(error).__name__ == "MisconfigurationException":  # Lightning's
        return True
    if isinstance(error, ModuleNotFoundError) and "Requirement" in str(error):
        return True  # Lightning's, of a package that a callback needs
    if isinstance(error, ValueError | FloatingPointError):
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        if hydra_errors.is_of_project(raised_in):
            return True
    return hydra_errors.raised_by_hydra(error)


def one_line(error: BaseException) -> str:
    """Return an error's message on one line, without Hydra's and OmegaConf's internals."""
    wrong_name = hydra_errors.wrong_name(error)
    parts = (wrong_name or str(error)).splitlines()
    if isinstance(error, OverrideParseException):
        parts.insert(0, f"{error.override}: is not in Hydra's grammar, quotes may be missing:")
    if wrong_name is None and isinstance(error.__cause__, OmegaConfBaseException):
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
    line = line or type(error).__name__
    key = hydra_errors.place(error)
    if key.partition("=")[0].strip("+~") not in line:
        line = f"{key}: {line}"
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    # The beginning and the end of a long value tell which it is.
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 4 :]}"
