"""Inputs that are no pictures, or cannot be read, are named in one line."""

import os
from pathlib import Path

import pytest

from datamodules.reading import find_pictures, ranges_of, read_pictures
from groundwork.picture_files import search
from restoration import inputs
from tests.helpers.folders import public_folder, with_mode
from tests.helpers.inputs import save
from tests.helpers.runs import DENSE, run_command, trained


def test_what_is_passed_over_is_said_in_one_line(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.png"):
        save(tmp_path / "in" / name)
    for name in ("notes.txt", "a.csv", "b.csv", "c.csv", "new\nline", "x.heic", ".h.png"):
        (tmp_path / "in" / name).write_text("no picture")
    save(tmp_path / "in" / "raw.NEF", "TIFF")
    save(tmp_path / "in" / ".cache" / "c.png")
    (tmp_path / "in" / "a.png.txt").write_text("its report")
    (tmp_path / "in" / "a.png.json").write_text("{}")
    os.mkfifo(tmp_path / "in" / "pipe.png")
    line = (
        "passed over 2 hidden: .cache, .h.png; 5 without a picture: a.csv, b.csv, c.csv and 2 more;"
        " 1 not a file: pipe.png; 2 of a kind that is not read: raw.NEF, x.heic"
    )
    assert str(search(tmp_path / "in")[1]) == line
    arguments = f"checkpoint={trained(*DENSE).best}", "input=in", "output=out", "device=cpu"
    run = run_command("denoise.py", *arguments, directory=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("passed over") == 1
    assert f"input=in: {line}" in run.stdout
    assert len(list((tmp_path / "out").rglob("*.png.json"))) == 2


def test_a_name_that_a_terminal_would_obey_is_escaped(tmp_path: Path) -> None:
    for name in (b"new\nline", b"\x1b[31m", b"not utf-8 \xff"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    line = str(search(tmp_path)[1])
    assert line.isprintable()
    assert line.isascii()


def test_a_folder_of_no_pictures_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.heic").write_text("")
    line = "there is no picture.*; passed over 1 of a kind that is not read: x.heic$"
    with pytest.raises(FileNotFoundError, match=line):
        inputs.find(str(tmp_path / "in"), tmp_path / "out", None, overwrite=False)
    with pytest.raises(FileNotFoundError, match=line):
        find_pictures(tmp_path / "in")


def test_a_raw_photograph_and_a_pipe_are_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    raw = save(tmp_path / "a.dng", "TIFF")
    for path, line in ((raw, r"\.dng is not read"), (tmp_path / "pipe.png", "neither a file nor")):
        with pytest.raises(ValueError, match=line):
            inputs.find(str(path), tmp_path / "out", None, overwrite=False)


def test_an_unreadable_folder_is_named() -> None:
    with public_folder() as root:
        save(root / "a.png")
        save(root / "secret" / "b.png")
        with with_mode(root / "secret", 0):
            found, passed = search(root)
    assert [str(picture.name) for picture in found] == ["a.png"]
    assert str(passed) == "passed over 1 unreadable: secret: Permission denied"


def test_all_damaged_pictures_are_named_up_to_a_handful(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{number}.png") for number in range(9)]
    ranges = ranges_of(paths, "auto")
    for number in (2, 5):
        paths[number].write_bytes(paths[number].read_bytes()[:-60])
    with pytest.raises(ValueError, match=r"2 of 9 .*/2\.png .*; .*/5\.png [^;]*$"):
        read_pictures(paths, 1, ranges)
    for path in paths[:7]:
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"7 of 9 .*/4\.png [^;]*; and 2 more$"):
        read_pictures(paths, 1, ranges)
    with pytest.raises(ValueError, match=r"7 of 9 .*/4\.png [^;]*; and 2 more$"):
        ranges_of(paths, "auto")
