"""A checkpoint runs no code that is not ours, whatever it names."""

import importlib
import math
import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from denoisers.checkpoint import load_model
from denoisers.intervals.calibration import calibrations_of
from tests.helpers.hostile import altered, small
from tests.helpers.runs import composite, read, resume_in, score_in, trained


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize(
    ("zipped", "reason"),
    [
        (True, "it names 'posix mkdir', which is not called"),
        (False, "it is a pickle, which is not opened"),
    ],
)
def test_a_pickle_that_runs_code_is_refused(zipped: bool, reason: str, tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    content = read(small().best) | {"callbacks": Payload(proof)}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content["callbacks"]))
    for call in (load_model, lambda path: score_in(tmp_path / "run", path)):
        with pytest.raises(ValueError, match=rf"harmful.ckpt is damaged or not a .*: {reason}"):
            call(file)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]
    torch.load(file, weights_only=False) if zipped else pickle.loads(file.read_bytes())
    assert proof.exists(), "the payload works where nothing refuses it"


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


PLACES = [
    ("run", "data"),
    ("run", "noise"),
    ("run", "objective"),
    ("run", "trainer"),
    ("hyper_parameters",),
]


@pytest.mark.parametrize("place", PLACES)
def test_settings_in_a_checkpoint_name_no_foreign_code(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    node: Any = read(small().last)
    for key in place:
        node = node[key]
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    # The trainer is Lightning's, and a model's arguments hold no objects at all.
    objects = place[-1] not in ("trainer", "hyper_parameters")
    refused = "'os.mkdir' is not of" if objects else "it holds the key '_target_'"
    changes: list[tuple[str, Any, str]] = [
        ("seed", harmful, refused),
        ("seed", [harmful], refused),
        ("seed", {"deep": [{"down": harmful}]}, refused),
        ("seed", "${oc.env:HOME}", "it holds the interpolation"),
        ("_partial_", True, "it holds the key '_partial_'"),
    ]
    if place != ("hyper_parameters",):
        foreign = (
            "os.mkdir",
            "datamodules.images.torch.load",
            "datamodules.mnist.os.mkdir",
            "denoisers.checkpoint.read_checkpoint",
            "pytorch_lightning.Trainer.from_argparse_args",
        )
        changes += [("_target_", name, f"'{name}' is not (of|Light)") for name in foreign]
    for key, value, reason in changes:
        altered(file, *place, value=dict(node) | {key: value})
        assert_refused(file, reason)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


def test_the_noise_of_a_calibration_names_no_foreign_code_either(tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    right = calibration()
    assert calibrations_of(load_model(altered(file, "run", "intervals", value=[right]))[1])
    for noise, reason in (
        (harmful, "'os.mkdir' is not of"),
        ({"std": 0.5}, "None is not of"),
        (right["noise"] | {"std": harmful}, "'os.mkdir' is not of"),
        (right["noise"] | {"std": [{"deep": harmful}]}, "'os.mkdir' is not of"),
        (right["noise"] | {"std": "${oc.env:HOME}"}, "it holds the interpolation"),
        (right["noise"] | {"_partial_": True}, "it holds the key '_partial_'"),
    ):
        altered(file, "run", "intervals", value=[right, right | {"noise": noise}])
        assert_refused(file, reason)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"scale": -1.0}, r"intervals\.0\.scale is wrong: Input should be greater than 0"),
        ({"level": math.nan}, r"intervals\.0\.level is wrong"),
        ({"widths": {"weights": []}}, r"intervals\.0\.widths\.knots is wrong: Field required"),
        ({"images": [torch.ones(1)]}, r"intervals\.0\.images is wrong"),
        ({"\x1b[2J" + 200 * "x": 1}, r"intervals\.0\.\?\[2Jx{60,70} is wrong: Extra inputs"),
    ],
)
def test_a_calibration_that_is_none_is_one_line(
    wrong: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    file = altered(tmp_path / "odd.ckpt", "run", "intervals", value=[calibration() | wrong])
    with pytest.raises(ValueError, match=f"is not a checkpoint of this project: its {reason}"):
        load_model(file)


def calibration() -> dict[str, Any]:
    """Return the smallest calibration of intervals that there is."""
    return {
        "noise": {"_target_": "datamodules.noise.Gaussian", "std": 0.5, "clip": True},
        "symmetries": 1,
        "level": 0.9,
        "delta": 0.1,
        "images": 100,
        "image_shape": [1, 28, 28],
        "scale": 1.0,
        "widths": {"weights": [], "knots": [0.0], "lower": [0.1], "upper": [0.1]},
    }


def assert_refused(file: Path, reason: str) -> None:
    """By everything that reads a checkpoint."""
    directory = file.parent / "run"
    for call in (load_model, partial(score_in, directory), partial(resume_in, directory)):
        with pytest.raises(ValueError, match=rf"{file.name} is refused: {reason}"):
            call(file)


TRACE = """
import pathlib
from datamodules.noise import Gaussian

pathlib.Path(__file__).with_name("trace").touch()

class Noise(Gaussian):
    pass
"""


@pytest.mark.parametrize("place", [("noise",), ("noise", "parts", "a"), ("data", "seed")])
def test_no_module_is_imported_because_a_checkpoint_names_it(
    place: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, file = f"leaves_a_trace_{len(place)}_{place[0]}", tmp_path / "harmful.ckpt"
    (tmp_path / f"{name}.py").write_text(TRACE)
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": f"{name}.Noise", "std": 0.5, "clip": True}
    mixed = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    altered(file, "run", "noise", value=mixed | {"parts": {"a": {}}})
    altered(file, "run", *place, value=node, source=file)
    assert_refused(file, f"'{name}.Noise' is not of this project's datamodules")
    assert not (tmp_path / "trace").exists()
    # What the program has imported itself may be named: it is a user's own noise.
    importlib.import_module(name)
    assert (tmp_path / "trace").exists()
    assert isinstance(load_model(file)[1][place[0]], dict)


def test_settings_do_not_reach_code_through_our_modules(tmp_path: Path) -> None:
    proof, pickled, file = tmp_path / "proof", tmp_path / "notes.txt", tmp_path / "harmful.ckpt"
    pickled.write_bytes(pickle.dumps(Payload(proof)))
    # A module of this project imports torch, but torch is not of this project.
    load = "datamodules.images.torch.load"
    noise = {"_target_": load, "f": str(pickled), "weights_only": False}
    altered(file, "run", "noise", value=noise)
    assert_refused(file, f"'{load}' is not of")
    assert not proof.exists()


def test_the_parts_of_a_noise_are_noises_of_ours_too(tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    gaussian = {"_target_": "datamodules.noise.Gaussian", "std": 0.5, "clip": True}
    mixed = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    foreign = "'os.mkdir' is not of this project's"
    parts: list[tuple[Any, str]] = [
        ({"a": gaussian, "b": harmful}, foreign),
        ({"a": gaussian | {"std": harmful}}, foreign),
        ({"a": gaussian | {"_partial_": True}}, "it holds the key '_partial_'"),
        ({"a": gaussian | {"_target_": "datamodules.images.torch.load"}}, ".*torch.load' is not"),
        ({"a": mixed | {"parts": {"b": harmful}}}, foreign),
        ({"a": [harmful]}, foreign),
        ({"a": "${oc.env:HOME}"}, "it holds the interpolation"),
        ({"_target_": gaussian, "path": str(proof)}, "{'_target_': 'datamodules.* is not of this"),
        (harmful, foreign),
        ([gaussian, harmful], foreign),
    ]
    for value, reason in parts:
        altered(file, "run", "noise", value=mixed | {"parts": value})
        assert_refused(file, reason)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"_target_": "datamodules.procedural.Procedural"}, r"a\._target_=.* that makes no Noise"),
        ({"std": 0.5}, r"noise\.parts=.* should be an instance of Noise"),
    ],
)
def test_the_parts_of_a_noise_are_noises(part: Any, reason: str, tmp_path: Path) -> None:
    mixed = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    file = altered(tmp_path / "odd.ckpt", "run", "noise", value=mixed | {"parts": {"a": part}})
    for call in (score_in, resume_in):
        with pytest.raises(ValueError, match=reason):
            call(tmp_path / "run", file)
