"""The pictures that are found: by content, behind links, and in odd folders."""

import os
from pathlib import Path

import pytest

import denoise
from cli import directories
from datamodules.reading import find_pictures
from groundwork.files import expand
from groundwork.picture_files import SIGNATURES, kind_of_file, search
from restoration import inputs
from tests.helpers.inputs import save
from tests.helpers.runs import DENSE, compose, run_command, trained


def names(given: Path, output: Path | None = None) -> list[str]:
    return [str(picture.name) for picture in search(given, output)[0]]


# Links


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "else" / "deep" / "b.png")
    (tmp_path / "in" / "link").symlink_to("../else")
    (tmp_path / "in" / "self").symlink_to(".")
    (tmp_path / "else" / "deep" / "up").symlink_to("../../in")
    expected = ["a.png", "link/deep/b.png"]
    assert names(tmp_path / "in") == expected
    assert names(tmp_path / "in" / "**" / "*.png") == expected
    assert names(tmp_path / "in" / "*" / "deep" / "*") == ["link/deep/b.png"]
    found = find_pictures(tmp_path / "in")
    assert [str(path.relative_to(tmp_path / "in")) for path in found] == expected


def test_folders_that_link_to_each_other_do_not_take_for_ever(tmp_path: Path) -> None:
    """Twelve folders that each link to all others have 12! paths."""
    for number in range(12):
        save(tmp_path / str(number) / "a.png")
        for other in range(12):
            (tmp_path / str(number) / f"to{other}").symlink_to(f"../{other}")
    assert len(names(tmp_path)) == len(names(tmp_path / "**" / "*.png")) == 12


def test_its_own_place_names_what_is_found_twice(tmp_path: Path) -> None:
    save(tmp_path / "in" / "z.png")
    save(tmp_path / "in" / "y" / "b.png")
    save(tmp_path / "c.png")
    (tmp_path / "in" / "a.png").symlink_to("z.png")
    (tmp_path / "in" / "l").symlink_to("y")
    (tmp_path / "in" / "n.png").symlink_to("../c.png")
    (tmp_path / "in" / "m.png").symlink_to("../c.png")
    assert names(tmp_path / "in") == ["m.png", "y/b.png", "z.png"]
    given = [str(tmp_path / "in" / "a.png"), str(tmp_path / "in")]
    tasks = inputs.find(given, tmp_path / "out", None, overwrite=False)
    assert [str(task.name) for task in tasks] == ["a.png", "m.png", "y/b.png"]


