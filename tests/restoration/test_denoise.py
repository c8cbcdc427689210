"""denoise.py restores pictures and reports on them."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import denoise
from cli.messages import is_users_mistake, one_line
from datamodules.noise import Blind, Gaussian, Noise, Poisson
from denoisers import metrics
from denoisers.checkpoint import load_model
from groundwork.picture_files import REPORTS
from restoration import inputs
from restoration.inputs import Task
from restoration.methods import How
from restoration.report import Report
from restoration.residual import residual_of
from restoration.restorer import Restorer
from restoration.scores import scores
from restoration.trained_on import Training
from tests.helpers.pictures import read_picture
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    TINY,
    compose,
    contents,
    evaluation_images,
    json_of,
    run_command,
    trained,
)

# Some seconds of training are enough to restore pictures like those that the model has seen.
TRAINED = ("model=dense", "trainer.max_epochs=12", "data.train_size=1024")
UNET = ("model=unet", "model.channels=[8,8]", "trainer.max_epochs=1", "noise=blind")


def restore(*overrides: str, checkpoint: Path | None = None) -> list[Report]:
    """Run denoise.py in this process."""
    path = checkpoint or trained(*UNET).best
    return denoise.denoise(compose("denoise", f"checkpoint={path}", "device=cpu", *overrides))


def pixels(channels: int, dtype: type = np.uint8) -> np.ndarray:
    """Return a smooth picture with noise: H W or H W C."""
    shape = (24, 30) if channels == 1 else (24, 30, channels)
    random = np.random.default_rng(0)
    smooth = gaussian_filter(random.random(shape), (3, 3, 0)[: len(shape)])
    noisy = (0.5 + 3 * (smooth - 0.5) + 0.05 * random.normal(size=shape)).clip(0, 1)
    most = 1 if dtype is np.float32 else np.iinfo(dtype).max
    return np.asarray((noisy * most) if most == 1 else np.rint(noisy * most), dtype)


def save(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


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


REFUSED = [
    (
        "checkpoint=phot input=in/a.png output=out",
        "there is no checkpoint at phot; the weights that ship are camera, photo",
    ),
    ("method=tvl input=in output=out", "did you mean method=tv?"),
    ("method=tv sigma=0 input=in output=out", "sigma=0"),
    ("checkpoint=x.ckpt output=out", "input is required"),
    ("checkpoint=x.ckpt input=in output=out tile=0", "tile=0: should be"),
    ("checkpoint=x.ckpt input=in output=out +tiles=1", "tiles: there is no such setting"),
    ("checkpoint=x.ckpt input=[] output=out", "input=[]"),
    ("checkpoint=x.ckpt input=none output=out", "input=none: there is no such file or folder"),
    ("checkpoint=x.ckpt input=none/*.png output=out", "input=none/*.png: there is no picture"),
    ("checkpoint=x.ckpt input=empty output=out", "input=empty: there is no picture"),
    ("checkpoint=x.ckpt input=in output=in/a.png", "output=in/a.png is a file"),
    ("checkpoint=x.ckpt input=in output=in", "in/a.png is an original, and would be overwritten"),
    (
        "checkpoint=x.ckpt input=in/a.png output=in/../in overwrite=true",
        "in/../in/a.png is an original",
    ),
    (
        "checkpoint=x.ckpt input=[in/c.png,in/b/c.png] output=out",
        "would both be restored to out/c.png",
    ),
    ("checkpoint=x.ckpt input=in/a.png output=old", "old/a.png exists already"),
    ("checkpoint=x.ckpt input=in output=out reference=none", "reference=none: there is no such"),
    ("checkpoint=x.ckpt input=in output=out reference=in/a.png", "is one file for 4 pictures"),
    ("checkpoint=x.ckpt input=in output=out reference=in/b", "it has no picture a.png"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    for name in ("in/a.png", "in/b/c.png", "in/b/c.jpg", "in/c.png", "old/a.png"):
        save(folder / name, pixels(1))
    (folder / "empty").mkdir()
    return folder


@pytest.mark.parametrize(("arguments", "line"), REFUSED)
def test_what_is_refused(
    arguments: str, line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = contents(folder)
    with pytest.raises((ValueError, OSError)) as caught:
        denoise.denoise(compose("denoise", *arguments.split()))
    assert is_users_mistake(caught.value)
    assert line in one_line(caught.value)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("checkpoint=x.ckpt input=in/a.png output=in", "in/a.png is an original"),
    ],
)
def test_a_mistake_is_one_line_before_torch_is_loaded(
    arguments: str, line: str, folder: Path
) -> None:
    options = ("-X", "importtime")
    run = run_command("denoise.py", *arguments.split(), directory=folder, options=options)
    modules = [entry for entry in run.stderr.splitlines() if entry.startswith("import time:")]
    (said,) = set(run.stderr.splitlines()) - set(modules)
    assert run.returncode == 1
    assert said.startswith(f"denoise.py: {line}")
    assert "torch" not in {entry.rpartition("|")[2].strip() for entry in modules}


@pytest.mark.parametrize(
    ("run", "settings", "line"),
    [
        (CLASSIFIER, (), "a Classifier restores no pictures"),
        (DENSE, ("tile=64",), "a Dense has tiles of its own size"),
        (UNET, ("tile=10",), "tile=10: it must be at least"),
        (UNET, ("device=cuda",), "device=cuda: torch finds no GPU here"),
    ],
)
def test_what_the_model_cannot_do_is_refused(
    run: tuple[str, ...], settings: tuple[str, ...], line: str, folder: Path, tmp_path: Path
) -> None:
    if "device=cuda" in settings and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    given = f"input={folder}/in/a.png", f"output={tmp_path}/out", *settings
    with pytest.raises(ValueError, match=line):
        restore(*given, checkpoint=trained(*run).best)
    assert not (tmp_path / "out").exists()


def test_a_damaged_picture_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "in" / name, pixels(1))
    content = (tmp_path / "in" / "b.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"^1 of 3 failed: .*in/b.png cannot be read") as caught:
        restore(f"input={tmp_path}/in", f"output={tmp_path}/out")
    assert is_users_mistake(caught.value)
    written = {name for name in contents(tmp_path / "out") if name.endswith(".png")}
    assert written == {f"{name}.png{end}" for name in "ac" for end in ("", ".triptych.png")}


def test_scores_against_a_reference_are_scikit_images(tmp_path: Path) -> None:
    clean = {"grey": data.camera()[:600:2, :130], "colour": data.astronaut()[:90, :80]}
    random = np.random.default_rng(0)
    for name, picture in clean.items():
        noisy = (picture + 25 * random.normal(size=picture.shape)).clip(0, 255).astype(np.uint8)
        save(tmp_path / "in" / "deep" / f"{name}.png", noisy)
        tifffile.imwrite(save(tmp_path / "clean/deep" / f"{name}.tif", picture), picture)
    save(tmp_path / "in" / "small.png", np.full((10, 40), 90, np.uint8))
    save(tmp_path / "clean" / "small.png", np.full((10, 40), 100, np.uint8))
    given = f"input={tmp_path}/in", f"reference={tmp_path}/clean", f"output={tmp_path}/out"
    reports = {report.task.name.stem: report for report in restore(*given)}
    for name, picture in clean.items():
        scores = reports[name].scores
        assert scores is not None
        paths = {"noisy": reports[name].task.source, "restored": reports[name].task.restored}
        for which, path in paths.items():
            found = np.asarray(Image.open(path))
            psnr = peak_signal_noise_ratio(picture, found, data_range=255)
            settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
            axis = -1 if picture.ndim == 3 else None
            ssim = structural_similarity(
                picture, found, data_range=255, channel_axis=axis, **settings
            )
            assert scores[which]["psnr"] == pytest.approx(psnr, abs=1e-3)
            assert scores[which]["ssim"] == pytest.approx(ssim, abs=1e-4)
            assert f"PSNR {psnr:.2f} dB" in reports[name].as_text()
    assert reports["small"].scores is not None
    assert reports["small"].scores["noisy"]["ssim"] is None


def test_ssim_in_strips_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = torch.rand(2, 3, 100, 40, generator=torch.Generator().manual_seed(0))
    whole = metrics.ssim(first[None], second[None]).item()
    monkeypatch.setattr("restoration.scores.ROWS", 17)
    assert scores(first, second)["ssim"] == pytest.approx(whole, abs=1e-6)


def test_a_reference_of_another_size_is_told_in_the_end(tmp_path: Path) -> None:
    save(tmp_path / "a.png", pixels(1))
    reference = save(tmp_path / "clean.png", pixels(1)[:-1])
    with pytest.raises(ValueError, match=r"1 of 1 failed: .*a.png has .* its reference"):
        restore(f"input={tmp_path}/a.png", f"reference={reference}", f"output={tmp_path}/out")
    assert not (tmp_path / "out").exists()


def test_a_photograph_is_unlike_garments_and_a_garment_is_not(tmp_path: Path) -> None:
    run = trained(*TRAINED)
    garments = evaluation_images(compose("train", *TINY), "test", 8).noisy[:, 0].numpy()
    for index, noisy in enumerate(garments):
        save(tmp_path / "in" / f"{index}.png", np.rint(255 * noisy).astype(np.uint8))
    random = np.random.default_rng(0)
    photograph = data.camera()[:200, :200] / 255
    for std in (0.0, 0.1, 0.5):
        noisy = (photograph + std * random.normal(size=photograph.shape)).clip(0, 1)
        save(tmp_path / "in" / f"photograph {std}.png", np.rint(255 * noisy).astype(np.uint8))
    given = f"input={tmp_path}/in", f"output={tmp_path}/out"
    reports = {r.task.name.stem: r for r in restore(*given, checkpoint=run.best)}
    unlike = {
        name for name, report in reports.items() if any("unlike" in w for w in report.warnings)
    }
    assert unlike == {f"photograph {std}" for std in (0.0, 0.1, 0.5)}
    assert all(reports[str(index)].noise_in_range for index in range(len(garments)))
    weak = reports["photograph 0.1"]
    assert weak.noise_std == pytest.approx(0.1, rel=0.1)
    assert weak.noise_in_range is False
    text = (tmp_path / "out" / "photograph 0.1.png.txt").read_text()
    assert "WARNING. This picture is unlike what the model was trained on" in text
    assert "the residual still shows the picture" in text
    assert "trained for standard deviations from 0.350 to 0.650" in text
    assert "tiles of 28 x 28" in text
    assert "WARNING" not in (tmp_path / "out" / "0.png.txt").read_text()
    content = json_of(tmp_path / "out" / "photograph 0.1.png.json")
    assert content["noise_std"] == weak.noise_std
    assert content["residual"] == weak.residual._asdict()
    assert content["warnings"] == weak.warnings
    noisy = read_picture(weak.task.source)
    mean = (noisy - read_picture(weak.task.restored)).mean().item()
    assert content["residual"]["mean"] == pytest.approx(mean, abs=1e-6)


NOISES: list[tuple[Noise, float, bool | None]] = [
    (Gaussian(0.5, clip=True), 0.4, True),
    (Gaussian(0.5, clip=False), 0.6, True),
    (Gaussian(0.5, clip=True), 0.34, False),
    (Blind(0.1, 0.4, clip=True), 0.2, True),
    (Blind(0.1, 0.4, clip=True), 0.06, False),
    (Blind(0, 0.4, clip=True), 0.0, True),
    (Blind(0.1, 0.4, clip=True), 0.55, False),
    (Poisson(4, clip=True), 0.5, None),
]


@pytest.mark.parametrize(("noise", "std", "in_range"), NOISES)
def test_range_of_the_training(
    noise: Noise, std: float, in_range: bool | None, tmp_path: Path
) -> None:
    even = np.full((1, 20, 20), 0.5, np.float32)
    draws = np.random.default_rng(0).normal(size=even.shape).astype(np.float32)
    noisy = (even + std * draws).clip(0, 1)
    task = Task(tmp_path, Path("a.png"), tmp_path / "a.png", None)
    training = Training("UNet", "Procedural", (1, 28, 28), True, noise)
    residual = residual_of(noisy, even, std)
    how = How("model", "best.ckpt", training)
    report = Report(task, how, (1, 20, 20), std, residual, None)
    assert report.noise_in_range is in_range
    assert len(report.warnings) == (in_range is False)
    assert ("noise of another kind" in report.as_text()) == (in_range is None)
    unknown = replace(report, noise_std=None)
    assert unknown.noise_in_range is None
    assert "its strength cannot be estimated" in unknown.as_text()


def test_noise_that_is_left_in_is_told_of(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noisy = (0.5 + 0.1 * random.normal(size=(1, 64, 64))).astype(np.float32)
    task = Task(tmp_path, Path("a.png"), tmp_path / "a.png", None)
    training = Training("UNet", "Procedural", (1, 28, 28), True, Gaussian(0.1, clip=True))
    how = How("model", "best.ckpt", training)
    for share, told in ((0.1, True), (1.0, False)):
        residual = residual_of(noisy, noisy + np.float32(share) * (0.5 - noisy), 0.1)
        report = Report(task, how, (1, 64, 64), 0.1, residual, None)
        assert ["Most of the noise was left in" in w for w in report.warnings] == [True] * told


def test_black_pictures_and_single_pixels_have_reports(tmp_path: Path) -> None:
    """Their noise cannot be estimated. `write_json` refuses NaN."""
    save(tmp_path / "in" / "black.png", np.zeros((40, 50), np.uint8))
    save(tmp_path / "in" / "pixel.png", np.full((1, 1, 3), 99, np.uint8))
    for report in restore(f"input={tmp_path}/in", f"output={tmp_path}/out"):
        assert report.noise_std is None
        content = json_of(report.task.restored.with_name(f"{report.task.restored.name}.json"))
        assert content["noise_in_range"] is None


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
