"""What denoise.py refuses, each in one line, and what does not stop it."""

from pathlib import Path

import pytest
import torch

import denoise
from cli.messages import is_users_mistake, one_line
from tests.helpers.pictures import save
from tests.helpers.restoring import UNET, pixels, restore
from tests.helpers.runs import CLASSIFIER, DENSE, compose, contents, run_command, trained

REFUSED = [
    (
        "checkpoint=phot input=in/a.png output=out",
        "there is no checkpoint at phot; the weights that ship are camera, photo",
    ),
    ("method=tvl input=in output=out", "did you mean method=tv?"),
    ("method=tv sigma=0 input=in output=out", "sigma=0"),
    ("checkpoint=x.ckpt output=out", "input is required"),
    ("checkpoint=x.ckpt input=in output=out tile=0", "tile=0: should be"),
    ("checkpoint=x.ckpt input=in output=out +tiles=1", "tiles: there is no such setting"),
    ("checkpoint=x.ckpt input=[] output=out", "input=[]"),
    ("checkpoint=x.ckpt input=none output=out", "input=none: there is no such file or folder"),
    ("checkpoint=x.ckpt input=none/*.png output=out", "input=none/*.png: there is no picture"),
    ("checkpoint=x.ckpt input=empty output=out", "input=empty: there is no picture"),
    ("checkpoint=x.ckpt input=in output=in/a.png", "output=in/a.png is a file"),
    ("checkpoint=x.ckpt input=in output=in", "in/a.png is an original, and would be overwritten"),
    (
        "checkpoint=x.ckpt input=in/a.png output=in/../in overwrite=true",
        "in/../in/a.png is an original",
    ),
    (
        "checkpoint=x.ckpt input=[in/c.png,in/b/c.png] output=out",
        "would both be restored to out/c.png",
    ),
    ("checkpoint=x.ckpt input=in/a.png output=old", "old/a.png exists already"),
    ("checkpoint=x.ckpt input=in output=out reference=none", "reference=none: there is no such"),
    ("checkpoint=x.ckpt input=in output=out reference=in/a.png", "is one file for 4 pictures"),
    ("checkpoint=x.ckpt input=in output=out reference=in/b", "it has no picture a.png"),
]


@pytest.mark.parametrize(("arguments", "line"), REFUSED)
def test_what_is_refused(
    arguments: str, line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = contents(folder)
    with pytest.raises((ValueError, OSError)) as caught:
        denoise.denoise(compose("denoise", *arguments.split()))
    assert is_users_mistake(caught.value)
    assert line in one_line(caught.value)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("checkpoint=x.ckpt input=in/a.png output=in", "in/a.png is an original"),
    ],
)
def test_a_mistake_is_one_line_before_torch_is_loaded(
    arguments: str, line: str, folder: Path
) -> None:
    options = ("-X", "importtime")
    run = run_command("denoise.py", *arguments.split(), directory=folder, options=options)
    modules = [entry for entry in run.stderr.splitlines() if entry.startswith("import time:")]
    (said,) = set(run.stderr.splitlines()) - set(modules)
    assert run.returncode == 1
    assert said.startswith(f"denoise.py: {line}")
    assert "torch" not in {entry.rpartition("|")[2].strip() for entry in modules}


@pytest.mark.parametrize(
    ("run", "settings", "line"),
    [
        (CLASSIFIER, (), "a Classifier restores no pictures"),
        (DENSE, ("tile=64",), "a Dense has tiles of its own size"),
        (UNET, ("tile=10",), "tile=10: it must be at least"),
        (UNET, ("device=cuda",), "device=cuda: torch finds no GPU here"),
    ],
)
def test_what_the_model_cannot_do_is_refused(
    run: tuple[str, ...], settings: tuple[str, ...], line: str, folder: Path, tmp_path: Path
) -> None:
    if "device=cuda" in settings and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    given = f"input={folder}/in/a.png", f"output={tmp_path}/out", *settings
    with pytest.raises(ValueError, match=line):
        restore(*given, checkpoint=trained(*run).best)
    assert not (tmp_path / "out").exists()


def test_a_damaged_picture_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "in" / name, pixels(1))
    content = (tmp_path / "in" / "b.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"^1 of 3 failed: .*in/b.png cannot be read") as caught:
        restore(f"input={tmp_path}/in", f"output={tmp_path}/out")
    assert is_users_mistake(caught.value)
    written = {name for name in contents(tmp_path / "out") if name.endswith(".png")}
    assert written == {f"{name}.png{end}" for name in "ac" for end in ("", ".triptych.png")}
