"""Checkpoints of earlier releases load in this one.

tests/fixtures/ has one for each format version. For a new version, run

    python train.py model=dense 'model.hidden=[1]' model.latent_dim=1 \
        model.optimizer.schedule=exponential data=procedural \
        data.train_size=48 data.val_size=8 data.test_size=8 data.batch_size=16 trainer=cpu \
        trainer.max_epochs=2 trainer.logger=false hydra.run.dir=/tmp/release

and keep its last.ckpt as version_N.ckpt. The values to compare with are those that it restores now.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from denoisers import checkpoint
from denoisers.checkpoint import load_model
from denoisers.composite import Composite
from denoisers.upgrades import FORMAT_VERSION, Upgrade
from tests.helpers.models import new_composite, new_model
from tests.helpers.runs import read, resume_in, same, score_in

FILES = sorted((Path(__file__).parent.parent / "fixtures").glob("version_*.ckpt"))
# By version: every 112th pixel that the model restores from a ramp from black to white.
RESTORED = {
    1: [0.34973368, 0.33110866, 0.43426722, 0.46661019, 0.32803538, 0.51864159, 0.33552217],
    2: [0.34973368, 0.33110866, 0.43426722, 0.46661019, 0.32803538, 0.51864159, 0.33552217],
    3: [0.34969234, 0.33112046, 0.43427423, 0.46661270, 0.32800308, 0.51860344, 0.33553901],
    4: [0.35022253, 0.33096913, 0.43418416, 0.46658060, 0.32841745, 0.51909226, 0.33532333],
    5: [0.34973368, 0.33110866, 0.43426722, 0.46661019, 0.32803538, 0.51864159, 0.33552217],
    6: [0.35718974, 0.32898998, 0.43300289, 0.46615684, 0.33385965, 0.52547580, 0.33250210],
}


def version_of(file: Path) -> int:
    return int(file.stem.removeprefix("version_"))


def test_there_is_a_file_of_every_version() -> None:
    assert sorted(map(version_of, FILES)) == list(range(1, FORMAT_VERSION + 1))
    for file in FILES:
        assert read(file)["run"]["format_version"] == version_of(file)
        assert file.stat().st_size < 60_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_restores_as_it_did(file: Path) -> None:
    model, run = load_model(file)
    with torch.no_grad():
        restored = model(torch.linspace(0, 1, 784).view(1, 1, 28, 28)).flatten()[::112]
    assert restored.tolist() == pytest.approx(RESTORED[version_of(file)], abs=1e-6)
    assert run["parent_id"] is None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_scored_and_resumed(file: Path, tmp_path: Path) -> None:
    old = read(file)
    scores = score_in(tmp_path / "scored", file)
    row = old["callbacks"]["History"]["rows"][-1]
    validated = score_in(tmp_path / "validated", file, "split=val")
    assert scores["run_id"] == old["run"]["run_id"]
    assert validated["test"]["psnr"] == pytest.approx(row["val/psnr"], abs=1e-4)
    resumed = resume_in(tmp_path / "resumed", file, "trainer.max_epochs=3")
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3]
    assert resumed.metrics["parent_id"] == old["run"]["run_id"]
    assert read(resumed.last)["run"]["format_version"] == FORMAT_VERSION


def test_older_contents_are_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more versions are added, each of which renames the seed."""

    def rename(before: str, after: str) -> Upgrade:
        return lambda content: {
            **content,
            "run": content["run"] | {"seed": 1, after: content["run"][before]},
        }

    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", FORMAT_VERSION + 2)
    first, second = rename("seed", "key"), rename("key", "random_key")
    monkeypatch.setattr(checkpoint, "UPGRADES", {FORMAT_VERSION: first, FORMAT_VERSION + 1: second})
    file = FILES[-1]
    run = checkpoint.read_checkpoint(file).run
    assert run["random_key"] == read(file)["run"]["seed"]
    assert run["seed"] == 1


