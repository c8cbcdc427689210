"""How a command starts and ends: threads, one line for a user's mistake, the exit status.

This file imports nothing heavy: `--help` and a refused override are to be instant.
"""

import ctypes
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from runs import extras, hydra_errors, sweeps

REPOSITORY = Path(__file__).resolve().parent.parent
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
GIGABYTE = 2**30
NAMED = re.compile(r"[^=]+=[\w.+-]+(,[\w.+-]+)*")  # a sweep over plain words and numbers
SIGNALS: list[int] = []  # that have asked this process to stop
FAILED: list[str] = []  # directories of a sweep's failed jobs
COMMANDS: list[str] = []  # what this process was started as, unless a launcher has started it
LAUNCHED: list[int] = []  # then, the numbers of its jobs
LONGEST = 450  # characters of a line that tells of a mistake
TRACEBACK = "HYDRA_FULL_ERROR"  # Hydra's own switch


def run(main: Callable[[], Any], prepare: Callable[[list[str]], list[str]]) -> None:
    """Call a function that `hydra.main` made; exit with status 1 and one line where it fails.

    Where SIGINT or SIGTERM stops it, the status is 130 or 143, and the line says how to go on.

    prepare: called first with the command line's arguments; returns overrides to add to them.

    What is not a mistake of the user's keeps its traceback, and `HYDRA_FULL_ERROR=1` shows it for
    everything.
    """
    name = Path(sys.argv[0]).name
    COMMANDS.append(name)
    suit_the_machine()
    await_signals()
    _provide_for_launchers()
    everything = os.environ.get(TRACEBACK) == "1"
    os.environ[TRACEBACK] = "1"  # makes Hydra raise, where it would print and exit
    # argparse wants the overrides in one piece, so a switch between them goes before them.
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda word: word not in ("-m", "--multirun"))
    try:
        added = [*prepare(sys.argv[1:]), *_short_names(sys.argv[1:])]
        sys.argv[1:] = _with_overrides(sweeps.for_the_jobs(sys.argv[1:]), added)
        extras.offer()
        try:
            main()
        except (Exception, SystemExit):
            stop_if_asked()  # then it is what a launcher makes of the signal
            raise
    except Interrupted as interruption:
        if interruption.advice == Interrupted.advice:  # it came between a sweep's jobs, if at all
            interruption.advice = _how_to_go_on_with_all(interruption)
        print(f"{name}: {interruption}", file=sys.stderr)
        sys.exit(128 + interruption.signal)  # as a shell says of what a signal has ended
    except Exception as error:
        if everything or not is_users_mistake(error):
            raise
        sys.exit(f"{name}: {_failed_jobs()}{one_line(error)}")
    finally:
        _caught()
    if FAILED:  # a sweeper may go on without them
        sys.exit(f"{name}: {_failed_jobs()}see train.log in their directories")


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


def _caught() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


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


def _with_overrides(arguments: list[str], added: list[str]) -> list[str]:
    """The command line with more overrides, behind its last: argparse wants them in one piece."""
    places = [place for place, word in enumerate(arguments, 1) if "=" in word and word[0] != "-"]
    if not places:  # before an option's value, or one that may have one, none could stand
        return [*added, *arguments]
    return [*arguments[: places[-1]], *added, *arguments[places[-1] :]]


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
        if not (override.is_sweep_override() and _has_plain_values(override))
    ]
    return [f"hydra.job.config.override_dirname.exclude_keys=[{','.join(unnamed)}]"]


def _has_plain_values(sweep: Override) -> bool:
    """Whether all that is swept over are words and numbers."""
    plain = NAMED.fullmatch(str(sweep.input_line))
    return bool(plain) or sweep.is_interval_sweep() or sweep.is_range_sweep()


@contextmanager
def job(last: Path | None = None) -> Iterator[None]:
    """Around the work that Hydra calls.

    last: the checkpoint from which the job could go on, if it has written one when it is stopped.

    Hydra reports a job that raises in lines of its own, so a command's only job exits instead. A
    job in a sweep has to raise: exiting would take the jobs after it along.
    """
    if not COMMANDS:
        _begin_as_launched()
    # With hydra.job.chdir too, relative paths are relative to where the command was started; what
    # a run writes has its directory by its full path.
    os.chdir(HydraConfig.get().runtime.cwd)
    try:
        try:
            yield
        except (Exception, SystemExit):
            stop_if_asked()  # then it is what Lightning, or a loader, makes of the signal
            raise
    except Interrupted as interruption:
        _caught()
        interruption.advice = _how_to_go_on(last)
        raise
    except Exception as error:
        hydra = HydraConfig.get()
        if hydra.mode == RunMode.MULTIRUN:
            FAILED.append(Path(hydra.runtime.output_dir).name)
            _log_failure(error)
            if LAUNCHED:
                raise LaunchedJobError(FAILED.pop(), _line_or_log(error)) from error
        elif is_users_mistake(error):
            raise SystemExit(f"{Path(sys.argv[0]).name}: {one_line(error)}") from error
        raise


