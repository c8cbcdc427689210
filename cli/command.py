"""How a command starts and ends: threads, one line for a user's mistake, the exit status.

This file imports nothing heavy, so that `--help` and a refused override are instant.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode

from cli import directories, extras, sweeps
from cli.launchers import (
    LaunchedJobError,
    begin_as_launched,
    is_launched,
    provide_for_launchers,
)
from cli.messages import TRACEBACK, JobsFailedError, is_users_mistake, one_line
from cli.output import READER_GONE, end_with_the_reader, reader_has_gone
from cli.signals import Interrupted, await_signals, caught, stop_if_asked
from groundwork.machine import tune_process

NAMED = re.compile(r"[^=]+=[\w.+-]+(,[\w.+-]+)*")  # a sweep over plain words and numbers


def run(main: Callable[[], Any], prepare: Callable[[list[str]], list[str]]) -> None:
    """Call a function that `hydra.main` made. If it fails, exit with status 1 and one line.

    If SIGINT or SIGTERM stops it, the status is 130 or 143, and the line says how to go on. If the
    reader of its output has gone, as in `… | head -1`, it ends without a word. A bug keeps its
    traceback, and with `HYDRA_FULL_ERROR=1` every failure does.

    Args:
        main: The function.
        prepare: It is called first, with the command line's arguments, and returns overrides to
            add to them.
    """
    name = Path(sys.argv[0]).name
    tune_process()
    await_signals()
    provide_for_launchers()
    everything = os.environ.get(TRACEBACK) == "1"
    os.environ[TRACEBACK] = "1"  # makes Hydra raise, where it would print and exit
    # argparse wants the overrides in one piece, so a switch between them goes before them.
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda word: word not in ("-m", "--multirun"))
    try:
        with end_with_the_reader():
            sys.argv[1:] = _with_overrides(sys.argv[1:], directories.expanded(sys.argv[1:]))
            added = [*prepare(sys.argv[1:]), *_short_names(sys.argv[1:])]
            sys.argv[1:] = _with_overrides(sweeps.for_the_jobs(sys.argv[1:]), added)
            extras.offer()
            try:
                main()
            except (Exception, SystemExit):
                stop_if_asked()  # the error may be what a launcher makes of the signal
                raise
    except Interrupted as interruption:
        print(f"{name}: {interruption}", file=sys.stderr)
        sys.exit(128 + interruption.signal)  # as a shell says of what a signal has ended
    except Exception as error:
        if everything or not is_users_mistake(error):
            raise
        # Failed jobs are all named, however many they are.
        line = str(error) if isinstance(error, JobsFailedError) else one_line(error)
        sys.exit(f"{name}: {line}")
    finally:
        caught()


def _with_overrides(arguments: list[str], added: list[str]) -> list[str]:
    """Add overrides to the command line behind its last, since argparse wants them in one piece."""
    places = [place for place, word in enumerate(arguments, 1) if "=" in word and word[0] != "-"]
    if not places:  # before an option's value, or one that may have one, none could stand
        return [*added, *arguments]
    return [*arguments[: places[-1]], *added, *arguments[places[-1] :]]


def _short_names(arguments: list[str]) -> list[str]:
    """Return the override that keeps the names of a sweep's directories short and readable.

    They name what is swept. Settings that all jobs share are left out, since with them a name may
    be longer than a file system allows. Swept lists, paths and quoted values are left out too,
    since Hydra could not read the name in an override: the job's number tells such jobs apart.
    """
    if {"-m", "--multirun"}.isdisjoint(arguments):
        return []
    words = [word for word in arguments if "=" in word and not word.startswith("-")]
    unnamed = [
        override.key_or_group
        for override in OverridesParser.create().parse_overrides(words)
        if not (override.is_sweep_override() and _has_plain_values(override))
    ]
    return [f"hydra.job.config.override_dirname.exclude_keys=[{','.join(unnamed)}]"]


def _has_plain_values(sweep: Override) -> bool:
    """Whether a sweep is over words and numbers alone."""
    plain = NAMED.fullmatch(str(sweep.input_line))
    return bool(plain) or sweep.is_interval_sweep() or sweep.is_range_sweep()


@contextmanager
def job(last: Path | None = None) -> Iterator[None]:
    """Wrap the work that Hydra calls, and end it with one line if it fails or is stopped.

    Hydra reports a job that raises in lines of its own, so a command's only job exits instead. A
    job of a sweep has to raise, since an exit would end the sweep.

    Args:
        last: The checkpoint from which the job could go on, if it has written one when it is
            stopped.
    """
    if is_launched():
        begin_as_launched()
    # With hydra.job.chdir too, relative paths are relative to where the command was started; what
    # a run writes has its directory by its full path.
    os.chdir(HydraConfig.get().runtime.cwd)
    try:
        try:
            yield
        except (Exception, SystemExit):
            stop_if_asked()  # the error may be what Lightning or a loader makes of the signal
            raise
    except Interrupted as interruption:
        caught()
        interruption.advice = _how_to_go_on(last)
        raise
    except Exception as error:
        if isinstance(error, OSError) and reader_has_gone():
            sys.exit(READER_GONE)  # a sweep's next jobs have no reader either
        hydra = HydraConfig.get()
        if hydra.mode == RunMode.MULTIRUN:
            _log_failure(error)
            if is_launched():
                raise LaunchedJobError(_line_or_log(error)) from error
        elif is_users_mistake(error):
            raise SystemExit(f"{Path(sys.argv[0]).name}: {one_line(error)}") from error
        raise


def _how_to_go_on(last: Path | None) -> str:
    hydra = HydraConfig.get()
    if last is None:
        return "run the same command again"
    if hydra.mode == RunMode.MULTIRUN:
        return f"the same command with hydra.sweep.dir={hydra.sweep.dir} goes on where this ended"
    if not last.is_file():
        return "no epoch was finished, so there is nothing to go on from"
    return f"go on with checkpoint={os.path.relpath(last)}"


def _log_failure(error: Exception) -> None:
    """Log a job's failure: one line on the terminal, and the traceback in the job's log file."""
    log = logging.getLogger(__name__)
    line = f"job {HydraConfig.get().job.num} failed: {one_line(error)}"
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, line, (), None)
    for handler in logging.getLogger().handlers:
        to_file = isinstance(handler, logging.FileHandler)
        record.exc_info = (type(error), error, error.__traceback__) if to_file else None
        record.exc_text = None  # a formatter's cache, which would bring it to the next handler
        handler.handle(record)


def _line_or_log(error: Exception) -> str:
    """Return what the sweep says of a job that has failed in another process."""
    line = one_line(error)
    return line if is_users_mistake(error) else f"{type(error).__name__}: {line} (see train.log)"
