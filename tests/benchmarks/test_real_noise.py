"""python -m benchmarks.real_noise: pairs, the half that chooses, paired gains, and refusals."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from benchmarks import real_noise
from estimation.noise_level import estimate_std
from restoration.methods import by_checkpoint
from tests.helpers.pictures import photograph, with_noise
from tests.helpers.runs import TINY, trained

UNET = ("model=unet", "model.channels=[8,8]", "trainer.max_epochs=1", "noise=blind", *TINY)


def make_polyu(root: Path, count: int, size: int = 48) -> dict[str, tuple[Any, Any]]:
    """Write pairs, and return them as they are read."""
    (root / "PolyU").mkdir(parents=True)
    made = {}
    for number in range(count):
        clean = np.roll(photograph(3, size, size), number, 1)
        for kind, picture in (("mean", clean), ("real", with_noise(clean, 0.05))):
            pixels = (picture.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
            path = root / "PolyU" / f"{number}_{kind}.JPG"
            Image.fromarray(pixels).save(path, "JPEG", quality=95)
            made[f"{number}_{kind}"] = np.asarray(Image.open(path), np.float32) / 255
    return {f"{n}_real": (made[f"{n}_real"], made[f"{n}_mean"]) for n in range(count)}


def make_confocal(root: Path) -> None:
    for number, kind in enumerate(("noisy", "clean")):
        (root / "confocal" / kind).mkdir(parents=True)
        for name in ("a.tif", "b.tif"):
            picture = np.full((40, 44), 65535 - 1000 * number, np.uint16)
            tifffile.imwrite(root / "confocal" / kind / name, picture)


def restored_scores(pairs: list[tuple[Any, Any]], symmetries: int) -> list[float]:
    """Return the PSNR of each pair, H W C, as denoise.py restores it."""
    method = by_checkpoint(str(trained(*UNET).best), None, torch.device("cpu"), symmetries)
    scores = []
    for pair in pairs:
        noisy, clean = (np.ascontiguousarray(np.moveaxis(each, -1, 0)) for each in pair)
        scores.append(real_noise.psnr(method(noisy, estimate_std(noisy)).picture, clean))
    return scores


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(real_noise, "tune_process", lambda: None)
    monkeypatch.setattr(sys, "argv", ["real_noise", *map(str, arguments)])
    real_noise.main()


def test_pairs_are_read_beside_their_twins(tmp_path: Path) -> None:
    expected = make_polyu(tmp_path, 3)
    pairs = real_noise.pairs_of(tmp_path, "PolyU")
    assert [pair.name for pair in pairs] == [*expected]
    for pair in pairs:
        for found, there in zip((pair.noisy, pair.clean), expected[pair.name], strict=True):
            np.testing.assert_allclose(found, np.moveaxis(there, -1, 0), atol=1e-6)
    make_confocal(tmp_path)
    pair, _ = real_noise.pairs_of(tmp_path, "confocal")
    assert pair.noisy.shape == (1, 40, 44)
    assert (pair.noisy - pair.clean).max() == pytest.approx(1000 / 65535)


def test_every_other_pair_is_scored_as_denoise_restores_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [*make_polyu(tmp_path, 5).values()][1::2]
    output = tmp_path / "output"
    given = ("--root", tmp_path, "--sets", "PolyU", "--no-bm3d", "--output", output)
    run(monkeypatch, f"mine={trained(*UNET).best}", "--symmetries", "1", "8", *given)
    (result,) = json.loads((output / "results.json").read_text())["results"]
    assert result["pictures"] == ["1_real", "3_real"]
    noisy = [-10 * np.log10(np.square(a - b).mean()) for a, b in pairs]
    assert result["psnr"]["noisy"] == pytest.approx(noisy, abs=1e-3)
    ours, averaged = (restored_scores(pairs, symmetries) for symmetries in (1, 8))
    assert result["psnr"]["mine"] == pytest.approx(ours, abs=1e-4)
    assert result["psnr"]["mine, symmetries=8"] == pytest.approx(averaged, abs=1e-4)
    assert np.abs(np.subtract(ours, averaged)).min() > 1e-3
    gain = np.mean(ours) - np.mean(noisy)
    assert f"| mine | {np.mean(ours):.2f} | {gain:+.2f} | " in (output / "table.md").read_text()
    assert "PolyU, 2 pictures" in capsys.readouterr().out


def test_bm3d_gets_the_strength_that_is_best_for_the_other_half() -> None:
    pytest.importorskip("bm3d")
    clean = photograph(1, 48, 48)
    pairs = [real_noise.Pair("a", with_noise(clean, 0.06), clean)]
    assert real_noise.best_strength(pairs) in (0.045, 0.07)


def test_one_picture_has_no_interval() -> None:
    made = real_noise.table("one", {"noisy": [20.0], "mine": [21.5]})
    assert made.title == "one, 1 picture"
    assert made.rows == [["noisy", "20.00", "", ""], ["mine", "21.50", "+1.50", "–"]]


def test_mistakes_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, whole, odd = tmp_path / "one", tmp_path / "whole", tmp_path / "odd"
    make_polyu(one, 1)
    make_polyu(whole, 2)
    make_polyu(odd, 2)
    Image.new("RGB", (9, 9)).save(odd / "PolyU" / "1_mean.JPG")
    monkeypatch.setitem(sys.modules, "bm3d", None)
    plain = ("--sets", "PolyU", "--no-bm3d", "--root")
    for arguments, reason in (
        ((*plain, tmp_path / "none"), "PolyU has no pictures *_real.JPG"),
        ((*plain, one), "PolyU has one pair, and settings are chosen on another one"),
        ((*plain, odd), "1_real and its clean twin differ in size"),
        (("none.ckpt", *plain, whole), "there is no checkpoint at none.ckpt"),
    ):
        with pytest.raises(SystemExit) as ended:
            run(monkeypatch, *arguments, "--output", tmp_path / "output")
        assert ended.value.code == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("python -m benchmarks.real_noise: ")
        assert reason in line
    assert not (tmp_path / "output").exists()