def test_broken_links_are_named(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("gone.png")
    (tmp_path / "c").symlink_to("c")
    found, passed = search(tmp_path)
    assert [str(picture.name) for picture in found] == ["a.png"]
    assert str(passed) == "passed over 2 behind a broken link: b.png -> gone.png, c -> c"
    with pytest.raises(FileNotFoundError, match=r"b\.png: it is a broken link, to gone\.png"):
        inputs.find(str(tmp_path / "b.png"), tmp_path / "out", None, overwrite=False)


def test_the_output_is_not_searched_through_a_link(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "out" / "old.png")
    (tmp_path / "in" / "results").symlink_to("out")
    for given in ("in", "in/**/*.png", "in/*"):
        found, passed = search(tmp_path / given, tmp_path / "in" / "out")
        assert [str(picture.name) for picture in found] == ["a.png"]
        assert str(passed) == "passed over 1 linked into the output: results"


def test_no_original_is_overwritten_through_a_link(tmp_path: Path) -> None:
    source = save(tmp_path / "in" / "a.png")
    (tmp_path / "out").symlink_to("in")
    with pytest.raises(ValueError, match=r"out/a\.png is an original"):
        inputs.find(str(source), tmp_path / "out", None, overwrite=True)
    (tmp_path / "out2").mkdir()
    (tmp_path / "out2" / "a.png").symlink_to(source)
    with pytest.raises(ValueError, match=r"out2/a\.png is an original"):
        inputs.find(str(source), tmp_path / "out2", None, overwrite=True)


def test_two_names_of_one_output_are_refused(tmp_path: Path) -> None:
    for name in ("x", "y"):
        save(tmp_path / "in" / name / "a.png")
    (tmp_path / "out" / "x").mkdir(parents=True)
    (tmp_path / "out" / "y").symlink_to("x")
    with pytest.raises(ValueError, match="would both be restored to"):
        inputs.find(str(tmp_path / "in"), tmp_path / "out", None, overwrite=True)


# Kinds


SUFFIXES = {
    "PNG": (".png", ".apng", ".PNG", ".dat", "", ".jpg", ".001"),
    "JPEG": (".jpg", ".jpe", ".jfif", ".JPG", ".png"),
    "MPO": (".mpo",),
    "TIFF": (".tif", ".TIFF", ".png", ""),
    "BMP": (".bmp", ".x"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "PPM": (".pgm", ".pnm", ".ppm"),
    "JPEG2000": (".jp2", ".j2k"),
    "AVIF": (".avif",),
}


@pytest.mark.parametrize("kind", SUFFIXES)
def test_pictures_are_told_by_their_content(kind: str, tmp_path: Path) -> None:
    for index, suffix in enumerate(SUFFIXES[kind]):
        path = save(tmp_path / f"{index}{suffix}", kind)
        assert kind_of_file(path) == ("JPEG" if kind == "MPO" else kind)
    assert len(names(tmp_path)) == len(SUFFIXES[kind])


def test_all_kinds_are_tried() -> None:
    assert SUFFIXES.keys() - {"MPO"} == SIGNATURES.keys()


def test_big_tiffs_and_j2k_codestreams(tmp_path: Path) -> None:
    for index, head in enumerate((b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"\xff\x4f\xff\x51")):
        (tmp_path / str(index)).write_bytes(head + bytes(60))
    assert len(names(tmp_path)) == 3


def test_texts_are_no_pictures(tmp_path: Path) -> None:
    for index, text in enumerate(("BMW and other cars, of all colours", "P5 report", "MM", "")):
        (tmp_path / f"{index}.txt").write_text(text)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kind", "restored"),
    [
        ("a.jpg", "JPEG", "a.png"),
        ("a.PNG", "PNG", "a.png"),
        ("a.TIF", "TIFF", "a.TIF"),
        ("a.png", "TIFF", "a.tif"),
        ("a", "TIFF", "a.tif"),
        ("a.tif", "PNG", "a.png"),
        ("a", "PNG", "a.png"),
        ("frame.001", "PNG", "frame.001.png"),
        ("b/frame.001", "TIFF", "b/frame.001.tif"),
        ("a.tif", None, "a.tif"),
        ("a.gif", "GIF", "a.png"),
    ],
)
def test_a_restored_file_is_named_by_its_content(name: str, kind: str, restored: str) -> None:
    assert inputs.restored_name(Path(name), kind) == Path(restored)


def test_misnamed_pictures_are_restored(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.jpg", "PNG")
    save(tmp_path / "in" / "b.png", "TIFF")
    save(tmp_path / "in" / "frame.001", "PNG")
    for name in ("a.png", "b.tif", "frame.001"):
        save(tmp_path / "clean" / name, "TIFF" if name == "b.tif" else "PNG")
    settings = f"input={tmp_path}/in", f"reference={tmp_path}/clean", f"output={tmp_path}/out"
    cfg = compose("denoise", f"checkpoint={trained(*DENSE).best}", "device=cpu", *settings)
    assert all(report.scores for report in denoise.denoise(cfg))
    kinds = {"a.png": "PNG", "b.tif": "TIFF", "frame.001.png": "PNG"}
    assert {name: kind_of_file(tmp_path / "out" / name) for name in kinds} == kinds


# What is passed over


@pytest.mark.parametrize("odd", ["Trip [2024]", "a*", "a?", "[ab]", "**"])
def test_a_part_of_a_path_that_exists_is_itself(odd: str, tmp_path: Path) -> None:
    for name in (odd, "Trip 2", "ab", "a", "b"):
        save(tmp_path / name / "deep [1]" / f"{name[-1].strip('*?]') or 'x'}.png")
    (own,) = (tmp_path / odd / "deep [1]").iterdir()
    for pattern in (f"{odd}/**/*.png", f"{odd}/deep [1]/*.png", f"{odd}/*/*.p?g"):
        found, _ = search(tmp_path / pattern)
        assert [picture.path for picture in found] == [own]
    tasks = inputs.find(
        str(tmp_path / odd / "*" / "*"), tmp_path / "o [1]", tmp_path / odd, overwrite=False
    )
    assert [task.reference for task in tasks] == [own]
    assert find_pictures(tmp_path / odd) == [own]


def test_brackets_behind_a_wildcard_are_themselves_where_they_exist(tmp_path: Path) -> None:
    for name in ("x/raw [1]/a.png", "x/raw 1/b.png", "y/raw 1/c.png"):
        save(tmp_path / name)
    assert names(tmp_path / "*" / "raw [1]" / "*.png") == ["x/raw [1]/a.png", "y/raw 1/c.png"]


# Home


def test_home_is_expanded_in_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand("~/a/~/b") == tmp_path / "a/~/b"
    assert expand("~") == tmp_path
    assert expand("~root").is_absolute()
    for path in ("~nobody-has-this-name/x", "a/~", "$HOME/x", "~$lock.tif"):
        assert expand(path) == Path(path)
    words = ['hydra.run.dir="~/r x/${now:%Y}"', "hydra.sweep.dir=s", 'output="~/o"']
    assert directories.expanded(words) == [f'hydra.run.dir="{tmp_path}/r x/${{now:%Y}}"']
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ValueError, match="this user has no home directory"):
        expand("~/x")


def test_quoted_homes_of_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(*DENSE)
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    save(home / "in" / "a.png")
    (home / "run").symlink_to(run.directory)
    best = 'checkpoint="~/run/checkpoints/best.ckpt"'
    commands = [
        ("denoise.py", best, 'input=["~/in"]', 'output="~/out"', 'reference="~/in"'),
        ("export.py", best, 'output="~/model.safetensors"', "format=safetensors", "check=random"),
        ("eval.py", best, "levels=[]", "baselines=none", 'hydra.run.dir="~/eval"'),
        ("compare.py", "~/run", "--output=~/compared"),
    ]
    for script, *arguments in commands:
        done = run_command(script, *arguments, directory=tmp_path)
        assert done.returncode == 0, done.stderr
    for made in ("out/a.png", "model.safetensors", "eval/metrics.json", "compared"):
        assert (home / made).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
