"""Jobs of a sweep in processes that a launcher starts: joblib, submitit.

This file imports nothing heavy.
"""

import os
import sys
from typing import Any

from hydra.core.hydra_config import HydraConfig

from cli.signals import await_signals
from groundwork.files import REPOSITORY
from groundwork.machine import tune_process

FAILED: list[str] = []  # directories of a sweep's failed jobs
LAUNCHED: list[int] = []  # the number of this process's job, where a launcher has started it


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


def begin_as_launched() -> None:
    """What `run` has done in the sweep's own process, as far as it isn't inherited."""
    hydra = HydraConfig.get()
    LAUNCHED.append(hydra.job.num)
    tune_process()
    if threads := hydra.launcher.get("cpus_per_task"):
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # counts until torch is loaded
    # The command of this job alone; it was the launcher's.
    script = REPOSITORY / f"{hydra.job.config_name}.py"
    sys.argv = [str(script), *hydra.overrides.task]
    if "SUBMITIT_FOLDER" not in os.environ:  # submitit has handlers, which queue the job again
        await_signals()


def provide_for_launchers() -> None:
    """What processes inherit that are not forked from this one, and begin in any directory."""
    there = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *([there] if there else [])])
    # joblib divides the cores for OpenMP and MKL each, and torch takes the smaller number.
    if threads := os.environ.get("OMP_NUM_THREADS"):
        os.environ.setdefault("MKL_NUM_THREADS", threads)