def test_a_newer_version_asks_for_an_update(tmp_path: Path) -> None:
    content = read(FILES[-1])
    content["run"]["format_version"] = FORMAT_VERSION + 1
    torch.save(content, tmp_path / "newer.ckpt")
    with pytest.raises(ValueError, match=r"newer.ckpt was written by a newer release .*: update$"):
        load_model(tmp_path / "newer.ckpt")


def test_pictures_of_ones_own_keep_the_range_that_they_had(tmp_path: Path) -> None:
    """Before format 3, white was the largest number of a file's type."""
    content = read(FILES[1])
    assert version_of(FILES[1]) == 2
    content["run"]["data"] = {"_target_": "datamodules.folder.Folder", "crop": 12}
    torch.save(content, tmp_path / "older.ckpt")
    assert checkpoint.read_checkpoint(tmp_path / "older.ckpt").run["data"]["range"] == "dtype"
    assert "range" not in checkpoint.read_checkpoint(FILES[1]).run["data"]


def test_before_format_5_units_were_relus_and_crops_in_colour(tmp_path: Path) -> None:
    unet = new_model("residual_unet", channels=[8, 8], blocks=[1, 1], slope=0.0)
    composite = new_composite(unet, new_model("classifier"))
    content = read(FILES[3])
    assert version_of(FILES[3]) == 4
    content["run"]["data"] = {"_target_": "datamodules.folder.Folder", "crop": 12}
    for model in (unet, composite):
        arguments = dict(model.hparams)
        (arguments if model is unet else arguments["denoiser"]["arguments"]).pop("slope")
        content["run"]["model"] = f"{type(model).__module__}.{type(model).__name__}"
        content |= {"state_dict": model.state_dict(), "hyper_parameters": arguments}
        torch.save(content, tmp_path / "older.ckpt")
        loaded, run = load_model(tmp_path / "older.ckpt")
        assert run["data"]["grey_share"] == 0
        denoiser = loaded.denoiser if isinstance(loaded, Composite) else loaded
        assert dict(denoiser.hparams) == dict(unet.hparams)


def flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a model's arguments as format 3 had them."""
    parts = {
        name: value | {"arguments": flat(value["arguments"])}
        for name, value in arguments.items()
        if name in ("denoiser", "classifier")
    }
    others = {name: value for name, value in arguments.items() if name != "optimizer"}
    settings = {name: arguments["optimizer"][name] for name in ("lr", "lr_decay", "weight_decay")}
    return others | settings | parts


def test_format_3_resumes_as_if_its_optimizer_had_settings_of_their_own(tmp_path: Path) -> None:
    newest = FILES[3]
    content = read(newest)
    older = content["run"] | {"format_version": 3}
    content |= {"run": older, "hyper_parameters": flat(content["hyper_parameters"])}
    assert "lr_decay" in content["hyper_parameters"]
    torch.save(content, tmp_path / "older.ckpt")
    ends = [
        read(resume_in(tmp_path / path.stem, path, "trainer.max_epochs=3").last)
        for path in (newest, tmp_path / "older.ckpt")
    ]
    for entry in ("state_dict", "optimizer_states", "lr_schedulers", "hyper_parameters"):
        assert same(ends[0][entry], ends[1][entry]), entry


def test_the_parts_of_a_composite_of_format_3_are_upgraded_too(tmp_path: Path) -> None:
    """Then the learning rate fell exponentially, and there was no Muon."""
    then: dict[str, Any] = {"optimizer": {"schedule": "exponential", "muon_lr": None}}
    parts = new_model("dense", hidden=[8], **then), new_model("classifier", **then)
    model = new_composite(*parts)
    content = read(FILES[2])
    content["run"] |= {"format_version": 3, "model": "denoisers.composite.Composite"}
    content |= {"state_dict": model.state_dict(), "hyper_parameters": flat(dict(model.hparams))}
    torch.save(content, tmp_path / "older.ckpt")
    loaded, _ = load_model(tmp_path / "older.ckpt")
    assert dict(loaded.hparams) == dict(model.hparams)
