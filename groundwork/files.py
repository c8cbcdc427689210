"""Files that are there whole or not at all, and the paths that users give."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

REPOSITORY = Path(__file__).resolve().parent.parent


def expand(path: str | os.PathLike[str]) -> Path:
    """A path as a user gives it: `~` and `~name` in the beginning are home directories.

    They are what they are in a shell, so that the `~` of an unknown name is a part of a file's
    name. All else, such as `$HOME`, is as it was given.

    Raises ValueError for `~` where this user has no home directory.
    """
    expanded = Path(os.path.expanduser(path))
    if expanded.parts[:1] == ("~",):
        raise ValueError(f"{path}: this user has no home directory, give the whole path")
    return expanded


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its place at `path` when the block has ended without an error.

    It lies beside `path` until then, so that no reader, crash or full disk meets a half of it. Its
    name there is always the same: a second attempt takes the place of one that was killed. So one
    process at a time may write a path; a run's directory is locked, and so is a download.

    Raises OSError, which names `path`, where it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{path} could not be written, and is as it was: {reason}") from error


def write_whole(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Numbers that JSON does not have (NaN, infinities) are refused."""
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _sync_folder(folder: Path) -> None:
    """A rename outlives a power cut only once the folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
