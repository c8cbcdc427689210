"""export.py: its check against the original, its refusals, and the file that it writes."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

import export
from cli import checkpoint_options
from exporting import onnx as onnx_format
from exporting import safetensors as safetensors_format
from exporting.checks import TOLERANCE, largest_difference
from tests.helpers.exports import ONNX, SMALL, checkpoint_of, export_to
from tests.helpers.lines import line_for
from tests.helpers.models import new_model
from tests.helpers.runs import DENSE, compose, contents, run_command, same, trained


def only(wrong: Callable[[Tensor], bool], error: float) -> Callable[[Tensor], tuple[Tensor]]:
    """Return a random DnCNN that is off by `error` on the images that `wrong` chooses."""
    model = new_model("dncnn", **SMALL["dncnn"]).eval()

    def run(images: Tensor) -> tuple[Tensor]:
        with torch.no_grad():
            restored = model(images)
        return (restored + error if wrong(images) else restored,)

    return run


REAL = torch.full((9, 1, 28, 28), 0.25)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda images: len(images) == 1, "1 random images"),
        (lambda images: len(images) == 7, "7 random images"),
        (lambda images: len(images) == 64, "64 random images"),
        (lambda images: images.shape[2] % 2 == 1, "images of 29 x 31 pixels"),
        (lambda images: images.shape[3] == 64, "images of 48 x 64 pixels"),
        (lambda images: bool((images == 0.25).all()), "1 real images"),
        (lambda images: bool((images < 0).any()), "1 random images"),
    ],
)
def test_a_difference_on_any_kind_of_input_is_found(
    wrong: Callable[[Tensor], bool], named: str
) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    right = only(lambda images: False, 0)
    torch.set_rng_state(state)
    model = new_model("dncnn", **SMALL["dncnn"]).eval()
    assert largest_difference(model, right, REAL) == 0
    for error in (2 * TOLERANCE, float("nan")):
        torch.set_rng_state(state)
        line = line_for(partial(largest_difference, model, only(wrong, error), REAL))
        assert named in line
        assert "nothing was written" in line
    torch.set_rng_state(state)
    assert 0 < largest_difference(model, only(wrong, TOLERANCE / 2), REAL) < TOLERANCE


def test_nothing_is_written_where_the_check_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for load, said in (
        (lambda content: lambda images: (images,), "differs from the original"),
        (lambda content: lambda images: (images[:, :, 1:],), "differs from the original by inf"),
        (lambda content: lambda images: images.no_such_thing, "fails on 1 random images"),
    ):
        monkeypatch.setattr(safetensors_format, "load", load)
        new = partial(export_to, tmp_path / "new", checkpoint_of("vae"), "format=safetensors")
        assert said in line_for(new)
    assert not contents(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["format=onxx"], "format=onxx: there is no such format, did you mean format=onnx?"),
        (["format=keras"], "the choices are onnx, safetensors, torch_export"),
        (["format=null"], "format=None"),
        (["check=none"], "check=none: should be 'real' or 'random'"),
        (["licence=3"], "licence=3"),
        (["output=3"], "output=3"),
        (["noise.std=-1"], "noise.std"),
        (["data=procedural", "data.test_size=0"], "test_size"),
        (["output={tmp}/file/model.safetensors"], "file/model.safetensors could not be written"),
    ],
)
def test_a_bad_setting_is_named(overrides: list[str], named: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = [override.format(tmp=tmp_path) for override in overrides]
    line = line_for(
        lambda: export_to(tmp_path / "model", checkpoint_of("vae"), "format=safetensors", *given)
    )
    assert named in line
    assert contents(tmp_path) == {"file": b""}


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    copy = tmp_path / "copy.ckpt"
    copy.write_bytes(checkpoint_of("classifier").read_bytes())
    arguments = [f"checkpoint={copy}", "format=safetensors"]
    cfg = compose("export", *arguments, *checkpoint_options.score(arguments))
    file = export.export(cfg)
    assert file == tmp_path / "copy.model.safetensors"
    before = contents(tmp_path)
    line = line_for(lambda: export.export(cfg))
    assert line == f"{file} exists already: give another output"
    assert contents(tmp_path) == before


def test_the_weights_alone_are_exported_like_the_checkpoint(tmp_path: Path) -> None:
    run = trained(*DENSE)
    weights = run.directory / "checkpoints" / "best.safetensors"
    exports = [
        export_to(tmp_path / name, source, "format=safetensors").read_bytes()
        for name, source in (("a.safetensors", weights), ("b.safetensors", run.best))
    ]
    first, second = map(safetensors.torch.load, exports)
    assert same(first, second)


def test_what_is_no_checkpoint_or_lacks_a_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(*DENSE)
    for checkpoint in (run.directory / "metrics.json", tmp_path / "none.ckpt"):
        assert str(checkpoint) in line_for(partial(export_to, tmp_path / "new", checkpoint))
    monkeypatch.setattr(onnx_format, "PACKAGES", ("onnx", "no_such_runtime"))
    line = line_for(partial(export_to, tmp_path / "new", run.best))
    assert line == "format=onnx needs no_such_runtime: pip install '.[onnx]'"
    assert not contents(tmp_path)


@ONNX
def test_the_command_writes_one_file_and_says_so_in_a_line(tmp_path: Path) -> None:
    checkpoint = f"checkpoint={trained(*DENSE).best}"
    arguments = (checkpoint, "output=new/model.onnx")
    done = run_command("export.py", *arguments, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path).keys() == {"new/model.onnx"}
    (line,) = done.stdout.splitlines()
    assert line.startswith("new/model.onnx: Dense, ")
    assert "random and 64 real images" in line
    assert not done.stderr


def test_an_output_that_is_a_folder_gets_the_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for given, folder in ((f"{tmp_path}/new/dir/", "new/dir"), (f"{tmp_path}/there", "there")):
        arguments = [f"checkpoint={checkpoint_of('dense')}", f"output={given}", "check=random"]
        arguments.append("format=safetensors")
        cfg = compose("export", *arguments, *checkpoint_options.score(arguments))
        assert export.export(cfg) == tmp_path / folder / "best.model.safetensors"
        assert (tmp_path / folder / "best.model.safetensors").is_file()


@pytest.mark.parametrize(
    ("name", "format", "suffix"),
    [
        ("model.pt", "onnx", ".onnx"),
        ("model.onnx", "torch_export", ".pt2"),
        ("model.pt2", "safetensors", ".model.safetensors"),
    ],
)
def test_an_output_with_the_name_of_another_format_is_refused(
    name: str, format: str, suffix: str, tmp_path: Path
) -> None:
    wanted = f"^output={tmp_path / name}: a file of format={format} ends in {re.escape(suffix)};"
    with pytest.raises(ValueError, match=wanted):
        export_to(tmp_path / name, checkpoint_of("dense"), f"format={format}")
    assert not list(tmp_path.iterdir())
