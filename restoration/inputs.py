"""The pictures to restore and the files to write, all known before the first picture is read."""

import glob
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from groundwork.folders import real_paths
from groundwork.picture_files import (
    ENDS,
    KINDS,
    PICTURES,
    REPORTS,
    TIFF,
    WIDTHS,
    Found,
    is_other_kind,
    kind_of_file,
    search,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A picture to restore.

    Attributes:
        source: The picture.
        name: Its path relative to what was given.
        restored: The file to write.
        reference: The clean picture, or None.
        intervals: Whether intervals are written.
    """

    source: Path
    name: Path
    restored: Path
    reference: Path | None
    intervals: bool = False

    @property
    def reports(self) -> list[Path]:
        """The text, the JSON and the triptych beside the restored picture."""
        return [self.restored.with_name(self.restored.name + end) for end in REPORTS]

    @property
    def triptych(self) -> Path:
        return self.reports[2]

    @property
    def ends(self) -> list[Path]:
        """The pictures of the intervals' lower and upper ends, and the map of their widths."""
        suffix = ".png" if self.restored.suffix == ".png" else ".tif"
        ends = [*(end + suffix for end in ENDS), WIDTHS]
        return [self.restored.with_name(self.restored.name + end) for end in ends]

    @property
    def written(self) -> list[Path]:
        """The files that are written for this picture: the restored one and all beside it."""
        return [self.restored, *self.reports, *(self.ends if self.intervals else ())]


def beside(given: str | Sequence[str]) -> Path:
    """Return the folder for restored pictures if none is given: `restored`, beside the first."""
    folder = Path(given if isinstance(given, str) else given[0]).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder / "restored"


def find(
    given: str | Sequence[str],
    output: Path,
    reference: Path | None,
    overwrite: bool,
    intervals: bool = False,
) -> list[Task]:
    """Find the pictures to restore.

    TIFFs stay TIFFs. All others become PNGs, since a JPEG would add new noise. The content of a
    file tells its kind.

    Args:
        given: Files, folders with the folders in them, and globs (`**` is any folder). `search`
            says which files count as pictures. A picture keeps its path relative to the given
            folder, or to the part of a glob that exists. A file keeps its name. A picture that is
            found in several ways, for example by a link, is restored once, under the name by which
            it was found first.
        output: The folder for the restored pictures. It is not searched.
        reference: The clean picture of a single one, or a folder that has clean pictures under the
            same relative names. Their suffixes may differ.
        overwrite: Whether files of an earlier restoration may be replaced. An original never is.
        intervals: Whether intervals are to be written.

    Returns:
        The pictures, in the order of their names.

    Raises:
        ValueError: A file is not read as a picture, or a file would replace another one.
        FileNotFoundError: There is no picture, or no reference for one.
    """
    patterns = [given] if isinstance(given, str) else given
    found: dict[str, Found] = {}
    for pattern in patterns:
        for picture in _matches(pattern, output):
            found.setdefault(picture.real, picture)
    if output.exists() and not output.is_dir():
        raise ValueError(f"output={output} is a file: give a folder")
    tasks = [
        Task(
            path,
            name,
            output / restored_name(name, kind),
            _reference(reference, name, len(found)),
            intervals,
        )
        for path, name, kind, _ in sorted(found.values(), key=lambda picture: picture.name)
    ]
    _require_room(tasks, overwrite)
    return tasks


def restored_name(name: Path, kind: str | None) -> Path:
    """Choose the name of a restored picture.

    Args:
        name: The name of the original.
        kind: Pillow's name of its kind. None if only the file's name can tell.
    """
    is_tiff = name.suffix.lower() in TIFF
    if is_tiff and kind in ("TIFF", None):
        return name
    return name.with_name(_stem(name) + (".tif" if kind == "TIFF" else ".png"))


def _stem(name: Path) -> str:
    """Remove a picture's suffix. Others stay: frame.001 and frame.002 are two names."""
    return name.stem if name.suffix.lower() in PICTURES else name.name


def _matches(pattern: str, output: Path) -> list[Found]:
    """Find the pictures that a pattern names. Other files are logged in one line."""
    path = Path(pattern)
    if os.path.lexists(path) and not path.is_dir():  # a file's name may look like a glob
        return [_single(path)]
    if not path.exists() and not glob.has_magic(pattern):
        raise FileNotFoundError(f"input={pattern}: there is no such file or folder")
    found, passed = search(path, output)
    if not found:
        more = f"; {passed}" if str(passed) else f" ({KINDS})"
        raise FileNotFoundError(f"input={pattern}: there is no picture{more}")
    if str(passed):
        log.warning("input=%s: %s", pattern, passed)
    return found


def _single(path: Path) -> Found:
    if not path.exists():
        raise FileNotFoundError(f"input={path}: it is a broken link, to {os.readlink(path)}")
    if not path.is_file():  # opening a pipe would wait for a writer
        raise ValueError(f"input={path}: it is neither a file nor a folder")
    kind = kind_of_file(path)
    if is_other_kind(path.name, kind):
        raise ValueError(f"input={path}: {path.suffix} is not read, but {KINDS} are")
    return Found(path, Path(path.name), kind, os.path.realpath(path))


def _reference(reference: Path | None, name: Path, count: int) -> Path | None:
    if reference is None:
        return None
    if reference.is_file():
        if count > 1:
            raise ValueError(
                f"reference={reference} is one file for {count} pictures: give a folder"
            )
        return reference
    if not reference.is_dir():
        raise FileNotFoundError(f"reference={reference}: there is no such file or folder")
    same = reference / name
    ends = ["", *PICTURES, *map(str.upper, PICTURES)]
    for path in (same, *(same.with_name(_stem(name) + end) for end in ends)):
        if path.is_file():
            return path
    raise FileNotFoundError(f"reference={reference}: it has no picture {name}")


def _require_room(tasks: Sequence[Task], overwrite: bool) -> None:
    """Refuse tasks that would replace files.

    Raises:
        ValueError: A file would replace another one.
    """
    makers: dict[str, Task] = {}
    real_path = real_paths()
    originals = {real_path(str(p)) for task in tasks for p in (task.source, task.reference) if p}
    for task in tasks:
        other = makers.setdefault(real_path(str(task.restored)), task)
        if other is not task:
            raise ValueError(
                f"{other.source} and {task.source} would both be restored to {task.restored}: "
                "restore them one after the other, to different outputs"
            )
        for path in task.written:
            if real_path(str(path)) in originals:
                raise ValueError(
                    f"{path} is an original, and would be overwritten: give another output"
                )
    there = [path for task in tasks for path in task.written if path.exists()]
    if there and not overwrite:
        raise ValueError(
            f"{there[0]} exists already (one of {len(there)} such files): give another output, or "
            "overwrite=true"
        )
