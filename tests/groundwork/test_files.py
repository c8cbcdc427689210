"""Folders that are written whole or not at all."""

from pathlib import Path

import pytest

from groundwork.files import whole_folder
from tests.helpers.folders import public_folder, read_only


def test_a_folder_appears_when_it_is_filled(tmp_path: Path) -> None:
    new = tmp_path / "a" / "new"
    with whole_folder(new) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("here")
        assert not new.exists()
    assert (new / "inner" / "file").read_text() == "here"
    assert [*new.parent.iterdir()] == [new]


def test_an_empty_folder_is_filled_also_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with whole_folder(Path()) as folder:
        (folder / "file").touch()
    assert [path.name for path in here.iterdir()] == ["file"]


def fill(folder: Path, name: str, error: BaseException | None = None) -> None:
    with whole_folder(folder) as part:
        (part / name).touch()
        if error:
            raise error


def test_nothing_remains_of_a_folder_that_failed_or_of_a_killed_attempt(tmp_path: Path) -> None:
    new = tmp_path / "new"
    with pytest.raises(KeyboardInterrupt):
        fill(new, "half", KeyboardInterrupt())
    assert not [*tmp_path.iterdir()]
    (tmp_path / ".new.part").mkdir()
    (tmp_path / ".new.part" / "of a killed attempt").touch()
    fill(new, "file")
    assert [path.name for path in new.iterdir()] == ["file"]
    assert [*tmp_path.iterdir()] == [new]


def test_a_folder_with_something_in_it_is_never_replaced(tmp_path: Path) -> None:
    old = tmp_path / "old"
    fill(old, "mine")
    with pytest.raises(OSError, match=f"{old} could not be written, and is as it was"):
        fill(old, "theirs")
    assert [path.name for path in old.iterdir()] == ["mine"]
    assert [*tmp_path.iterdir()] == [old]


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with (
        public_folder() as parent,
        read_only(parent),
        pytest.raises(OSError, match=f"{parent}/new could not be written"),
        whole_folder(parent / "new"),
    ):
        pass
