"""denoise.py restores pictures and reports on them."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from denoisers.checkpoint import load_model
from groundwork.picture_files import REPORTS
from restoration import inputs
from restoration.restorer import Restorer
from tests.helpers.pictures import read_picture, save
from tests.helpers.restoring import UNET, pixels, restore
from tests.helpers.runs import DENSE, contents, json_of, run_command, trained


def deep_png(picture: np.ndarray, profile: bytes = b"") -> bytes:
    """Encode 16-bit colours without filters, by sections 5 and 9 of the PNG specification."""
    height, width, _ = picture.shape

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in picture)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    if profile:
        header += chunk(b"iCCP", b"some\0\0" + zlib.compress(profile))
    parts = header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def encoded(picture: np.ndarray, kind: str) -> bytes:
    content = io.BytesIO()
    if kind == "tiff":
        tifffile.imwrite(content, picture, photometric="rgb" if picture.ndim == 3 else "minisblack")
    elif kind == "png" and picture.ndim == 3 and picture.dtype == np.uint16:
        return deep_png(picture)
    else:
        Image.fromarray(picture).save(content, kind)
    return content.getvalue()


KINDS = [
    # kind, channels and type of the samples -> name of the restored file
    ("png", 1, np.uint8, "a.png"),
    ("png", 3, np.uint8, "a.png"),
    ("png", 1, np.uint16, "a.png"),
    ("png", 3, np.uint16, "a.png"),
    ("tiff", 1, np.uint8, "a.tiff"),
    ("tiff", 3, np.uint8, "a.tiff"),
    ("tiff", 1, np.uint16, "a.tiff"),
    ("tiff", 3, np.uint16, "a.tiff"),
    ("tiff", 1, np.float32, "a.tiff"),
    ("jpeg", 1, np.uint8, "a.png"),
    ("jpeg", 3, np.uint8, "a.png"),
    ("bmp", 3, np.uint8, "a.png"),
    ("webp", 3, np.uint8, "a.png"),
]


@pytest.mark.parametrize(("kind", "channels", "dtype", "name"), KINDS)
def test_kind_and_depth_stay(
    kind: str, channels: int, dtype: type, name: str, tmp_path: Path
) -> None:
    source = tmp_path / f"a.{kind}"
    source.write_bytes(encoded(pixels(channels, dtype), kind))
    (report,) = restore(f"input={source}", f"output={tmp_path}/out")
    path = tmp_path / "out" / name
    assert report.task.restored == path
    noisy, restored = read_picture(source), read_picture(path)
    assert noisy.shape == restored.shape == (channels, 24, 30)
    model, _ = load_model(trained(*UNET).best)
    expected = Restorer(model, None, torch.device("cpu"))(noisy)
    step = 0 if dtype is np.float32 else 1 / np.iinfo(dtype).max
    assert (restored - expected).abs().max() <= 0.51 * step + 1e-7
    assert (restored - noisy).abs().max() > 0.01
    stored = tifffile.imread(path) if kind == "tiff" else None
    if stored is not None:
        assert stored.dtype == dtype
    else:
        assert path.read_bytes()[24] == 8 * np.dtype(dtype).itemsize
    for end in REPORTS:
        assert path.with_name(name + end).is_file()


def test_the_colour_profile_stays(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("a.png", "b.tif", "c.jpg"):
        Image.fromarray(pixels(3)).save(tmp_path / name, icc_profile=profile)
    tifffile.imwrite(
        tmp_path / "d.tif", pixels(3, np.uint16), photometric="rgb", iccprofile=profile
    )
    (tmp_path / "e.png").write_bytes(deep_png(pixels(3, np.uint16), profile))
    (tmp_path / "f.png").write_bytes(deep_png(pixels(3, np.uint16)))
    for report in restore(f"input={tmp_path}", f"output={tmp_path}/out"):
        found = Image.open(report.task.restored).info.get("icc_profile")
        assert found == (None if report.task.name == Path("f.png") else profile)


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    """Metadata is kept, and the report names what is not."""
    for name, tags in (("a.tif", [(34412, 1, 4, b"LSM!", True)]), ("b.tif", [])):
        tifffile.imwrite(
            tmp_path / name,
            pixels(1),
            resolution=((300, 1), (150, 1)),
            resolutionunit=2,
            metadata=None,
            extratags=tags,
        )
    first, second = restore(f"input={tmp_path}", f"output={tmp_path}/out")
    for report in (first, second):
        with tifffile.TiffFile(report.task.restored) as file:
            found = file.pages.first.tags
            assert (found[282].value, found[283].value) == ((300, 1), (150, 1))
    said = "Not carried over from the original: the tags CZ_LSMINFO."
    assert said in (tmp_path / "out" / "a.tif.txt").read_text()
    assert json_of(tmp_path / "out" / "a.tif.json")["lost"] == ["the tags CZ_LSMINFO"]
    assert "Not carried over" not in (tmp_path / "out" / "b.tif.txt").read_text()
    assert json_of(tmp_path / "out" / "b.tif.json")["lost"] == []


def test_the_same_twice_and_nothing_else(tmp_path: Path) -> None:
    """A picture has the same bytes when it is restored again. Only `output` changes."""
    save(tmp_path / "in" / "a.png", pixels(1))
    save(tmp_path / "in" / "b" / "c.tif", pixels(3))
    save(tmp_path / "in" / ".hidden" / "d.png", pixels(3))
    before = contents(tmp_path)
    best = trained(*DENSE).best
    arguments = f"checkpoint={best}", "input=in", "output=one", "device=cpu"
    run = run_command("denoise.py", *arguments, directory=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "b/c.tif" in run.stdout
    restore(f"input={tmp_path}/in", f"output={tmp_path}/two", checkpoint=best)
    after = contents(tmp_path)
    new = after.keys() - before.keys()
    pictures = ["a.png", "b/c.tif"]
    ends = ("", *REPORTS)
    names = ("one", "two")
    assert new == {f"{o}/{name}{end}" for o in names for name in pictures for end in ends}
    assert {name: after[name] for name in before} == before
    for name in pictures:
        assert after[f"one/{name}"] == after[f"two/{name}"]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("in", {"a.png", "b/c.png", "b/d.png", "b/e/f.tif"}),
        ("in/b", {"c.png", "d.png", "e/f.tif"}),
        ("in/*.png", {"a.png"}),
        ("in/*/*.jpg", {"b/d.png"}),
        ('"in/**/*.[pt]*"', {"a.png", "b/c.png", "b/e/f.tif"}),
        ("[in/a.png,in/b/e]", {"a.png", "f.tif"}),
        ('"in/b [x]/g=1.png"', {"g=1.png"}),
    ],
)
def test_files_folders_and_globs(
    given: str, names: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b/c.png", "b/d.jpg", "b/e/f.tif"):
        save(tmp_path / "in" / name, pixels(1))
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    if "=" in given:
        save(tmp_path / "in" / "b [x]" / "g=1.png", pixels(1))
    monkeypatch.chdir(tmp_path)
    reports = restore(f"input={given}", "output=out")
    assert {str(report.task.restored.relative_to("out")) for report in reports} == names


def test_an_output_inside_the_input_is_not_restored_again(tmp_path: Path) -> None:
    save(tmp_path / "a.png", pixels(1))
    for _ in range(2):
        given = f"input={tmp_path}", f"output={tmp_path}/out", "overwrite=true"
        assert [str(report.task.name) for report in restore(*given)] == ["a.png"]


def test_restored_pictures_lie_beside_the_input_if_no_folder_is_given(tmp_path: Path) -> None:
    report = restore(f"input={save(tmp_path / 'a' / 'photo.png', pixels(3))}")[0]
    restored = tmp_path / "a" / "restored" / "photo.png"
    assert report.task.restored == restored
    assert np.asarray(Image.open(restored)).shape == (24, 30, 3)


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("photo.jpg", "restored"),
        ("a/photo.jpg", "a/restored"),
        ("a/photos", "a/restored"),
        ("a/**/b*/*.png", "a/restored"),
        (["b/one.png", "c/two.png"], "b/restored"),
    ],
)
def test_the_folder_beside_an_input(given: str | list[str], folder: str) -> None:
    assert inputs.beside(given) == Path(folder)


def test_strength_mixes_what_was_restored_with_what_was_given(tmp_path: Path) -> None:
    source = save(tmp_path / "in.png", pixels(1))
    given = np.asarray(Image.open(source)).astype(float)

    def restored(strength: float) -> np.ndarray:
        output = tmp_path / str(strength)
        report = restore(f"input={source}", f"output={output}", f"strength={strength}")[0]
        assert (f"{strength:.0%} was taken away" in report.as_text()) == (strength != 1)
        return np.asarray(Image.open(output / "in.png")).astype(float)

    whole = restored(1.0)
    assert np.abs(whole - given).max() > 3
    assert np.array_equal(restored(0.0), given)
    assert np.abs(restored(0.5) - (given + whole) / 2).max() <= 1
    assert np.abs(restored(1.5) - (1.5 * whole - 0.5 * given).clip(0, 255)).max() <= 1
