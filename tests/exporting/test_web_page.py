"""export.py format=web writes a folder with all that the page for a browser asks for."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

import export
from cli import checkpoint_options
from cli.config import plain
from denoisers import vae
from denoisers.checkpoint import load_model
from exporting import onnx as onnx_format
from exporting import web_page
from exporting.checks import outputs
from exporting.web_models import kind_of
from tests.helpers.lines import line_for
from tests.helpers.models import CONFIGS, any_model, new_model
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    TINY,
    VAE,
    compose,
    composite,
    contents,
    data_of,
    evaluation_images,
    read,
    trained,
)
from tests.helpers.shared import once

pytestmark = pytest.mark.skipif(
    bool(onnx_format.missing()), reason="ONNX comes with pip install '.[onnx]'"
)
IDS = ["vae", "dense", "classifier", "dense-2", "composite"]


def checkpoints_in(folder: Path) -> list[Path]:
    """Return the checkpoints of the page, in the order of `IDS`."""
    mixed = changed(folder / "mixed.ckpt", trained(*CLASSIFIER).best, noise=mixed_noise())
    dense = trained(*DENSE)
    return [trained(*VAE).best, dense.best, mixed, dense.last, trained(*composite()).best]


def mixed_noise() -> dict[str, Any]:
    noise: dict[str, Any] = plain(compose("train", "noise=mixed").noise)
    return noise


def changed(file: Path, checkpoint: Path, **run: Any) -> Path:
    """Write a checkpoint whose run says something else."""
    content = read(checkpoint)
    content["run"] |= run
    torch.save(content, file)
    return file


def export_page(output: Path, *checkpoints: Path | str, overrides: tuple[str, ...] = ()) -> Path:
    """Export as export.py's command line does."""
    given = f"checkpoint=[{','.join(map(str, checkpoints))}]"
    arguments = [given, "format=web", f"output={output}", *overrides]
    return export.export(compose("export", *arguments, *checkpoint_options.score(arguments)))


