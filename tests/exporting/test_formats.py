"""export.py writes files that restore as the checkpoint does, and that describe themselves."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from cli.config import plain
from datamodules.mnist import FashionMNIST
from denoisers.checkpoint import load_model
from exporting.about import describe_export
from exporting.checks import TOLERANCE, outputs
from tests.helpers.exports import LICENCE, ONNX, SMALL, checkpoint_of, export_to, exported
from tests.helpers.lines import line_for
from tests.helpers.runs import DENSE, ROOT, compose, contents, read, trained

FORMATS = [pytest.param("onnx", marks=ONNX), "torch_export", "safetensors"]
MODELS = ["dense", "composite", *SMALL]
ANY_SIZE = {"conv_upsample", "conv_transposed", "unet", "dncnn", "residual_unet"}
OUTPUTS = {"classifier": ["logits"], "composite": ["restored", "logits"]}


def runner(file: Path, format: str) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Load an exported file without code of this project."""
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        (given,) = session.get_inputs()
        return lambda images: tuple(
            map(torch.from_numpy, session.run(None, {given.name: images.numpy()}))
        )
    assert format == "torch_export"
    module = torch.export.load(file).module()
    return lambda images: outputs(module(images))


def about(file: Path, format: str) -> dict[str, str]:
    """Read the metadata by the format's own package."""
    if format == "onnx":
        import onnx

        return {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    if format == "torch_export":
        extra = {"about.json": ""}
        torch.export.load(file, extra_files=extra)
        found: dict[str, str] = json.loads(extra["about.json"])
        return found
    with safetensors.safe_open(file, "pt") as content:
        metadata: dict[str, str] = content.metadata()
    return metadata


def test_every_model_is_exported_here() -> None:
    assert {file.stem for file in (ROOT / "conf" / "model").glob("*.yaml")} == {*MODELS}


@pytest.mark.parametrize(
    ("name", "format"),
    [
        *(pytest.param(name, "onnx", marks=ONNX) for name in MODELS),
        ("dense", "torch_export"),
        ("conv_transposed", "torch_export"),
    ],
)
def test_a_file_restores_as_its_checkpoint_for_any_batch_and_size(name: str, format: str) -> None:
    file = exported(name, format)
    run = runner(file, format)
    model, _ = load_model(checkpoint_of(name))
    sizes = [(28, 28), (29, 31), (48, 64), (4, 9)] if name in ANY_SIZE else [(28, 28)]
    for count, (height, width) in zip((1, 2, 5, 1), sizes * 4, strict=False):
        images = torch.rand(count, 1, height, width)
        with torch.inference_mode():
            found, expected = run(images), outputs(model(images))
        assert len(found) == len(expected) == len(OUTPUTS.get(name, ["restored"]))
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=TOLERANCE)
    said = about(file, format)
    assert list(json.loads(said["outputs"])) == OUTPUTS.get(name, ["restored"])
    free = ["height", "width"] if name in ANY_SIZE else [28, 28]
    shape = ["batch", 1, *free]
    given = json.loads(said["input"])
    assert given["shape"] == shape
    assert given["name"] == ("images" if name == "classifier" else "noisy")
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        (noisy,) = session.get_inputs()
        assert (noisy.name, noisy.shape, noisy.type) == (given["name"], shape, "tensor(float)")
        written = {output.name: output.shape for output in session.get_outputs()}
        known = {"restored": shape, "logits": ["batch", 10]}
        assert written == {output: known[output] for output in OUTPUTS.get(name, ["restored"])}
    assert file.stat().st_size < 4 * sum(p.numel() for p in model.parameters()) + 300_000


@pytest.mark.parametrize("name", MODELS)
def test_safetensors_hold_the_weights_and_what_to_put_them_into(name: str) -> None:
    file = exported(name, "safetensors")
    content, said = read(checkpoint_of(name)), about(file, "safetensors")
    weights = safetensors.torch.load_file(file)
    assert weights.keys() == content["state_dict"].keys()
    assert all(torch.equal(weights[key], content["state_dict"][key]) for key in weights)
    assert said["model"] == content["run"]["model"]
    assert json.loads(said["arguments"]) == json.loads(json.dumps(content["hyper_parameters"]))


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_says_what_it_is(format: str) -> None:
    run, file = trained(*DENSE), exported("dense", format)
    said = about(file, format)
    assert said["model"] == "denoisers.dense.Dense"
    assert json.loads(said["arguments"])["hidden"] == [512, 256]
    assert json.loads(said["class_names"])[9] == "Ankle boot"
    assert json.loads(said["noise"]) == {"name": "Gaussian", "std": 0.5, "clip": True}
    assert json.loads(said["objective"]) == {"name": "Supervised"}
    data = json.loads(said["data"])
    assert (data["name"], data["train_size"]) == ("Procedural", 256)
    assert data["licence"] == "not stated"
    assert (said["seed"], said["run_id"]) == ("0", run.metrics["run_id"])
    metrics = {part: run.metrics[part] for part in ("validation", "test")}
    assert json.loads(said["metrics"]) == metrics
    assert re.fullmatch(r"image-denoisers \d+\.\d+\.\d+", said["project"])
    assert said["licence"] == LICENCE
    for folder in (ROOT, run.directory, Path(torch.__file__).parent.parent):
        assert str(folder).encode() not in file.read_bytes()


