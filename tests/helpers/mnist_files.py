"""Processes that prepare the small dataset, and what is wrong with its files."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest

from datamodules.mnist import FashionMNIST
from tests.helpers.mnist import ARCHIVES, FILES, Small, new_mnist

WHOLE = FILES | ARCHIVES
IMAGES, LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
PAGE = b"<!DOCTYPE html><html><body>Sign in to the network</body></html>"


def prepare(root: Path) -> None:
    new_mnist(Small, root).prepare_data()


def interruptible(call: Callable[..., None], *arguments: object) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    call(*arguments)


def start(call: Callable[..., None], *arguments: object) -> ForkProcess:
    """Start a process. It is quick, since torch is imported already."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=interruptible, args=(call, *arguments))
    process.start()
    return process


ARCHIVE = f"{IMAGES}.gz"


def linked(root: Path, target: Path, suffix: str) -> Path:
    """Make a folder in which Fashion-MNIST's files, packed or not, are links."""
    source, raw = (folder / "FashionMNIST" / "raw" for folder in (root, target))
    raw.mkdir(parents=True)
    for name in FashionMNIST.checksums:
        if not (source / f"{name}{suffix}").exists():
            pytest.skip(f"{name}{suffix} is not in data/")
        (raw / f"{name}{suffix}").symlink_to(source / f"{name}{suffix}")
    return raw
