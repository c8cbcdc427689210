"""What becomes of a sweep's jobs, whichever launcher runs them and wherever they run.

Hydra's sweepers look at the first failure alone, and Optuna's at none. Both get from their
launcher what has become of each job: this is where it is noted.

This file imports nothing heavy.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from cli.messages import JobsFailedError, LauncherError, is_users_mistake, one_line
from cli.signals import Interrupted


class _NotingLauncher:
    """A launcher that notes the directories of failed jobs."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.failed: list[str] = []

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        try:
            jobs = self.launcher.launch(job_overrides, initial_job_idx=initial_job_idx)
        except Exception as error:
            if is_users_mistake(error):
                raise
            # A job's own failure is in what is returned: this one is of the launcher's settings, or
            # of a process that has died.
            raise LauncherError(one_line(error)) from error
        for job in jobs:
            if job.status == JobStatus.FAILED:
                assert job.hydra_cfg is not None
                self.failed.append(Path(job.hydra_cfg.hydra.runtime.output_dir).name)
        return jobs


@contextmanager
def noted(sweeper: Any) -> Iterator[None]:
    """Let a sweeper's jobs run in the block, and say in the end which have failed.

    Args:
        sweeper: It has the launcher of its jobs, and the config of the sweep.

    Raises:
        JobsFailedError: Some jobs have failed, whether the sweeper minds or not.
        Interrupted: A signal has come. It says how the sweep goes on.
    """
    launcher = sweeper.launcher = _NotingLauncher(sweeper.launcher)
    try:
        yield
    except Interrupted as interruption:
        if interruption.advice == Interrupted.advice:  # the jobs run in other processes
            interruption.advice = _how_to_go_on(sweeper.config.hydra)
        raise
    except Exception as error:
        if not launcher.failed:
            raise
        raise JobsFailedError(launcher.failed, one_line(error)) from error
    if launcher.failed:
        raise JobsFailedError(launcher.failed, "see train.log in their directories")


def _how_to_go_on(hydra: DictConfig) -> str:
    if hydra.job.config_name != "train":
        return "run the same command again"
    advice = f"the same command with hydra.sweep.dir={hydra.sweep.dir} goes on where this ended"
    queued = hydra.launcher["_target_"].endswith("SlurmLauncher")
    return f"its jobs go on by themselves; once they have ended, {advice}" if queued else advice
