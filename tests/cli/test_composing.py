"""Configs composed in Python. A run that is resumed with one stays the same run."""

from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import OmegaConf

from cli.composing import compose
from eval import evaluate
from tests.helpers.runs import (
    DENSE,
    OPEN,
    ROOT,
    TINY,
    composite,
    environment,
    json_of,
    read,
    same,
    train_in,
    trained,
)
from tests.helpers.warm import Started
from train import train

QUICK = ("trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "trainer.logger=false")
SETTINGS = (
    OPEN,
    "model.optimizer.lr=0.002",
    "noise.std=0.25",
    "early_stopping.patience=7",
    "seed=3",
)


def resumable() -> Path:
    return trained("model=dense", "trainer.max_epochs=1", *SETTINGS).last


def test_a_notebook_goes_on_with_the_run_that_it_names(tmp_path: Path) -> None:
    """The notebook has an interpreter and a folder of its own, and uses Hydra already."""
    notebook = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
import hydra
from cli.composing import compose
from train import train

with hydra.initialize_config_dir({str(ROOT / "conf")!r}, version_base="1.3"):
    cfg = compose("train", ["checkpoint={resumable()}", "trainer.max_epochs=2", *{QUICK!r}])
    assert hydra.compose("train").checkpoint is None
train(cfg, Path("resumed"))
"""
    (tmp_path / "notebook.py").write_text(notebook)
    done = Started(tmp_path / "notebook.py", [], tmp_path, environment()).wait()
    assert done.returncode == 0, done.stderr
    whole = trained("model=dense", "trainer.max_epochs=2", *SETTINGS)
    resumed = tmp_path / "resumed"
    weights = read(resumed / "checkpoints" / "last.ckpt")["state_dict"]
    assert same(weights, read(whole.last)["state_dict"])
    assert json_of(resumed / "metrics.json")["test"] == whole.metrics["test"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (
            "model.optimizer.lr=0.001",
            "model.optimizer.lr=0.001: the run of checkpoint={} has 0.002, and",
        ),
        ("noise.std=0.5", "noise.std=0.5: the run of checkpoint={} has 0.25, and"),
        ("noise=speckle", "noise._target_=datamodules.noise.Speckle: "),
        ("model=vae", "model._target_=denoisers.vae.VAE: "),
        ("model.hidden=[9]", "model.hidden=[9]: "),
        ("seed=4", "seed=4: the run of checkpoint={} has 3, and"),
        ("early_stopping.patience=null", "early_stopping.patience=None: "),
        ("data.batch_size=64", "data.batch_size=64: "),
        ("objective=noise2noise noise.clip=false", "noise.clip=False: "),
    ],
)
def test_a_config_that_contradicts_its_checkpoint_is_refused(
    changed: str, named: str, tmp_path: Path
) -> None:
    cfg = _composed_by_hydra("model=dense", *SETTINGS, *changed.split(" "))
    with pytest.raises(ValueError, match=r"cli\.composing\.compose") as caught:
        train(cfg, tmp_path / "run")
    assert str(caught.value).startswith(named.format(resumable()))
    assert not (tmp_path / "run").exists()


def _composed_by_hydra(*overrides: str) -> Any:
    checkpoint = f"checkpoint={resumable()}"
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return hydra.compose("train", [*TINY, "trainer.max_epochs=2", *overrides, checkpoint])


def test_what_a_resumed_run_may_choose_is_free_and_values_count_not_how_they_are_written(
    tmp_path: Path,
) -> None:
    cfg = _composed_by_hydra("model=dense", *SETTINGS, "trainer.max_epochs=3")
    cfg.early_stopping.min_delta = 0  # for 0.0
    train(cfg, tmp_path / "run")
    # And the config that a resumed run has kept resumes it again.
    again = compose("train", [f"checkpoint={resumable()}", *QUICK, "trainer.max_epochs=2"])
    OmegaConf.save(again, tmp_path / "config.yaml")
    train(OmegaConf.load(tmp_path / "config.yaml"), tmp_path / "again")  # type: ignore[arg-type]


def test_a_composite_goes_on_with_a_config_composed_for_it(tmp_path: Path) -> None:
    finetune = (*composite(), OPEN, "model.finetune=true", "trainer.max_epochs=1")
    first = train_in(tmp_path / "first", *finetune)
    cfg = compose("train", [f"checkpoint={first.last}", *QUICK, "trainer.max_epochs=2"])
    train(cfg, tmp_path / "resumed")
    assert read(tmp_path / "resumed" / "checkpoints" / "last.ckpt")["epoch"] == 1


def test_a_later_config_does_not_build_on_an_earlier_checkpoint(tmp_path: Path) -> None:
    cfg = compose("eval", [f"checkpoint={resumable()}", *QUICK, "baselines=none", "levels=[]"])
    assert cfg.noise.std == 0.25
    assert evaluate(cfg, tmp_path / "scored")["run_id"] == read(resumable())["run"]["run_id"]
    assert compose("export", [f"checkpoint={trained(*DENSE).best}"]).noise.std == 0.5
    checkpoint = f"checkpoint={resumable()}"
    with (
        hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
        pytest.raises(hydra.errors.MissingConfigException),
    ):
        hydra.compose("eval", [checkpoint])
    bare = compose("eval", [f"checkpoint={resumable()}", "~data"])
    with pytest.raises(ValueError, match=r"^data is missing: .*cli\.composing\.compose$"):
        evaluate(bare, tmp_path / "bare")


def test_each_command_is_composed_and_another_is_refused(tmp_path: Path) -> None:
    assert compose("denoise", ["input=a.png", "checkpoint=x.ckpt"]).input == "a.png"
    assert compose("train", ["model=vae"]).checkpoint is None
    with pytest.raises(ValueError, match=r"^there is no command 'score': the choices are train, "):
        compose("score")
    with pytest.raises(ValueError, match=r"^noise\.std: a resumed run takes all"):
        compose("train", [f"checkpoint={resumable()}", "noise.std=1"])
