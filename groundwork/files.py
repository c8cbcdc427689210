"""Files that are written whole or not at all, and the paths that users give."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

REPOSITORY = Path(__file__).resolve().parent.parent


def expand(path: str | os.PathLike[str]) -> Path:
    """Expand `~` and `~name` at the beginning of a path to home directories, as a shell does.

    The `~` of an unknown name is a part of the file's name. Variables such as `$HOME` are kept.

    Raises:
        ValueError: The path begins with `~`, and this user has no home directory.
    """
    expanded = Path(os.path.expanduser(path))
    if expanded.parts[:1] == ("~",):
        raise ValueError(f"{path}: this user has no home directory, give the whole path")
    return expanded


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, which moves to `path` if the block ends without an error.

    It lies beside `path` until then, so that a reader, a crash or a full disk never leaves half a
    file. Its name there is always the same, so that a second attempt overwrites one that was
    killed. Only one process at a time may write a path. Locks see to that for a run's directory and
    for a download.

    Raises:
        OSError: The file cannot be written. The message names `path`.
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
        _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{path} could not be written, and is as it was: {reason}") from error


def write_whole(path: Path, text: str) -> None:
    """Write a text to a file, as `whole_file` does."""
    with whole_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, as `whole_file` does.

    Raises:
        ValueError: The content has a number that JSON lacks: NaN or an infinity.
    """
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder to fill, which moves to `path` if the block ends without an error.

    It lies beside `path` until then, and has always the same name there, as in `whole_file`. `path`
    itself does not exist, or is an empty folder.

    Raises:
        OSError: The folder cannot be written. The message names `path`.
    """
    whole = Path(os.path.abspath(path))  # "." and ".." are no names
    part = whole.with_name(f".{whole.name}.part")
    try:
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(parents=True)
        try:
            yield part
            for written in (*part.rglob("*"), part):
                _sync(written)
            part.replace(whole)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        _sync(whole.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{path} could not be written, and is as it was: {reason}") from error


def _sync(path: Path) -> None:
    """Write a file or a folder to the disk. Without it a rename may be lost in a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