class LaunchedJobError(Exception):
    """The failure of a job in a process that a launcher has started.

    It is sent to the sweep's own process, which not every exception can be, and no traceback. It
    arrives with the job's results, of which Hydra's sweepers look at the first failure alone; so
    that it counts, it enters itself into `FAILED` there.
    """

    def __init__(self, directory: str, line: str) -> None:
        super().__init__(line)
        self.directory = directory

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.directory, str(self))


def _arrived(directory: str, line: str) -> LaunchedJobError:
    FAILED.append(directory)
    return LaunchedJobError(directory, line)


def _begin_as_launched() -> None:
    """What `run` has done in the sweep's own process, as far as it isn't inherited."""
    hydra = HydraConfig.get()
    LAUNCHED.append(hydra.job.num)
    suit_the_machine()
    if threads := hydra.launcher.get("cpus_per_task"):
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # counts until torch is loaded
    # The command of this job alone; it was the launcher's.
    script = REPOSITORY / f"{hydra.job.config_name}.py"
    sys.argv = [str(script), *hydra.overrides.task]
    if "SUBMITIT_FOLDER" not in os.environ:  # submitit has handlers, which queue the job again
        await_signals()


def _provide_for_launchers() -> None:
    """What processes inherit that are not forked from this one, and begin in any directory."""
    there = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *([there] if there else [])])
    # joblib divides the cores for OpenMP and MKL each, and torch takes the smaller number.
    if threads := os.environ.get("OMP_NUM_THREADS"):
        os.environ.setdefault("MKL_NUM_THREADS", threads)


def _how_to_go_on(last: Path | None) -> str:
    hydra = HydraConfig.get()
    if last is None:
        return "run the same command again"
    if hydra.mode == RunMode.MULTIRUN:
        return f"the same command with hydra.sweep.dir={hydra.sweep.dir} goes on where this ended"
    if not last.is_file():
        return "no epoch was finished, so there is nothing to go on from"
    return f"go on with checkpoint={os.path.relpath(last)}"


def _how_to_go_on_with_all(interruption: Interrupted) -> str:
    """The same, for a command whose jobs run in other processes."""
    sweep = hydra_errors.sweep(interruption)
    if sweep is None:
        return interruption.advice
    if sweep.job.config_name != "train":
        return "run the same command again"
    advice = f"the same command with hydra.sweep.dir={sweep.sweep.dir} goes on where this ended"
    queued = sweep.launcher["_target_"].endswith("SlurmLauncher")
    return f"its jobs go on by themselves; once they have ended, {advice}" if queued else advice


def _log_failure(error: Exception) -> None:
    """A job's failure: a line on the terminal, with the traceback in the job's own log file."""
    log = logging.getLogger(__name__)
    line = f"job {HydraConfig.get().job.num} failed: {one_line(error)}"
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, line, (), None)
    for handler in logging.getLogger().handlers:
        to_file = isinstance(handler, logging.FileHandler)
        record.exc_info = (type(error), error, error.__traceback__) if to_file else None
        record.exc_text = None  # a formatter's cache, which would bring it to the next handler
        handler.handle(record)


def _failed_jobs() -> str:
    return f"{len(FAILED)} of the sweep's jobs failed ({', '.join(FAILED)}): " if FAILED else ""


def is_users_mistake(error: Exception) -> bool:
    """Whether a line says all: for what Hydra, Lightning or this project refuses with a reason."""
    if isinstance(error, HydraException | OmegaConfBaseException | OSError | LaunchedJobError):
        return True
    if type(error).__name__ == "MisconfigurationException":  # Lightning's
        return True
    if isinstance(error, ValueError | FloatingPointError):
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        if REPOSITORY in (raised_in.parent, raised_in.parent.parent):
            return True
    told = (hydra_errors.of_options, hydra_errors.while_composing, hydra_errors.while_launching)
    return any(known(error) for known in told)


def _line_or_log(error: Exception) -> str:
    """What the sweep says of a job that has failed elsewhere."""
    line = one_line(error)
    return line if is_users_mistake(error) else f"{type(error).__name__}: {line} (see train.log)"


def one_line(error: BaseException) -> str:
    """An error's message on one line, without what Hydra and OmegaConf say of their insides."""
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
    # Of a long value, the beginning and the end tell which it is.
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 4 :]}"