@pytest.fixture
def built(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder in the place of web/dist, which Node makes."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "assets" / "page.js").write_text("show()")
    monkeypatch.setattr(web_page, "BUILT", folder)
    return folder


@pytest.fixture
def page(built: Path) -> Path:
    """Return a page with five models, which is written once."""
    return once(lambda folder: export_page(folder / "page", *checkpoints_in(folder)), "web page")


def laboratory_of(page: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((page / "laboratory.json").read_text())
    return content


def models_of(page: Path) -> dict[str, Any]:
    return {entry["id"]: entry for entry in laboratory_of(page)["models"]}


def networks_of(page: Path) -> list[dict[str, Any]]:
    """Return the entries of all ONNX files."""
    laboratory = laboratory_of(page)
    latent = models_of(page)["vae"]["latent"]
    return [*laboratory["models"], latent["encoder"], latent["decoder"], laboratory["photograph"]]


def run(page: Path, network: dict[str, Any], given: Tensor) -> dict[str, Tensor]:
    """Run a network by what its entry says, without code of this project."""
    import onnxruntime

    session = onnxruntime.InferenceSession(page / network["file"])
    found = session.run(network["outputs"], {network["input"]: given.numpy()})
    return dict(zip(network["outputs"], map(torch.from_numpy, found), strict=True))


def test_a_page_has_the_built_files_and_all_that_it_names(page: Path, built: Path) -> None:
    files = contents(page)
    named = {network["file"]: network["bytes"] for network in networks_of(page)}
    assert len(named) == len(IDS) + 3  # the halves of the VAE, and photo
    assert {name: len(files[name]) for name in named} == named
    assert files["assets/page.js"] == b"show()"
    others = {"index.html", "assets/page.js", "images.bin", "laboratory.json"}
    assert files.keys() == named.keys() | others


def test_models_are_described(page: Path) -> None:
    models = models_of(page)
    assert [*models] == IDS
    assert [entry["kind"] for entry in models.values()] == [name.split("-")[0] for name in IDS]
    does = {name: entry["does"] for name, entry in models.items()}
    assert does == {
        "vae": "restores",
        "dense": "restores",
        "classifier": "classifies",
        "dense-2": "restores",
        "composite": "both",
    }
    model, _ = load_model(trained(*DENSE).best)
    assert models["dense"]["parameters"] == sum(weights.numel() for weights in model.parameters())
    assert models["dense"]["noise"] == {"name": "Gaussian", "std": 0.5, "clip": True}
    scores = {name: entry["psnr"] for name, entry in models.items()}
    for name, overrides in (("dense", DENSE), ("vae", VAE), ("composite", composite())):
        assert scores.pop(name) == trained(*overrides).metrics["test"]["psnr"]
    # last.ckpt has not been measured, and neither has a checkpoint outside its run.
    assert scores == {"dense-2": None, "classifier": None}
    parts = models["classifier"]["noise"].pop("parts")
    assert models["classifier"]["noise"] == {"name": "Mixed", "strength": 1.0, "clip": True}
    assert parts == {
        "poisson": {"name": "Poisson", "peak": 10.0, "clip": False},
        "gaussian": {"name": "Gaussian", "std": 0.2, "clip": False},
        "salt_and_pepper": {"name": "SaltAndPepper", "probability": 0.05, "clip": False},
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_kinds_are_those_of_conf_model(name: str) -> None:
    assert kind_of(any_model("dense+classifier" if name == "composite" else name)) == name


def test_networks_compute_what_the_models_do(page: Path, tmp_path: Path) -> None:
    noisy = torch.rand(2, 1, 28, 28)
    for checkpoint, entry in zip(checkpoints_in(tmp_path), models_of(page).values(), strict=True):
        model, _ = load_model(checkpoint)
        with torch.no_grad():
            expected = outputs(model(noisy))
        found = run(page, entry, noisy).values()
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    photo, picture = load_model("photo")[0], torch.rand(1, 3, 24, 40)
    with torch.no_grad():
        expected = outputs(photo(picture))
    restored = run(page, laboratory_of(page)["photograph"], picture)["restored"]
    torch.testing.assert_close(restored, expected[0], atol=1e-5, rtol=1e-5)


def test_a_vae_is_there_in_two_halves_with_what_validation_images_say(page: Path) -> None:
    model, _ = load_model(trained(*VAE).best)
    assert isinstance(model, vae.VAE)
    latent = models_of(page)["vae"]["latent"]
    assert latent["count"] == model.latent_dim
    cfg = compose("train", *TINY, *VAE)
    noisy = evaluation_images(cfg, "val").noisy
    with torch.no_grad():
        mean, log_variance = model.posterior(noisy)
        restored = model(noisy)
    means = run(page, latent["encoder"], noisy)["latent"]
    torch.testing.assert_close(means, mean, atol=1e-6, rtol=1e-5)
    found = run(page, latent["decoder"], means)["restored"]
    torch.testing.assert_close(found, restored, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(latent["spread"], mean.numpy().std(0), rtol=1e-4)
    divergence = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0, 1)).mean(0)
    assert sorted(latent["order"]) == [*range(model.latent_dim)]
    assert (divergence[latent["order"]].diff() <= 1e-6 * divergence.max()).all()


def test_the_images_are_the_first_test_images_of_each_class(page: Path) -> None:
    images = laboratory_of(page)["images"]
    data = data_of(compose("train", *TINY, *VAE), "test")
    pixels, labels = data.load(test=True)  # type: ignore[attr-defined]
    rows = [row for c in range(10) for row in np.flatnonzero(labels == c)[:10]]
    assert images["shape"] == [len(rows), 1, 28, 28]
    assert (page / images["file"]).read_bytes() == pixels[rows].numpy().tobytes()
    assert images["labels"] == labels[rows].tolist()
    assert images["classNames"][9] == "Ankle boot"
    assert (images["name"], images["licence"]) == ("Procedural", "not stated")


def refused(tmp_path: Path, *checkpoints: Path | str, overrides: tuple[str, ...] = ()) -> str:
    """Return the line that the user sees. Nothing is written."""
    before = contents(tmp_path)
    line = line_for(partial(export_page, tmp_path / "new", *checkpoints, overrides=overrides))
    assert contents(tmp_path) == before
    return line


@pytest.mark.usefixtures("built")
def test_models_that_have_no_place_on_a_page_are_refused_by_name(tmp_path: Path) -> None:
    dense = trained(*DENSE).best
    larger = new_model("dncnn", (1, 32, 32), depth=2, width=2)
    content = read(dense) | {"state_dict": larger.state_dict(), "optimizer_states": []}
    content["hyper_parameters"] = dict(larger.hparams)
    content["run"]["model"] = "denoisers.dncnn.DnCNN"
    torch.save(content, tmp_path / "larger.ckpt")
    line = refused(tmp_path, dense, tmp_path / "larger.ckpt")
    assert line.startswith(f"{tmp_path}/larger.ckpt is for images of 1 x 32 x 32, the page has ")
    other = changed(tmp_path / "other.ckpt", dense, split="of other data")
    line = refused(tmp_path, dense, other)
    assert line.startswith(f"{other} was trained on other data than {dense}")
    assert "checkpoint=photo: leave it out" in refused(tmp_path, dense, "photo")
    assert str(tmp_path / "none.ckpt") in refused(tmp_path, dense, tmp_path / "none.ckpt")
    assert "1 x 28 x 28" in refused(tmp_path, dense, overrides=("data=dead_leaves",))


def test_a_page_that_is_not_built_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_page, "BUILT", tmp_path / "dist")
    dense = trained(*DENSE)
    line = refused(tmp_path, dense.best, dense.last)
    assert f"make page CHECKPOINTS='[{dense.best},{dense.last}]'" in line


@pytest.mark.usefixtures("built")
def test_wrong_settings_are_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense = trained(*DENSE).best
    line = refused(tmp_path, dense, dense, overrides=("format=onnx",))
    assert line == "checkpoint: format=onnx takes one, format=web takes a list"
    assert "did you mean format=web?" in refused(tmp_path, dense, overrides=("format=wbe",))
    assert "checkpoint=path is required" in refused(tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").touch()
    line = refused(tmp_path, dense)
    assert line == f"{tmp_path}/new exists already, and is not empty: give another output"
    file = f"output={tmp_path}/new/mine"
    assert f"{tmp_path}/new/mine is a file" in refused(tmp_path, dense, overrides=(file,))
    monkeypatch.setattr(onnx_format, "PACKAGES", ("no_such_runtime",))
    line = refused(tmp_path, dense, overrides=(f"output={tmp_path}/other",))
    assert line == "format=web needs no_such_runtime: pip install '.[onnx]'"


@pytest.mark.usefixtures("built")
def test_nothing_is_written_where_a_network_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format, "load", lambda content: lambda images: (images,))
    assert "differs from the original" in refused(tmp_path, trained(*DENSE).best)
