"""A search by Optuna that can be stopped at any moment and goes on to the same trials."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from cli.config import target_of
from groundwork.run_directory import locked


class SeededTPE(BaseSampler):
    """Optuna's TPE sampler, whose draws follow from (seed, trial's number, parameter's name).

    With a single stream of draws, a search that goes on would begin the stream again and propose
    its first trials a second time.

    Args:
        seed: Of all draws.
        settings: The other arguments of Optuna's sampler.
    """

    def __init__(self, seed: int, **settings: Any) -> None:
        self.seed = seed
        self.settings = settings

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}  # each parameter is drawn by itself

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        seed = zlib.crc32(f"{self.seed}, {trial.number}, {param_name}".encode())
        tpe = TPESampler(seed=seed, **self.settings)
        return tpe.sample_independent(study, trial, param_name, param_distribution)


@contextmanager
def going_on(sweeper: Any) -> Iterator[None]:
    """Let the plugin's sweeper finish, in the block, the search that is in its storage.

    Trials that were cut off run again with their numbers and settings, and so in their directories,
    where the jobs go on. `n_trials` counts the trials of earlier commands too.

    Raises:
        ValueError: `n_trials`, `n_jobs` or `direction` is wrong, another process searches in the
            directory, or no trial has succeeded in the end.
    """
    for name in ("n_trials", "n_jobs"):
        if type(value := getattr(sweeper, name)) is not int or value < 1:
            raise ValueError(f"hydra.sweeper.{name}={value}: should be a whole number from 1")
    _require_direction(sweeper)
    folder = Path(sweeper.config.hydra.sweep.dir)
    with locked(folder):
        ended = _begin_again(sweeper)
        sweeper.job_idx, sweeper.n_trials = ended, max(0, sweeper.n_trials - ended)
        try:
            yield
        except ValueError as error:
            study = optuna.load_study(study_name=sweeper.study_name, storage=sweeper.storage)
            if not study.get_trials(states=(TrialState.COMPLETE,)):
                raise ValueError("no trial has succeeded, so there is no best one") from error
            raise


def _require_direction(sweeper: Any) -> None:
    """Refuse a direction in which what a run returns gets worse: see `train.train`."""
    found = " ".join(sweeper._get_directions())
    data = target_of(sweeper.config.data, "data")
    if data.own_noise and found != "minimize":
        raise ValueError(
            f"hydra.sweeper.direction={found}: with {data.__name__} the loss on held-out pictures "
            "chooses, and less is better: give hydra.sweeper.direction=minimize"
        )
    if not data.own_noise and found != "maximize":
        raise ValueError(
            f"hydra.sweeper.direction={found}: with {data.__name__} PSNR or accuracy chooses, and "
            "more is better: give hydra.sweeper.direction=maximize"
        )


def _begin_again(sweeper: Any) -> int:
    """Let trials that were cut off wait again, and return how many have ended.

    Those that have ended are the first ones, since trials that are chosen together end together.
    """
    storage = optuna.storages.get_storage(sweeper.storage)
    try:
        study = storage.get_study_id_from_name(sweeper.study_name)
    except KeyError:
        return 0
    trials = storage.get_all_trials(study)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            cut_off = storage.get_trial_id_from_study_id_trial_number(study, trial.number)
            storage.set_trial_state(cut_off, TrialState.WAITING)
    return sum(trial.state.is_finished() for trial in trials)
