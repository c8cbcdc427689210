"""A full disk or a read-only folder ends a run with one line, and older files stay as they were."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from denoisers.checkpoint import load_model
from denoisers.saving import AtomicCheckpointIO
from tests.helpers.folders import public_folder, read_only
from tests.helpers.runs import DENSE, OPEN, TINY, contents, read, run_command, same, trained

LIMIT = 4096  # bytes, fewer than any checkpoint has and more than a run's tables have


def limit_files() -> None:
    """Make writes beyond the limit fail as on a full disk. Python ignores the signal for them."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit_files()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_folder() as folder:
        yield folder


@pytest.mark.parametrize(
    ("hindrance", "reason"), [(full_disk, "File too large"), (read_only, "Permission denied")]
)
def test_a_checkpoint_that_cannot_be_written_leaves_the_older_one(
    hindrance: Callable[[Path], AbstractContextManager[None]], reason: str, folder: Path
) -> None:
    save = AtomicCheckpointIO().save_checkpoint
    file = folder / "last.ckpt"
    save({"epoch": 1, "weights": torch.ones(5000)}, file)
    before = contents(folder)
    with hindrance(folder), pytest.raises(OSError, match=reason) as caught:
        save({"epoch": 2, "weights": torch.zeros(5000)}, file)
    assert str(caught.value) == f"{file} could not be written, and is as it was: {reason}"
    assert contents(folder) == before
    save({"epoch": 3}, file)
    assert read(file) == {"epoch": 3}
    assert os.listdir(folder) == ["last.ckpt"]


class FullDisk(Callback):
    """Fills the disk at the start of the second epoch."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 1:
            limit_files()


def test_a_full_disk_ends_a_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))
    run = tmp_path / "run"
    fill = "trainer.callbacks=[{_target_:tests.reliability.test_full_disk.FullDisk}]"
    settings = (*TINY, *DENSE, "trainer.logger=false", fill, f"hydra.run.dir={run}")
    done = run_command("train.py", *settings, directory=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    best, last = (run / "checkpoints" / name for name in ("best.ckpt", "last.ckpt"))
    reason = "could not be written, and is as it was: File too large"
    assert line in {f"train.py: {file} {reason}" for file in (best, last)}
    assert {file.name for file in best.parent.iterdir()} == {"best.ckpt", "last.ckpt"}
    finished = trained("model=dense", OPEN, "trainer.max_epochs=1")
    for ours, theirs in ((best, finished.best), (last, finished.last)):
        load_model(ours)
        assert same(read(ours)["state_dict"], read(theirs)["state_dict"])
