"""Checkpoint files: plain, whole, enough to rebuild any model, and unable to run code."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from runs_for_tests import (
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
    resume_in,
    score_in,
    trained,
)
from torch import Tensor

from denoisers.base import ImageModel
from denoisers.checkpoint import AtomicCheckpointIO, RunRecord, class_name, load_model
from runs.config import build, plain

FILES = sorted((ROOT / "conf" / "model").glob("*.yaml"))
SINGLE = [file.stem for file in FILES if "???" not in file.read_text()]


def plain_types(content: Any) -> set[type]:
    """The types of everything in a nest of containers."""
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
    assert checkpoint["run"]["format_version"] == 1
    assert checkpoint["run"]["run_id"] == run.metrics["run_id"]
    assert checkpoint["run"]["parent_id"] is None
    assert checkpoint["run"]["model"] == run.metrics["model"]
    assert checkpoint["run"]["seed"] == cfg.seed
    assert checkpoint["run"]["split"] == data_of(cfg, "fit").split_fingerprint()
    for group in ("data", "noise", "early_stopping", "trainer"):
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


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused(zipped: bool, tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    content = read(trained(*DENSE).best) | {"callbacks": Payload(proof)}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content["callbacks"]))
    for call in (load_model, lambda path: score_in(tmp_path / "run", path)):
        with pytest.raises(ValueError, match=r"harmful.ckpt is damaged or not a checkpoint"):
            call(file)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]
    torch.load(file, weights_only=False) if zipped else pickle.loads(file.read_bytes())
    assert proof.exists(), "the payload works where nothing refuses it"


def altered(target: Path, *keys: str, value: Any) -> Path:
    """A copy of a checkpoint with another value at a place in it."""
    content = read(trained(*DENSE).last)
    node = content
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    torch.save(content, target)
    return target


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "torch.nn.Linear",
        "denoisers.base.torch.load",
        "denoisers.base.LightningModule",
        "denoisers.checkpoint.os.system",
        "denoisers.composite.assemble",
        "denoisers.checkpoint.load_model",
        "denoisers",
        "",
    ],
)
def test_only_models_of_ours_are_built_from_a_checkpoint(name: str, tmp_path: Path) -> None:
    file = altered(tmp_path / "harmful.ckpt", "run", "model", value=name)
    for call in (
        load_model,
        lambda path: score_in(tmp_path / "run", path),
        lambda path: resume_in(tmp_path / "run", path, "trainer.max_epochs=9"),
    ):
        with pytest.raises(ValueError, match=r"harmful.ckpt .*is not of this project's denoisers"):
            call(file)
    assert not (tmp_path / "run").exists()


def test_the_parts_of_a_composite_are_models_of_ours_too(tmp_path: Path) -> None:
    content = read(trained(*composite()).best)
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    arguments = dict(content["hyper_parameters"])
    harmful = {
        key: {"path": str(proof)} if isinstance(value, dict) else "os.mkdir"
        for key, value in arguments["denoiser"].items()
    }
    torch.save(content | {"hyper_parameters": arguments | {"denoiser": harmful}}, file)
    with pytest.raises(ValueError, match=r"'os.mkdir' is not of this project's denoisers"):
        load_model(file)
    assert not proof.exists()


PLACES = [("run", "data"), ("run", "noise"), ("run", "trainer"), ("hyper_parameters",)]


@pytest.mark.parametrize("place", PLACES)
def test_settings_in_a_checkpoint_name_no_foreign_code(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    node: Any = read(trained(*DENSE).last)
    for key in place:
        node = node[key]
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    changes: list[tuple[str, Any]] = [
        ("seed", harmful),
        ("seed", [harmful]),
        ("seed", {"deep": [{"down": harmful}]}),
        ("seed", "${oc.env:HOME}"),
        ("_partial_", True),
    ]
    if place != ("hyper_parameters",):
        changes += [
            ("_target_", "os.mkdir"),
            ("_target_", "datamodules.images.torch.load"),
            ("_target_", "datamodules.mnist.os.mkdir"),
            ("_target_", "denoisers.checkpoint.read_checkpoint"),
            ("_target_", "pytorch_lightning.Trainer.from_argparse_args"),
        ]
    for key, value in changes:
        altered(file, *place, value=dict(node) | {key: value})
        for call in (score_in, resume_in):
            with pytest.raises(ValueError, match=r"harmful.ckpt is refused"):
                call(tmp_path / "run", file)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


def test_settings_do_not_reach_code_through_our_modules(tmp_path: Path) -> None:
    proof, pickled, file = tmp_path / "proof", tmp_path / "notes.txt", tmp_path / "harmful.ckpt"
    pickled.write_bytes(pickle.dumps(Payload(proof)))
    load = "datamodules.images.torch.load"  # a name in a module of ours, but not of ours
    noise = {"_target_": load, "f": str(pickled), "weights_only": False}
    altered(file, "run", "noise", value=noise)
    for call in (score_in, resume_in):
        with pytest.raises(ValueError, match=r"harmful.ckpt is refused"):
            call(tmp_path / "run", file)
    assert not proof.exists()


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
