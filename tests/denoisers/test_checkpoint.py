"""Checkpoint files: plain, whole, and enough to rebuild any model."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from cli.config import build, plain
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model, read_checkpoint
from denoisers.safe_names import class_name
from denoisers.saving import AtomicCheckpointIO, RunRecord
from denoisers.upgrades import FORMAT_VERSION
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    ROOT,
    TINY,
    compose,
    composite,
    contents,
    data_of,
    evaluation_images,
    read,
    same,
    trained,
)

FILES = sorted((ROOT / "conf" / "model").glob("*.yaml"))
SINGLE = [file.stem for file in FILES if "???" not in file.read_text()]


def plain_types(content: Any) -> set[type]:
    """Return the types of everything in a nest of containers."""
    parts: list[Any] = []
    if isinstance(content, dict):
        parts = [*content.keys(), *content.values()]
    elif isinstance(content, list | tuple):
        parts = list(content)
    return {type(content)}.union(*map(plain_types, parts))


@pytest.mark.parametrize(
    "chosen", [lambda: DENSE, lambda: CLASSIFIER, composite], ids=["dense", "classifier", "parts"]
)
def test_a_checkpoint_holds_plain_containers_only(chosen: Callable[[], tuple[str, ...]]) -> None:
    overrides = chosen()
    run = trained(*overrides)
    cfg = compose("train", *TINY, *overrides)
    checkpoint = read(run.best)  # with weights_only=True
    for entry in ("run", "hyper_parameters"):
        plain_values = {dict, list, tuple, str, int, float, bool, type(None)}
        assert plain_types(dict(checkpoint[entry])) <= plain_values
    assert checkpoint["run"]["format_version"] == FORMAT_VERSION
    assert checkpoint["run"]["run_id"] == run.metrics["run_id"]
    assert checkpoint["run"]["parent_id"] is None
    assert checkpoint["run"]["model"] == run.metrics["model"]
    assert checkpoint["run"]["seed"] == cfg.seed
    assert checkpoint["run"]["split"] == data_of(cfg, "fit").split_fingerprint()
    for group in ("data", "noise", "objective", "early_stopping", "trainer"):
        assert checkpoint["run"][group] == plain(cfg[group])


def outputs(model: ImageModel, noisy: Tensor) -> Any:
    with torch.no_grad():
        return model.eval()(noisy)


@pytest.mark.parametrize("name", SINGLE)
def test_every_model_comes_back_from_its_checkpoint(name: str, tmp_path: Path) -> None:
    cfg = compose("train", *TINY, f"model={name}")
    batch = evaluation_images(cfg, "val", 16)
    model: ImageModel = build(cfg.model, "model", image_shape=(1, 28, 28), num_classes=10)
    model.train()(batch.noisy)  # moves the statistics of its normalisation
    record = read(trained(*DENSE).best)["run"] | {"model": class_name(type(model))}
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[RunRecord(record)],
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=False,
    )
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    loaded, run = load_model(tmp_path / "model.ckpt")
    assert type(loaded) is type(model)
    assert not loaded.training
    assert torch.equal(outputs(loaded, batch.noisy), outputs(model, batch.noisy))
    assert dict(loaded.hparams) == dict(model.hparams)
    assert run == record


def test_a_failed_save_leaves_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    save = AtomicCheckpointIO().save_checkpoint
    save({"epoch": 1, "weights": torch.ones(1000)}, file)
    before = contents(tmp_path)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        save({"epoch": 2, "weights": torch.zeros(1000), "bad": lambda: None}, file)
    assert contents(tmp_path) == before
    save({"epoch": 3}, file)
    assert read(file) == {"epoch": 3}
    assert os.listdir(tmp_path) == ["last.ckpt"]


def small(file: Path, seed: int) -> Path:
    """Write a checkpoint with another seed than a real one's: of the same size, byte for byte."""
    content = read(trained(*DENSE).last)
    content["run"]["seed"] = seed
    torch.save(content, file)
    return file


def test_a_file_that_was_kept_is_read_anew_once_it_has_changed(tmp_path: Path) -> None:
    file = small(tmp_path / "a.ckpt", seed=1)
    assert read_checkpoint(file, keep=True).run["seed"] == 1
    size, moment = file.stat().st_size, file.stat().st_mtime_ns
    small(tmp_path / "b.ckpt", seed=2).replace(file)  # another file of this name
    os.utime(file, ns=(moment, moment))
    assert file.stat().st_size == size
    assert read_checkpoint(file, keep=True).run["seed"] == 2
    small(file, seed=3)  # other bytes in the same file
    os.utime(file, ns=(moment + 1, moment + 1))
    assert file.stat().st_size == size
    assert read_checkpoint(file).run["seed"] == 3


def test_a_damaged_file_is_not_taken_for_the_one_that_was_kept(tmp_path: Path) -> None:
    file = small(tmp_path / "a.ckpt", seed=1)
    read_checkpoint(file, keep=True)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"a.ckpt is damaged or not a checkpoint"):
        read_checkpoint(file)


def test_what_a_reader_changes_is_changed_for_nobody_else(tmp_path: Path) -> None:
    file = small(tmp_path / "a.ckpt", seed=1)
    first, whole = read_checkpoint(file, keep=True), read(file)
    for given in (first.contents(), first.contents()):
        given["state_dict"]["encoder.0.weight"].zero_()
        given["optimizer_states"][0]["state"][0]["step"] += 1
        given["run"]["noise"].clear()
        given.pop("epoch")
    first.run.clear()
    first.get("callbacks").clear()
    first.model().train().requires_grad_(False)
    for again in (first, read_checkpoint(file, keep=True), read_checkpoint(file)):
        assert same(again.contents(), whole)
