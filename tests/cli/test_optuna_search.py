"""A search by Optuna goes on to the same trials wherever it is stopped, and tells failures."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pytorch_lightning import Trainer

from tests.helpers.callbacks import Kill
from tests.helpers.runs import CPU, TINY, Run, contents, json_of, run_command

if find_spec("hydra_plugins.hydra_optuna_sweeper") is None:
    pytest.skip("needs pip install '.[optuna]'", allow_module_level=True)

import optuna

from cli.optuna_search import SeededTPE

SMALL = ("model=dense", "model.hidden=[16]")
SEARCH = ("-m", *TINY, *SMALL, "hydra/sweeper=optuna", "hydra.sweep.dir=search")
QUICK = (*SEARCH, "trainer.max_epochs=2", "hydra.sweeper.n_trials=3")


class KillTrial(Kill):
    """Kills the second trial's job in its second epoch, once."""

    def __init__(self, file: str) -> None:
        super().__init__(1, file)

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        if Path(trainer.default_root_dir).name.startswith("1_"):
            super().on_train_batch_end(trainer, *arguments)


def trials_in(directory: Path) -> list[optuna.trial.FrozenTrial]:
    storage = f"sqlite:///{directory}/search/study.db"
    return optuna.load_study(study_name="search", storage=storage).trials


def test_a_search_that_was_killed_goes_on_to_the_same_trials(tmp_path: Path) -> None:
    space = ("model.optimizer.lr=tag(log,interval(0.0001,0.01))", "model.latent_dim=4,8")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for directory in (killed, whole):
        directory.mkdir()
    kill = "trainer.callbacks=[{_target_:tests.cli.test_optuna_search.KillTrial,file:done}]"
    (whole / "done").touch()  # so that nothing is killed
    arguments = (*QUICK, *space, kill)
    assert run_command("train.py", *arguments, directory=killed).returncode == -9
    states = [trial.state.name for trial in trials_in(killed)]
    assert states == ["COMPLETE", "RUNNING"]
    folders = sorted((killed / "search").glob("*_model.*"))
    first, cut_off = (Run(folder, 0.0) for folder in folders)
    before = contents(first.directory)
    run_id = json_of(cut_off.directory / "run.json")["run_id"]
    for directory in (killed, whole):
        done = run_command("train.py", *arguments, directory=directory)
        assert done.returncode == 0, done.stderr
    assert contents(first.directory) == before
    assert cut_off.metrics["run_id"] == run_id
    found = [
        [(t.number, t.state, t.params, t.value) for t in trials_in(d)] for d in (killed, whole)
    ]
    assert found[0] == found[1]
    assert [state.name for _, state, _, _ in found[0]] == ["COMPLETE"] * 3
    assert len({tuple(params.values()) for _, _, params, _ in found[0]}) == 3
    names = [[path.name for path in sorted((d / "search").glob("*_*/"))] for d in (killed, whole)]
    assert names[0] == names[1]
    for folder, (number, _, params, value) in zip(
        sorted((killed / "search").glob("*_model.*")), found[0], strict=True
    ):
        assert folder.name.startswith(f"{number}_")
        assert f"model.optimizer.lr-{params['model.optimizer.lr']}" in folder.name
        assert json_of(folder / "metrics.json")["validation"]["psnr"] == value

    everything = contents(killed / "search" / names[0][-1])
    done = run_command("train.py", *arguments, directory=killed)
    assert done.returncode == 0, done.stderr
    assert len(trials_in(killed)) == 3
    assert contents(killed / "search" / names[0][-1]) == everything


def test_a_diverged_trial_fails_and_the_search_goes_on(tmp_path: Path) -> None:
    done = run_command("train.py", *QUICK, "model.optimizer.lr=0.001,1e30", directory=tmp_path)
    trials = trials_in(tmp_path)
    failed = [t.number for t in trials if t.params["model.optimizer.lr"] == 1e30]
    assert 0 < len(failed) < 3, "another seed"
    assert [t.number for t in trials if t.state.name == "FAIL"] == failed
    assert all(t.value is None for t in trials if t.number in failed)
    assert all(t.state.name == "COMPLETE" for t in trials if t.number not in failed)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    line = done.stderr.splitlines()[-1]
    assert line.startswith(
        f"train.py: {len(failed)} of the sweep's jobs failed ({failed[0]}_model."
    )
    assert line.endswith("see train.log in their directories")


