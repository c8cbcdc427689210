"""The weights that ship: small, found by their names, and good."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from denoisers import pretrained
from denoisers.checkpoint import load_model, read_checkpoint
from denoisers.pretrained import prepare, ship
from restoration import classical
from restoration.restorer import Restorer
from tests.helpers.runs import trained

UNET = ("model=unet", "model.channels=[8,8]", "trainer.max_epochs=1", "noise=blind")


def test_files_are_small_and_have_cards() -> None:
    files = sorted(pretrained.FOLDER.glob("*.safetensors"))
    assert [file.stem for file in files] == pretrained.names() == ["camera", "photo"]
    assert max(file.stat().st_size for file in files) <= 4e6
    assert sum(file.stat().st_size for file in files) <= 10e6
    for file in files:
        assert file.with_suffix(".md").read_text().startswith(f"# {file.stem}\n")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_weights_restore_a_photograph(channels: int, sigma: int) -> None:
    """They beat total variation, told the noise, by far. The photograph is in no training set."""
    clean = (data.chelsea()[40:296, 60:316].transpose(2, 0, 1) / 255).astype(np.float32)
    clean = clean if channels == 3 else clean.mean(0, keepdims=True)
    noise = np.random.default_rng(0).normal(size=clean.shape).astype(np.float32)
    noisy = clean + sigma / np.float32(255) * noise
    restored = Restorer(load_model("photo")[0], None, torch.device("cpu"))(torch.from_numpy(noisy))
    errors = {
        "model": np.square(restored.numpy() - clean).mean(),
        "tv": np.square(classical.restore("tv", noisy, sigma / 255) - clean).mean(),
    }
    psnr = {method: -10 * np.log10(error) for method, error in errors.items()}
    assert psnr["model"] > psnr["tv"] + 0.5


def test_a_clean_picture_comes_back_as_it_was() -> None:
    clean = torch.from_numpy((data.chelsea().transpose(2, 0, 1) / 255).astype(np.float32))
    for name in pretrained.names():
        restored = Restorer(load_model(name)[0], None, torch.device("cpu"))(clean)
        assert -10 * (restored - clean).square().mean().log10() > 45


def test_a_name_stands_for_its_file_and_a_path_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo").write_text("a file of that name")
    assert read_checkpoint("photo").path == pretrained.FOLDER / "photo.safetensors"
    assert pretrained.located("./photo") == Path("photo")
    with pytest.raises(
        FileNotFoundError, match=r"at phto; the weights that ship are camera, photo$"
    ):
        read_checkpoint("phto")


def test_shipping_keeps_all_but_digits(tmp_path: Path) -> None:
    run = trained(*UNET)
    ship.ship(read_checkpoint(run.best), tmp_path / "small.safetensors")
    shipped, record = load_model(tmp_path / "small.safetensors")
    model, original = load_model(run.best)
    assert record == original
    weights = shipped.state_dict()
    for name, weight in model.state_dict().items():
        assert weights[name].dtype == weight.dtype
        assert torch.equal(weights[name], weight.half().float()), name


def test_photographs_are_cut_into_tiles(tmp_path: Path) -> None:
    """Every pixel of a photograph is in one tile at each scale; flat tiles are few."""
    random = np.random.default_rng(0)
    for folder in prepare.SCALES:
        (tmp_path / folder).mkdir()
    busy = random.integers(0, 256, (420, 600, 3), np.uint8)
    Image.fromarray(busy).save(tmp_path / "gb82_CC0" / "busy.png")
    Image.fromarray(busy).save(tmp_path / "gb82_CC0" / "nyc-lossless.png")
    Image.fromarray(busy).save(tmp_path / "gb82_CC0" / "mc2-lossless.png")
    Image.new("RGB", (1200, 1200), "grey").save(tmp_path / "budgie_CC0" / "flat.png")
    count = prepare.prepare(tmp_path, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out" / "train").iterdir())
    assert len(names) == count
    assert [path.name for path in (tmp_path / "out" / "test").iterdir()] == ["nyc-lossless_100.png"]
    whole = [name for name in names if name.startswith("busy_100")]
    assert len(whole) == 2 * 3
    opened = [np.asarray(Image.open(tmp_path / "out" / "train" / name)) for name in whole]
    rows = [np.hstack(opened[:3]), np.hstack(opened[3:])]
    assert np.array_equal(np.vstack(rows), busy)
    assert len([name for name in names if name.startswith("busy_60")]) == 1 * 2
    assert len([name for name in names if name.startswith("flat")]) < 4
    with pytest.raises(FileNotFoundError, match="no such folder of photographs"):
        prepare.prepare(tmp_path / "out", tmp_path / "again")