def test_the_folders_of_pictures_are_not_exported() -> None:
    model, run = load_model(trained(*DENSE).best)
    folders = {"root": "/home/me/photos", "test_root": "/home/me/others", "crop": 48}
    data = {"_target_": "datamodules.folder.Folder"} | folders
    said = json.loads(describe_export(model, run | {"data": data}, None, LICENCE)["data"])
    assert said == {"name": "Folder", "crop": 48, "licence": "not stated"}


@pytest.mark.parametrize("group", ["noise", "objective"])
def test_a_file_says_every_setting_of_every_noise_and_objective(group: str) -> None:
    model, run = load_model(trained(*DENSE).best)
    for file in sorted((ROOT / "conf" / group).glob("*.yaml")):
        config = OmegaConf.load(file)
        assert isinstance(config, DictConfig)
        node = plain(config)
        said = json.loads(describe_export(model, run | {group: node}, None, LICENCE)[group])
        for part, (name, settings) in zip(
            [said, *said.pop("parts", {}).values()], classes_in(node), strict=True
        ):
            assert part == {"name": name} | settings


def classes_in(node: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the class's name and the plain settings of a node, and then of each of its parts."""
    parts = [found for part in node.get("parts", {}).values() for found in classes_in(part)]
    settings = {key: value for key, value in node.items() if key not in ("_target_", "parts")}
    return [(node["_target_"].rpartition(".")[2], settings), *parts]


def test_only_the_checkpoint_that_was_measured_has_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(*DENSE)
    (tmp_path / "checkpoints").mkdir()
    stray = tmp_path / "checkpoints" / "best.ckpt"
    stray.write_bytes(run.best.read_bytes())
    metrics_of_another = json.dumps(run.metrics | {"run_id": "another"})
    (tmp_path / "metrics.json").write_text(metrics_of_another)
    for name, checkpoint in (("last", run.last), ("stray", stray)):
        file = export_to(tmp_path / name, checkpoint, "format=safetensors")
        said = about(file, "safetensors")
        assert "metrics" not in said
        assert said["licence"] == "not stated"
        assert "no metrics" in capsys.readouterr().out


@pytest.mark.usefixtures("fashion_mnist_root")
def test_real_images_are_those_of_the_run_and_their_licence_goes_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = read(trained(*DENSE).best)
    checkpoint["run"]["data"] = plain(compose("train", "data=fashion_mnist").data)
    torch.save(checkpoint, tmp_path / "best.ckpt")
    file = export_to(tmp_path / "model", tmp_path / "best.ckpt", "format=safetensors")
    assert json.loads(about(file, "safetensors")["data"])["licence"].startswith("MIT")
    assert "random and 64 real images" in capsys.readouterr().out


def test_missing_images_are_no_reason_to_check_on_others_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FashionMNIST.source, "mirrors", ["file:///nowhere/"])
    elsewhere = ("format=safetensors", "data=fashion_mnist", f"data.root={tmp_path / 'data'}")
    line = line_for(lambda: export_to(tmp_path / "new", checkpoint_of("vae"), *elsewhere))
    assert "check=random" in line
    assert not contents(tmp_path)
    export_to(tmp_path / "new", checkpoint_of("vae"), *elsewhere, "check=random")


@ONNX
def test_the_documented_example_needs_nothing_but_onnx_runtime(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "export.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (code,) = (block for block in blocks if "import onnxruntime" in block)
    run = trained(*DENSE)
    (tmp_path / "best.onnx").symlink_to(exported("dense", "onnx"))
    noisy = np.random.default_rng(0).random((2, 1, 28, 28), dtype=np.float32)
    np.save(tmp_path / "noisy.npy", noisy)
    (tmp_path / "torch.py").write_text("raise ImportError('there is no torch here')")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{run.metrics['test']['psnr']:.2f} dB" in done.stdout
    with torch.no_grad():
        expected = load_model(run.best)[0](torch.from_numpy(noisy)).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "restored.npy"), expected, atol=TOLERANCE)
