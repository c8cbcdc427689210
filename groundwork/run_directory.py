"""A run's directory, which belongs to one run and tells whether that run has ended.

`run.json` is written when a run begins, and `metrics.json` when it has ended. This file imports
nothing heavy, so that a sweep that is started again skips its finished jobs at once.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

LOCK = ".lock"
RECORD, METRICS, HISTORY = "run.json", "metrics.json", "history.csv"
CHECKPOINTS = "checkpoints"  # the folder of the three files below
BEST, LAST, WEIGHTS = "best.ckpt", "last.ckpt", "best.safetensors"
CALIBRATED = "calibrated.safetensors"  # what eval.py intervals= writes
PATIENCE = 10  # seconds; the loaders' processes of a killed run hold its lock for about 5 more


def config_hash(cfg: DictConfig) -> str:
    """Return a hash that is equal for configs with the same values."""
    content = json.dumps(OmegaConf.to_container(cfg, resolve=True), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def metric_of_finished(directory: Path, cfg: DictConfig) -> float | None:
    """Return the monitored metric of this config's run, if it has ended in this directory."""
    record, metrics = _read(directory / RECORD), _read(directory / METRICS)
    if record is None or metrics is None or record.get("config_hash") != config_hash(cfg):
        return None
    metric: float = metrics["validation"][metrics["monitor"].partition("/")[2]]
    return metric


def cut_off_run(directory: Path, cfg: DictConfig) -> dict[str, Any] | None:
    """Return the record of this config's run, which has begun in this directory but not ended.

    Returns:
        None for a directory without a run.

    Raises:
        ValueError: The directory holds another run.
    """
    record = _read(directory / RECORD)
    if record is None:
        return None
    if record.get("config_hash") != config_hash(cfg) or (directory / METRICS).exists():
        raise _taken(directory)
    return record


@contextmanager
def claimed(directory: Path, record: dict[str, Any] | None = None) -> Iterator[None]:
    """Hold a directory for one run during the block.

    Args:
        directory: The directory.
        record: The record of the run that continues in it. None begins a new run, which needs a
            directory without one.

    Raises:
        ValueError: Another process holds the directory, or it has another run.
    """
    with locked(directory):
        if _read(directory / RECORD) != record:
            raise _taken(directory)
        yield


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make a directory, and keep other processes out of it during the block.

    Raises:
        ValueError: Another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise ValueError(
            f"{directory} is in use by another process: give another hydra.run.dir (or "
            "hydra.sweep.dir)"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _taken(directory: Path) -> ValueError:
    return ValueError(
        f"{directory} already holds a run: give another hydra.run.dir (or hydra.sweep.dir)"
    )


def _read(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
