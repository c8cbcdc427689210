"""Jobs of a sweep in processes that a launcher starts: joblib, submitit.

This file imports nothing heavy.
"""

import os
import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from cli.signals import await_signals
from groundwork.files import REPOSITORY
from groundwork.machine import tune_process

COMMAND = "DENOISERS_COMMAND"  # environment variable: the process of the command itself


class LaunchedJobError(Exception):
    """The failure of a job in a process that a launcher has started.

    It is sent to the sweep's own process, which not every exception can be, and no traceback.
    """


def provide_for_launchers() -> None:
    """Set what processes inherit that are not forked from this one and begin in any directory."""
    os.environ[COMMAND] = str(os.getpid())
    there = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *([there] if there else [])])
    # joblib divides the cores for OpenMP and MKL each, and torch takes the smaller number.
    if threads := os.environ.get("OMP_NUM_THREADS"):
        os.environ.setdefault("MKL_NUM_THREADS", threads)


def is_launched() -> bool:
    """Whether a launcher has started this process, for jobs of a sweep."""
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    return in_sweep and os.environ.get(COMMAND) != str(os.getpid())


def begin_as_launched() -> None:
    """Do what `cli.command.run` does in the sweep's own process, unless it is inherited."""
    hydra = HydraConfig.get()
    tune_process()
    if threads := hydra.launcher.get("cpus_per_task"):
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # counts until torch is loaded
    # The command of this job alone; it was the launcher's.
    script = REPOSITORY / f"{hydra.job.config_name}.py"
    sys.argv = [str(script), *hydra.overrides.task]
    if "SUBMITIT_FOLDER" not in os.environ:  # submitit has handlers, which queue the job again
        await_signals()
