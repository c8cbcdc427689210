"""python -m benchmarks.photographs: what it prints and writes, and how it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.photographs import __main__ as command
from tests.helpers.photographs import make_set, picture
from tests.helpers.runs import ROOT, TINY, trained

UNET = ("model=unet", "model.channels=[8,8]", "trainer.max_epochs=1", "noise=blind", *TINY)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    """Do what the command does, in this process and on the cores that it has."""
    monkeypatch.setattr(command, "_keep_to", lambda threads: None)
    monkeypatch.setattr(sys, "argv", ["photographs", *map(str, arguments)])
    command.main()


def test_the_command_scores_a_model_and_writes_three_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_set(tmp_path, "Set12", 12)
    make_set(tmp_path, "CBSD68", 2, channels=3)  # which no model is for
    output = tmp_path / "output"
    settings = ("--root", tmp_path, "--sigma", "25", "--output", output, "--baselines", "noisy")
    run(monkeypatch, f"mine={trained(*UNET).best}", *settings)
    said = capsys.readouterr().out
    assert "Set12, σ = 25, 12 grey pictures" in said
    assert "CBSD68" not in said
    written = json.loads((output / "results.json").read_text())
    (result,) = written["results"]
    assert result["pictures"] == [f"{number:02d}.png" for number in range(12)]
    assert [*result["methods"]] == ["noisy", "mine"]
    psnr = result["methods"]["mine"]["psnr"]
    assert psnr["mean"] == pytest.approx(np.mean(psnr["by_picture"]))
    assert psnr["interval"][0] < psnr["mean"] < psnr["interval"][1]
    assert "BM3D" not in result["methods"]
    assert result["published_psnr"]["BM3D"] == 29.97
    assert f"| mine | {psnr['mean']:.2f} |" in (output / "table.md").read_text()
    assert Image.open(output / "psnr_over_time.png").format == "PNG"

    before = (output / "results.json").read_bytes()
    with pytest.raises(SystemExit):
        run(monkeypatch, *settings)
    assert f"--output {output} exists already: give a new folder" in capsys.readouterr().err
    assert (output / "results.json").read_bytes() == before


def test_mistakes_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    make_set(root, "colour", 1, channels=3)
    make_set(root, "Set12", 1)
    (root / "empty").mkdir()
    Image.fromarray(picture(0)).save(make_set(root, "mixed", 1, channels=3) / "grey.png")
    deep = np.zeros((20, 20), np.uint16)
    Image.fromarray(deep).save(make_set(root, "deep", 1) / "deep.png")
    Image.fromarray(picture(0)[:9]).save(make_set(root, "small", 1) / "small.png")
    (tmp_path / "bare").mkdir()
    model = trained(*UNET).best
    monkeypatch.setitem(sys.modules, "bm3d", None)  # what Python holds of a module that is absent
    cases = [
        (("--root", root / "none"), "none: there is no such folder"),
        (("--root", tmp_path / "bare"), "it has none of the folders Set12, BSD68, CBSD68, Kodak24"),
        (("--root", root, "--sets", "Set14"), "--sets Set14: there is no such folder in"),
        (("--root", root, "--sets", "Set14"), "it has Set12, colour, deep, empty, mixed, small"),
        (("--root", root, "--sets", "empty"), "empty has no pictures"),
        (("--root", root, "--sets", "mixed"), "has grey pictures (grey.png) and pictures in col"),
        (("--root", root, "--sets", "deep"), "deep.png is not a grey or RGB picture of 8 bits"),
        (("--root", root, "--sets", "small"), "small.png has less than 11 pixels a side"),
        ((model, "--root", root, "--sets", "colour"), "is for grey pictures: colour is colour"),
        (
            (model, "--root", root, "--sets", "Set12", "colour"),
            "--sets colour: no model is for colour pictures",
        ),
        (("none.ckpt", "--root", root), "there is no checkpoint at none.ckpt"),
        ((model, model, "--root", root), "two methods are called"),
        (("--root", root, "--kair-dncnn", model), "is no DnCNN of KAIR's"),
        (("--root", root, "--kair-dncnn", "none.pth"), "there is no file none.pth"),
        (("--root", root, "--baselines"), "there is nothing to score"),
        (
            ("--root", root, "--baselines", "bm4d"),
            "--baselines bm4d: choose from noisy, tv, nlm, b",
        ),
        (("--root", root, "--baselines", "bm3d"), "non-commercial use only, is absent: pip inst"),
        (("--root", root, "--sigma", "0"), "--sigma must be above 0, got 0"),
        (("--root", root, "--sigma", "nan"), "--sigma must be above 0, got nan"),
        (("--root", root, "--every", "0"), "--every must be at least 1, got 0"),
        (("--root", root, "--threads", "0"), "--threads must be from 1 to"),
    ]
    for arguments, reason in cases:
        with pytest.raises(SystemExit) as ended:
            run(monkeypatch, *arguments, "--output", tmp_path / "output")
        assert ended.value.code == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("python -m benchmarks.photographs: ")
        assert reason in line
    assert not (tmp_path / "output").exists()


def test_all_methods_are_kept_to_the_cores_that_are_given() -> None:
    """Whatever threads a library starts, and before torch counts the cores."""
    code = (
        "from benchmarks.photographs.__main__ import _keep_to; _keep_to(1); "
        "import os, torch; print(len(os.sched_getaffinity(0)), torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]
