"""Files that are written whole or not at all, and the paths that users give."""

import json
import os
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
        _sync_folder(path.parent)
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


def _sync_folder(folder: Path) -> None:
    """Write a folder to the disk, without which a rename may be lost in a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
