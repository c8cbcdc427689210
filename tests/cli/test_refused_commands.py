"""A command that is refused says one line, exits with 1, and does not wait for torch."""

from pathlib import Path

import pytest

from tests.helpers.runs import CPU, DENSE, TINY, run_command, trained


def test_the_command_says_one_line_and_exits_with_1(tmp_path: Path) -> None:
    checkpoint = f"checkpoint={trained(*DENSE).best}"
    for script, arguments, named in (
        ("train.py", [*TINY, "model=vea"], "model=vae"),
        ("train.py", [*TINY, "model=dense", "model.optimizer.lr=1e30"], "step"),
        ("eval.py", [checkpoint, *CPU[:2], "trainer.devices=2"], "trainer.devices"),
    ):
        done = run_command(script, *arguments, directory=tmp_path)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"{script}: ")
        assert named in line
        assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("script", "refused"),
    [
        ("train.py", ["noise=salt"]),  # there is no such noise
        ("eval.py", ["noise.std=0.3"]),  # of which checkpoint?
        ("export.py", ["format=onnx"]),
    ],
)
def test_help_and_refusals_do_not_wait_for_torch(
    script: str, refused: list[str], tmp_path: Path
) -> None:
    for arguments, status in ((["--help"], 0), (refused, 1)):
        done = run_command(script, *arguments, directory=tmp_path, options=["-X", "importtime"])
        assert done.returncode == status
        lines = done.stderr.splitlines()
        times = [line for line in lines if line.startswith("import time:")]
        imported = {line.split("|")[-1].strip() for line in times}
        assert "hydra" in imported
        assert not imported & {"torch", "pytorch_lightning", "numpy", "matplotlib"}
        assert ("seed: 0" in done.stdout) == (status == 0)
        assert len(lines) - len(times) == status
    assert not any(tmp_path.iterdir())