def test_a_search_without_a_single_success_says_so(tmp_path: Path) -> None:
    wrong = (*QUICK[:-1], "hydra.sweeper.n_trials=1", "noise.std=-1,-2")
    done = run_command("train.py", *wrong, directory=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.splitlines()[-1].endswith(
        "): no trial has succeeded, so there is no best one"
    )


def test_a_bad_number_of_trials_is_one_line(tmp_path: Path) -> None:
    done = run_command("train.py", *SEARCH, "hydra.sweeper.n_trials=0", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "train.py: hydra.sweeper.n_trials=0: should be a whole number from 1\n"


def noisy_picture(folder: Path) -> str:
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (32, 48)).astype(np.float32)
    tifffile.imwrite(folder / "one.tif", noisy)
    return f"data.root={folder / 'one.tif'}"


@pytest.mark.parametrize("noisy", [True, False])
def test_a_direction_in_which_models_get_worse_is_one_line(noisy: bool, tmp_path: Path) -> None:
    search = [*QUICK, "hydra.sweeper.direction=minimize", "model.latent_dim=4,8"]
    expected = "with Procedural PSNR or accuracy chooses, and more is better"
    if noisy:
        search = ["-m", "experiment=noisy_pictures", noisy_picture(tmp_path)]
        search += ["hydra/sweeper=optuna", "hydra.sweep.dir=search", "data.batch_size=2,4"]
        expected = "with NoisyFolder the loss on held-out pictures chooses, and less is better"
    done = run_command("train.py", *search, directory=tmp_path)
    assert done.returncode == 1
    wrong, right = ("maximize", "minimize") if noisy else ("minimize", "maximize")
    line = f"hydra.sweeper.direction={wrong}: {expected}: give hydra.sweeper.direction={right}"
    assert done.stderr == f"train.py: {line}\n"
    assert not (tmp_path / "search" / "study.db").exists()


def test_a_search_on_noisy_pictures_minimises_the_held_out_loss(tmp_path: Path) -> None:
    small = ("data.crop=16", "data.train_size=8", "model.channels=[4,8]", "model.blocks=[1,1]")
    search = ("-m", "experiment=noisy_pictures", noisy_picture(tmp_path), *small, *CPU)
    chosen = ("hydra/sweeper=optuna", "hydra.sweeper.direction=minimize", "hydra.sweep.dir=search")
    space = ("data.batch_size=2,4", "hydra.sweeper.n_trials=1", "trainer.max_epochs=1")
    done = run_command("train.py", *search, *chosen, *space, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    (trial,) = trials_in(tmp_path)
    (run,) = (tmp_path / "search").glob("0_*")
    metrics = json_of(run / "metrics.json")
    assert metrics["validation"]["neighbor2neighbor_loss"] == trial.value


def test_draws_follow_from_the_seed_and_the_trials_number() -> None:
    def draws(seed: int, trials: int, sampler_for_each: bool) -> list[dict[str, Any]]:
        study = optuna.create_study(
            sampler=SeededTPE(seed, n_startup_trials=2), direction="maximize"
        )
        for _ in range(trials):
            if sampler_for_each:  # as a search that is stopped after each trial
                study.sampler = SeededTPE(seed, n_startup_trials=2)
            trial = study.ask()
            x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
            study.tell(trial, -((x - 0.3) ** 2) - (y - 0.8) ** 2)
        return [trial.params for trial in study.trials]

    whole = draws(0, 12, False)
    assert whole == draws(0, 12, True)
    assert whole != draws(1, 12, False)
    assert len({value for params in whole for value in params.values()}) == 24
