"""Which pictures are to be restored, and where each goes: known before the first one is read."""

import glob
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from files import PICTURES, TIFF, is_picture

REPORTS = (".txt", ".json")


@dataclass(frozen=True)
class Task:
    """A picture to restore.

    source: the picture. name: its path relative to what was given. restored: the file to write.
    reference: the clean picture, or None.
    """

    source: Path
    name: Path
    restored: Path
    reference: Path | None

    @property
    def written(self) -> list[Path]:
        """All files of this picture: the restored one, and its reports."""
        name = self.restored.name
        return [self.restored, *(self.restored.with_name(name + end) for end in REPORTS)]


def find(
    given: str | Sequence[str], output: Path, reference: Path | None, overwrite: bool
) -> list[Task]:
    """The pictures, sorted, each with the names of what is written for it.

    given: files, folders (with the folders in them) and globs (`**` is any folder). A picture keeps
        its path relative to the folder that was given, or to the part of a glob before its first
        wildcard; a file keeps its name. Hidden files and folders are passed over, and so is an
        `output` inside a folder that is searched.
    reference: the clean picture of a single one, or a folder that has it under the same relative
        name; its suffix may be another one.
    overwrite: whether files of an earlier restoration may be replaced. An original never is.

    TIFFs stay TIFFs. All others become PNG: a JPEG would make new noise.

    Raises ValueError or FileNotFoundError where there is no picture, no reference, or where a file
    would take the place of another one.
    """
    patterns = [given] if isinstance(given, str) else given
    found: dict[Path, Path] = {}  # the same file may be found in several ways
    for pattern in patterns:
        for path, name in _matches(pattern, output):
            found.setdefault(path, name)
    if output.exists() and not output.is_dir():
        raise ValueError(f"output={output} is a file: give a folder")
    named = sorted((name, path) for path, name in found.items())
    tasks = [
        Task(path, name, output / restored_name(name), _reference(reference, name, len(named)))
        for name, path in named
    ]
    _require_room(tasks, overwrite)
    return tasks


def restored_name(name: Path) -> Path:
    return name if name.suffix.lower() in TIFF else name.with_suffix(".png")


def _matches(pattern: str, output: Path) -> Iterator[tuple[Path, Path]]:
    """Pictures, each with its relative name."""
    path = Path(pattern)
    if path.is_dir():
        found = [(file, file.relative_to(path)) for file in _below(path, output)]
    elif path.exists():  # a file's name may look like a glob
        yield path, Path(path.name)
        return
    elif glob.has_magic(pattern):
        root = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))
        files = map(Path, sorted(glob.glob(pattern, recursive=True)))
        found = [(file, file.relative_to(root)) for file in files if is_picture(file)]
    else:
        raise FileNotFoundError(f"input={pattern}: there is no such file or folder")
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in PICTURES)
        raise FileNotFoundError(f"input={pattern}: there is no picture ({kinds})")
    yield from found


def _below(folder: Path, output: Path) -> Iterator[Path]:
    inside = output.resolve() != folder.resolve()
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and not (inside and (Path(parent) / name).resolve() == output.resolve())
        )
        yield from filter(is_picture, (Path(parent) / name for name in sorted(files)))


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
    for path in (same, *(same.with_suffix(suffix) for suffix in PICTURES)):
        if path.is_file():
            return path
    raise FileNotFoundError(f"reference={reference}: it has no picture {name}")


def _require_room(tasks: Sequence[Task], overwrite: bool) -> None:
    """Raises ValueError where a file would take another's place."""
    makers: dict[Path, Task] = {}
    originals = {path.resolve() for task in tasks for path in (task.source, task.reference) if path}
    for task in tasks:
        other = makers.setdefault(task.restored, task)
        if other is not task:
            raise ValueError(
                f"{other.source} and {task.source} would both be restored to {task.restored}: "
                "restore them one after the other, to different outputs"
            )
        for path in task.written:
            if path.resolve() in originals:
                raise ValueError(
                    f"{path} is an original, and would be overwritten: give another output"
                )
    there = [path for task in tasks for path in task.written if path.exists()]
    if there and not overwrite:
        raise ValueError(
            f"{there[0]} exists already (one of {len(there)} such files): give another output, or "
            "overwrite=true"
        )
