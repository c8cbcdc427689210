"""A name that does not exist is answered by the nearest one that does."""

from pathlib import Path

import pytest

from tests.helpers.lines import line_for
from tests.helpers.runs import train_in

NEAREST = [
    # what is given -> what the line asks about
    ("model=vea", "model=vae"),
    ("data=mnistt", "data=mnist"),
    ("trainer=gpuu", "trainer=gpu"),
    ("experiment=dmeo", "experiment=demo"),
    ("modle=vae", "model"),
    ("sed=3", "seed"),
    ("+sed=3", "seed"),
    ("noise.stdd=1", "noise.std"),
    ("+noise.stdd=1", "noise.std"),
    ("trainer.max_epoch=3", "trainer.max_epochs"),
    ("early_stoping.patience=1", "early_stopping.patience"),
    ("+early_stopping.patient=1", "early_stopping.patience"),
    ("model.optimizer.lrr=1", "model.optimizer.lr"),
    ("+model.optimizer.lrr=1", "model.optimizer.lr"),
    ("~model.optimizer.lrr", "model.optimizer.lr"),
    # a setting of a node below
    ("model.lr=0.01", "model.optimizer.lr"),
    ("+model.lr=0.01", "model.optimizer.lr"),
    ("std=0.2", "noise.std"),
    ("~early_stoping.patience", "early_stopping.patience"),
    ("hydra.run.dri=x", "hydra.run.dir"),
    ("model.loss=mae", "model.loss=mse"),
    ("model={optimizer:{lrr:1}}", "model.optimizer.lr"),
    ("trainer.accelerator=cpuu", "trainer.accelerator=cpu"),
    ("trainer.profiler=simpel", "trainer.profiler=simple"),
    ("trainer.precision=bf16-mixd", "trainer.precision=bf16-mixed"),
]


@pytest.mark.parametrize(("override", "meant"), NEAREST)
def test_the_nearest_valid_choice_is_proposed(override: str, meant: str, tmp_path: Path) -> None:
    choice = [] if override.startswith("model=v") else ["model=dense"]
    line = line_for(lambda: train_in(tmp_path / "run", *choice, override))
    assert line.endswith(f"did you mean {meant}?")


def test_choices_are_listed_where_none_is_near(tmp_path: Path) -> None:
    line = line_for(lambda: train_in(tmp_path / "run", "model.x=1"))
    choices = "channels, loss, optimizer, seed"
    assert line == f"model.x: there is no such setting, the choices are {choices}"
