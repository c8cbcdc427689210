"""The progress of a run: a bar on a terminal, a line for each epoch in a file or a pipe."""

import os
import pty
import re
import termios
from pathlib import Path

from tests.helpers.runs import ROOT, SIZES, environment, run_command
from tests.helpers.warm import Started

RUN = (
    *("train.py", "data=procedural", *SIZES, "trainer.accelerator=cpu", "trainer.logger=false"),
    *("model=dense", "trainer.max_epochs=2", "hydra.run.dir=run"),
)


def test_in_a_file_it_is_a_line_an_epoch(tmp_path: Path) -> None:
    done = run_command(*RUN, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    form = r"epoch {}: train/loss -[\d.]+, val/loss -[\d.]+, val/psnr [\d.]+, [\d.]+ s, .* images/s"
    assert [bool(re.fullmatch(form.format(n), line)) for n, line in enumerate(lines, 1)] == [
        True,
        True,
    ]
    assert "\r" not in done.stdout + done.stderr
    assert "it/s" not in done.stdout + done.stderr
    assert len(done.stdout) < 3_000


def test_on_a_terminal_it_is_a_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    script, *arguments = RUN
    run = Started(ROOT / script, arguments, tmp_path, environment(), output=theirs, errors=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert run.wait().returncode == 0
    assert b"it/s" in shown
    assert b"epoch 1: train/loss" not in shown
