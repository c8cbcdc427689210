"""A resumed run ends exactly where the uninterrupted one ends."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from cli import checkpoint_options
from tests.helpers.runs import (
    BATCHES,
    CLASSIFIER,
    DENSE,
    OPEN,
    SPOIL,
    VAE,
    Run,
    composite,
    contents,
    curves,
    json_of,
    read,
    resume_in,
    same,
    score_in,
    train_in,
    trained,
    untimed,
)

# Few images and narrow layers, in as many batches.
FEW = ("data.batch_size=16", "data.train_size=32", "data.val_size=16", "data.test_size=16")
SMALL = ("model.hidden=[16]", "model.latent_dim=4", *FEW)
WORKERS = (*DENSE, *SMALL, "trainer.max_epochs=2", "data.num_workers=2")
# Others have Muon, as by default.
LINEAR = (
    *(*DENSE, *SMALL, "model.optimizer.muon_lr=null"),
    *("model.optimizer.schedule=linear", "model.optimizer.warmup=1.5"),
)
POWER_CUT = "trainer.callbacks=[{_target_:tests.helpers.callbacks.PowerCut,epoch:1}]"


def assert_same_run(resumed: Run, uninterrupted: Run) -> None:
    assert untimed(resumed.history) == untimed(uninterrupted.history)
    assert curves(resumed.directory) == curves(uninterrupted.directory)
    assert resumed.returned == uninterrupted.returned
    assert resumed.metrics["test"] == uninterrupted.metrics["test"]
    for ours, theirs in (
        (read(resumed.last), read(uninterrupted.last)),
        (read(resumed.best), read(uninterrupted.best)),
    ):
        for entry in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers"):
            assert same(ours[entry], theirs[entry]), entry


def copied(run: Run, directory: Path) -> Run:
    shutil.copytree(run.directory, directory)
    return Run(directory, run.returned)


def test_the_curves_of_a_resumed_run_are_whole() -> None:
    shown = curves(trained(*DENSE).directory)
    steps = [epoch * BATCHES - 1 for epoch in (1, 2, 3)]
    for tag in ("train/loss", "val/loss", "val/psnr", "learning_rate"):
        assert [step for step, _ in shown[tag]] == steps


def test_curves_are_whole_where_they_were_carried_over_halfway(tmp_path: Path) -> None:
    whole = trained(*DENSE)
    run = copied(whole, tmp_path / "run")
    (run.directory / "metrics.json").unlink()
    for events in [*(run.directory / "tensorboard").rglob("events*")]:
        content = events.read_bytes()
        events.with_name(f"{events.name}.carried").write_bytes(content[: len(content) // 2])
    train_in(run.directory, *DENSE, go_on=True)
    assert curves(run.directory) == curves(whole.directory)


@pytest.mark.parametrize(
    "overrides",
    [DENSE, WORKERS, LINEAR, VAE, CLASSIFIER],
    ids=["dense with Muon", "two workers", "linear and AdamW alone", "vae", "classifier"],
)
def test_an_interrupted_run_goes_on_to_the_same_end(
    overrides: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        train_in(tmp_path / "cut", *overrides, POWER_CUT)
    cut = Run(tmp_path / "cut", 0.0)
    assert len(cut.history) == 1
    before = contents(cut.directory)
    # max_epochs comes from the checkpoint, as all else does.
    resumed = resume_in(tmp_path / "resumed", cut.last)
    uninterrupted = trained(*overrides)
    assert_same_run(resumed, uninterrupted)
    assert contents(cut.directory) == before
    assert resumed.metrics["parent_id"] == read(cut.last)["run"]["run_id"]
    assert resumed.metrics["run_id"] != resumed.metrics["parent_id"]
    record = read(resumed.last)["run"]
    assert record["run_id"] == resumed.metrics["run_id"]
    ids = ("run_id", "parent_id")
    original = read(uninterrupted.last)["run"]
    assert {k: v for k, v in record.items() if k not in (*ids, "trainer")} == {
        k: v for k, v in original.items() if k not in (*ids, "trainer")
    }


@cache
def one_epoch() -> Run:
    return trained("model=dense", OPEN, "trainer.max_epochs=1", "trainer.logger=true")


def test_a_composite_that_is_trained_goes_on_too(tmp_path: Path) -> None:
    finetune = (*composite(), OPEN, "model.finetune=true")
    first = train_in(tmp_path / "first", *finetune, "trainer.max_epochs=1")
    resumed = resume_in(tmp_path / "resumed", first.last, "trainer.max_epochs=2")
    whole = train_in(tmp_path / "whole", *finetune, "trainer.max_epochs=2")
    assert_same_run(resumed, whole)
    assert score_in(tmp_path / "scored", resumed.last)["run_id"] == resumed.metrics["run_id"]


def test_the_best_epoch_is_inherited_where_none_is_better(tmp_path: Path) -> None:
    finished = one_epoch()
    spoilt = "trainer.max_epochs=2", SPOIL.format(0)
    resumed = resume_in(tmp_path / "resumed", finished.last, *spoilt)
    assert resumed.best.read_bytes() == finished.best.read_bytes()
    assert resumed.metrics["best_epoch"] == 1
    assert resumed.returned == finished.returned
    assert resumed.metrics["test"] == finished.metrics["test"]
    assert read(resumed.last)["epoch"] == 1
    # A run that resumes this one finds it too.
    again = resume_in(tmp_path / "again", resumed.last, "trainer.max_epochs=3", SPOIL.format(0))
    assert again.best.read_bytes() == finished.best.read_bytes()


def test_early_stopping_goes_on_counting(tmp_path: Path) -> None:
    stopping = (OPEN, *SMALL, "early_stopping.patience=2", "early_stopping.min_delta=99")
    first = train_in(tmp_path / "first", "model=dense", "trainer.max_epochs=2", *stopping)
    resumed = resume_in(tmp_path / "resumed", first.last, "trainer.max_epochs=9")
    assert len(resumed.history) == 3
    with pytest.raises(ValueError, match="early stopping has ended its run after 3 epochs"):
        resume_in(tmp_path / "again", resumed.last, "trainer.max_epochs=99")


def test_a_finished_run_extended_twice_equals_a_longer_one(tmp_path: Path) -> None:
    first = one_epoch()
    second = resume_in(tmp_path / "second", first.last, "trainer.max_epochs=2")
    third = resume_in(tmp_path / "third", second.last, "trainer.max_epochs=3")
    assert_same_run(third, trained(*DENSE))
    assert third.metrics["epochs"] == 3
    assert second.metrics["parent_id"] == first.metrics["run_id"]
    assert third.metrics["parent_id"] == second.metrics["run_id"]
    assert json_of(third.directory / "run.json")["run_id"] == third.metrics["run_id"]


@pytest.mark.parametrize(
    "override",
    [
        "model.optimizer.lr=1",
        "model=vae",
        "noise.std=0.1",
        "noise=gaussian",
        "data.batch_size=7",
        "seed=1",
        "early_stopping.patience=9",
        "experiment=demo",
        "+model.depth=3",
    ],
)
def test_what_the_checkpoint_decides_cannot_be_overridden(override: str) -> None:
    key = override.strip("+").split("=")[0]
    with pytest.raises(ValueError, match=f"^{re.escape(key)}: .* from its checkpoint"):
        checkpoint_options.resume(
            [f"checkpoint={one_epoch().last}", "trainer.max_epochs=2", override]
        )


def test_a_run_that_has_reached_its_end_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_epochs"):
        resume_in(tmp_path / "run", one_epoch().last)


def test_a_run_that_was_cut_off_in_its_tests_is_tested(tmp_path: Path) -> None:
    run = copied(trained(*DENSE), tmp_path / "cut")
    (run.directory / "metrics.json").unlink()
    assert_same_run(resume_in(tmp_path / "resumed", run.last), trained(*DENSE))


def test_a_run_that_stops_inside_an_epoch_goes_on_from_the_last_whole_one(tmp_path: Path) -> None:
    run = train_in(tmp_path / "cut", *DENSE, "trainer.max_steps=3")
    assert len(run.history) == 1
    assert read(run.last)["global_step"] == BATCHES
    resumed = resume_in(tmp_path / "resumed", run.last, "trainer.max_steps=-1")
    assert_same_run(resumed, trained(*DENSE))


def test_a_checkpoint_from_inside_an_epoch_is_refused(tmp_path: Path) -> None:
    # Lightning's own callback may be added, and saves at any step.
    every_step = (
        "trainer.callbacks=[{_target_:pytorch_lightning.callbacks.ModelCheckpoint,"
        f"dirpath:{tmp_path},filename:inside,every_n_train_steps:1,enable_version_counter:false}}]"
    )
    train_in(tmp_path / "run", "model=dense", *SMALL, "trainer.max_steps=3", every_step)
    assert read(tmp_path / "inside.ckpt")["global_step"] == 3
    with pytest.raises(ValueError, match="inside an epoch"):
        resume_in(tmp_path / "resumed", tmp_path / "inside.ckpt", "trainer.max_steps=-1")
