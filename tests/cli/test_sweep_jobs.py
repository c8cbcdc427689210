"""What is said of a sweep's jobs in the end. Stand-ins take the place of launcher and sweeper."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from cli.launchers import LaunchedJobError
from cli.messages import JobsFailedError, LauncherError, is_users_mistake, one_line
from cli.signals import Interrupted
from cli.sweep_jobs import noted


def job(name: str, failure: Exception | None = None) -> JobReturn:
    hydra = {"hydra": {"runtime": {"output_dir": f"/sweep/{name}"}}}
    status = JobStatus.COMPLETED if failure is None else JobStatus.FAILED
    return JobReturn(hydra_cfg=OmegaConf.create(hydra), status=status, _return_value=failure)


class Sweeper:
    """It runs one batch of jobs after another.

    Args:
        batches: What its launcher returns, or raises.
        config_name: The command's.
        launcher: Name of the launcher's class.
    """

    def __init__(
        self, *batches: Any, config_name: str = "train", launcher: str = "JoblibLauncher"
    ) -> None:
        self.batches = list(batches)
        self.launcher: Any = SimpleNamespace(launch=self.launch)
        settings = {
            "job": {"config_name": config_name},
            "sweep": {"dir": "here"},
            "launcher": {"_target_": f"plugin.{launcher}"},
        }
        self.config = OmegaConf.create({"hydra": settings})

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Any:
        batch = self.batches.pop(0)
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def sweep(self, minds: bool) -> None:
        """Run all batches. One that minds raises the first failure, as Hydra's own does."""
        with noted(self):
            while self.batches:
                for done in self.launcher.launch([], initial_job_idx=0):
                    if minds:
                        _ = done.return_value


FAILED = (
    [job("0_a"), job("1_b", LaunchedJobError("b is wrong"))],
    [job("2_c", LaunchedJobError("c is wrong"))],
)


def test_all_failures_are_named_though_the_sweeper_goes_on() -> None:
    with pytest.raises(JobsFailedError) as caught:
        Sweeper(*FAILED).sweep(minds=False)
    assert str(caught.value) == (
        "2 of the sweep's jobs failed (1_b, 2_c): see train.log in their directories"
    )
    assert is_users_mistake(caught.value)


def test_a_sweeper_that_minds_gives_the_reason() -> None:
    with pytest.raises(JobsFailedError) as caught:
        Sweeper(*FAILED).sweep(minds=True)
    assert str(caught.value) == "1 of the sweep's jobs failed (1_b): b is wrong"
    assert is_users_mistake(caught.value)


def test_a_bug_in_a_job_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="0 is not a valid Signals") as bug:
        Interrupted(0)  # raised by Python, in code of the project
    with pytest.raises(JobsFailedError) as caught:
        Sweeper([job("0_a", bug.value)]).sweep(minds=True)
    assert caught.value.__cause__ is bug.value
    assert not is_users_mistake(caught.value)


def test_a_sweep_without_failures_ends_well() -> None:
    Sweeper([job("0_a")], [job("1_b")]).sweep(minds=True)


def test_what_a_launcher_cannot_do_is_one_line() -> None:
    with pytest.raises(LauncherError) as caught:
        Sweeper(RuntimeError("a worker\nhas died")).sweep(minds=True)
    assert is_users_mistake(caught.value)
    assert one_line(caught.value) == "a worker; has died"


@pytest.mark.parametrize(
    ("config_name", "launcher", "advice"),
    [
        ("eval", "JoblibLauncher", "run the same command again"),
        (
            "train",
            "JoblibLauncher",
            "the same command with hydra.sweep.dir=here goes on where this ended",
        ),
        (
            "train",
            "SlurmLauncher",
            "its jobs go on by themselves; once they have ended, the same command with "
            "hydra.sweep.dir=here goes on where this ended",
        ),
    ],
)
def test_a_signal_between_the_jobs_says_how_to_go_on(
    config_name: str, launcher: str, advice: str
) -> None:
    sweeper = Sweeper(Interrupted(2), config_name=config_name, launcher=launcher)
    with pytest.raises(Interrupted) as caught:
        sweeper.sweep(minds=True)
    assert str(caught.value) == f"stopped by SIGINT: {advice}"


def test_a_job_that_was_stopped_keeps_its_own_advice() -> None:
    interruption = Interrupted(15)
    interruption.advice = "go on with checkpoint=last.ckpt"
    with pytest.raises(Interrupted, match=r"SIGTERM: go on with checkpoint=last\.ckpt$"):
        Sweeper(interruption).sweep(minds=True)
