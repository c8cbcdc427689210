"""train.py init=… starts from the weights of another run."""

from pathlib import Path

import pytest
import torch

from cli import checkpoint_options
from denoisers.checkpoint import load_model
from tests.helpers.lines import line_for
from tests.helpers.runs import SMALL_DENSE, Run, json_of, read, same, train_in, trained

# What an epoch makes of the weights shows where it began.
STILL = ("model.optimizer.lr=1e-12", "model.optimizer.muon_lr=null")
EPOCH = ("trainer.max_epochs=1", *STILL)
FIRST = (*SMALL_DENSE, "trainer.max_epochs=1")


def start_in(directory: Path, *arguments: str) -> Run:
    """Train as the command line does."""
    added = checkpoint_options.resume(list(arguments))
    try:
        return train_in(directory, *arguments, *added)
    finally:
        checkpoint_options.withdraw()


def test_training_starts_from_the_weights_and_the_model_of_a_run(tmp_path: Path) -> None:
    first = trained(*FIRST)
    run = start_in(tmp_path / "run", f"init={first.best}", "seed=3", "noise.std=0.2", *EPOCH)
    model, settings = load_model(run.last)
    before, _ = load_model(first.best)
    for name, weight in before.named_parameters():
        torch.testing.assert_close(model.state_dict()[name], weight, atol=1e-8, rtol=0)
    assert dict(model.hparams) == dict(before.hparams) | {
        "optimizer": before.hparams["optimizer"] | {"lr": 1e-12, "muon_lr": None},
        "seed": 3,
    }
    assert settings["noise"]["std"] == 0.2
    assert settings["parent_id"] is None  # it is another run, which trains all its epochs
    assert json_of(run.directory / "run.json")["init"] == str(first.best)


def test_a_run_without_init_starts_from_other_weights(tmp_path: Path) -> None:
    first, run = trained(*FIRST), train_in(tmp_path / "run", *SMALL_DENSE, *EPOCH)
    assert not same(read(first.best)["state_dict"], read(run.last)["state_dict"])


def test_the_same_seed_starts_to_the_same_bits(tmp_path: Path) -> None:
    arguments = (f"init={trained(*FIRST).best}", "trainer.max_epochs=1")
    runs = [start_in(tmp_path / name, *arguments) for name in "ab"]
    assert same(*(read(run.last)["state_dict"] for run in runs))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["model=unet"], "its Dense does not fit the UNet of model=, only the"),
        (
            ["model=dense", "model.latent_dim=9", "model.hidden=[8]"],
            "the model to train has (9, 8); channels and sizes of model and data",
        ),
        (
            ["data.train_size=64", "init=nowhere.ckpt"],
            "there is no checkpoint at nowhere.ckpt",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, arguments: list[str], reason: str
) -> None:
    words = [f"init={trained(*FIRST).best}", *arguments]
    line = line_for(lambda: start_in(tmp_path / "run", *words))
    assert reason in line
    assert not (tmp_path / "run").exists()


def test_without_init_strict_what_fits_is_taken(tmp_path: Path) -> None:
    """A network for grey pictures begins one for colours: all but its first and last layer fit."""
    unet = ("model=unet", "model.channels=[4,8]")
    first = trained(*unet, "trainer.max_epochs=1", "data.train_size=32")
    words = ["data=dead_leaves", "data.pictures=1", "data.size=64", "data.crop=32"]
    words += ["data.train_size=8", "data.val_size=1", "data.test_size=1", "data.channels=3"]
    words += ["data.max_radius=30"]
    run = start_in(tmp_path / "run", f"init={first.best}", "init_strict=false", *words, *EPOCH)
    models = (load_model(path)[0] for path in (first.best, run.last))
    before, after = (dict(model.named_parameters()) for model in models)
    alike = {name for name in before if before[name].shape == after[name].shape}
    assert 0 < len(before) - len(alike) <= 4
    for name in alike:
        torch.testing.assert_close(after[name], before[name], atol=1e-8, rtol=0)


def test_a_resumed_run_takes_no_other_weights() -> None:
    last = trained(*FIRST).last
    with pytest.raises(ValueError, match="init: a resumed run takes all from its checkpoint"):
        checkpoint_options.resume([f"checkpoint={last}", "init=other.ckpt"])
