"""Checkpoints that an earlier release has written load in this one.

tests/fixtures/ has one for each format version. That of a new version is the last.ckpt of

    python train.py model=dense 'model.hidden=[1]' model.latent_dim=1 data=procedural \
        data.train_size=48 data.val_size=8 data.test_size=8 data.batch_size=16 trainer=cpu \
        trainer.max_epochs=2 trainer.logger=false hydra.run.dir=/tmp/release

as version_N.ckpt, and the values to compare with are what it restores now.
"""

from pathlib import Path

import pytest
import torch

from denoisers import checkpoint
from denoisers.checkpoint import load_model
from denoisers.upgrades import FORMAT_VERSION, Upgrade
from tests.helpers.runs import read, resume_in, score_in

FILES = sorted((Path(__file__).parent.parent / "fixtures").glob("version_*.ckpt"))
# By version, every 112th pixel that the model makes of a ramp from black to white.
RESTORED = {
    1: [0.34973368, 0.33110866, 0.43426722, 0.46661019, 0.32803538, 0.51864159, 0.33552217],
    2: [0.34973368, 0.33110866, 0.43426722, 0.46661019, 0.32803538, 0.51864159, 0.33552217],
    3: [0.34969234, 0.33112046, 0.43427423, 0.46661270, 0.32800308, 0.51860344, 0.33553901],
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
    """With two versions more than there are, each of which renames the seed."""

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
    """Before format 3, white was all that a file's type can hold."""
    content = read(FILES[1])
    assert version_of(FILES[1]) == 2
    content["run"]["data"] = {"_target_": "datamodules.folder.Folder", "crop": 12}
    torch.save(content, tmp_path / "older.ckpt")
    assert checkpoint.read_checkpoint(tmp_path / "older.ckpt").run["data"]["range"] == "dtype"
    assert "range" not in checkpoint.read_checkpoint(FILES[1]).run["data"]
