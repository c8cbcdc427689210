"""What is made once for all processes of the tests."""

import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

VARIABLE = "FOLDER_THAT_THE_TESTS_SHARE"  # which conftest.py sets

T = TypeVar("T")


def shared_folder() -> Path:
    return Path(os.environ[VARIABLE])


def once(make: Callable[[Path], T], *names: str) -> T:
    """Return what `make` returns; the first process that asks calls it, with a new folder.

    Args:
        names: What tells this call from others.
    """
    folder = shared_folder()
    result = folder / hashlib.sha256("\0".join(names).encode()).hexdigest()
    with FileLock(result.with_suffix(".lock")):
        if not result.exists():
            made = make(Path(tempfile.mkdtemp(dir=folder)))
            result.write_bytes(pickle.dumps(made))
    value: T = pickle.loads(result.read_bytes())
    return value
