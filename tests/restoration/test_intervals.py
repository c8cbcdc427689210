"""denoise.py writes the intervals that eval.py has calibrated, and refuses others."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import denoise
from denoisers.checkpoint import load_model
from denoisers.intervals.calibration import calibrations_of
from groundwork.batch import Batch
from restoration.report import Report
from tests.helpers.lines import line_for
from tests.helpers.pictures import read_picture
from tests.helpers.runs import (
    TINY,
    compose,
    contents,
    evaluation_images,
    json_of,
    run_command,
    scored,
    trained,
)

RUN = ("model=dense", "trainer.max_epochs=6", "data.train_size=512", "data.val_size=1000")
INTERVALS, SIGMA = "intervals=0.9", "sigma=0.5"
PICTURES = 40


@cache
def calibrated() -> Path:
    found = scored(trained(*RUN).best, INTERVALS, "data.test_size=1000")
    return Path(found["intervals"]["checkpoint"])


def restore(*overrides: str, checkpoint: Path | str | None = None) -> list[Report]:
    """Run denoise.py in this process."""
    path = checkpoint or calibrated()
    return denoise.denoise(compose("denoise", f"checkpoint={path}", "device=cpu", *overrides))


@cache
def images_of_the_test() -> Batch:
    return evaluation_images(compose("train", *TINY, "data.test_size=1000"), "test", PICTURES)


def save_noisy(folder: Path, count: int) -> torch.Tensor:
    """Write noisy test images as pictures, and return the clean ones: N C H W."""
    folder.mkdir()
    batch = images_of_the_test()
    for number, image in enumerate(batch.noisy[:count]):
        pixels = np.rint(255 * image[0].numpy()).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return batch.clean[:count]


def test_what_eval_calibrates_holds_in_the_pictures_that_denoise_writes(tmp_path: Path) -> None:
    clean = save_noisy(tmp_path / "in", PICTURES)
    reports = restore(INTERVALS, SIGMA, f"input={tmp_path}/in", f"output={tmp_path}/out")
    inside, widths = [], []
    for report, right in zip(reports, clean, strict=True):
        lower, upper = (read_picture(path) for path in report.task.ends[:2])
        restored = read_picture(report.task.restored)
        assert (lower <= restored).all()
        assert (restored <= upper).all()
        inside.append(((lower <= right) & (right <= upper)).double().mean().item())
        widths.append((upper - lower).mean().item())
        assert json_of(report.task.reports[1])["intervals"]["mean_width"] == pytest.approx(
            widths[-1],
            abs=1.5 / 255,  # rounded outwards
        )
    assert 0.87 < np.mean(inside) < 0.97
    assert max(widths) > 1.1 * min(widths)


def test_the_ends_are_those_of_the_model_rounded_outwards(tmp_path: Path) -> None:
    save_noisy(tmp_path / "in", 1)
    (report,) = restore(INTERVALS, SIGMA, f"input={tmp_path}/in", f"output={tmp_path}/out")
    model, run = load_model(calibrated())
    (calibration,) = calibrations_of(run)
    noisy = read_picture(tmp_path / "in" / "00.png")[None]
    with torch.no_grad():
        lower, upper = calibration.bounds(noisy, model(noisy))
    written = [read_picture(path)[None] for path in report.task.ends[:2]]
    for outwards in (lower - written[0], written[1] - upper):
        assert outwards.min() > -1e-5
        assert outwards.max() < 1 / 255 + 1e-5


def test_the_map_is_a_picture_with_colours_and_the_text_states_the_guarantee(
    tmp_path: Path,
) -> None:
    save_noisy(tmp_path / "in", 1)
    (report,) = restore(INTERVALS, SIGMA, f"input={tmp_path}/in", f"output={tmp_path}/out")
    names = {"00.png" + end for end in ("", ".txt", ".json", ".triptych.png")}
    names |= {"00.png" + end for end in (".lower.png", ".upper.png", ".widths.png")}
    assert contents(tmp_path / "out").keys() == names
    drawn = Image.open(report.task.ends[2])
    assert min(drawn.size) > 500
    assert len(set(drawn.convert("RGB").get_flattened_data())) > 50
    text = report.task.reports[0].read_text()
    assert "Intervals: mean width 0." in text
    assert "With probability 0.9 over the 500 images that calibrated them, at most 0.1 of" in text
    assert "Gaussian(std=0.5" in text
    assert "calibrated on pictures of" not in text


def test_a_picture_of_another_size_is_not_covered_and_the_report_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = np.rint(255 * (0.5 + 0.5 * random.normal(size=(40, 30, 3))).clip(0, 1))
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    (report,) = restore(INTERVALS, SIGMA, f"input={tmp_path}/a.png")
    assert read_picture(report.task.ends[0]).shape == (3, 40, 30)
    said = "The intervals were calibrated on pictures of 28 x 28 pixels: their guarantee does not"
    assert said in report.task.reports[0].read_text()


def test_earlier_intervals_are_kept_unless_asked_and_are_no_input(tmp_path: Path) -> None:
    save_noisy(tmp_path / "in", 1)
    given = (INTERVALS, SIGMA, f"input={tmp_path}/in", f"output={tmp_path}/in/out")
    restore(*given)
    for end in (".txt", ".json", ".triptych.png"):
        (tmp_path / "in" / "out" / f"00.png{end}").unlink()
    (tmp_path / "in" / "out" / "00.png").unlink()
    assert "00.png.lower.png exists already" in line_for(lambda: restore(*given))
    restore(*given, "overwrite=true")
    again = restore(f"input={tmp_path}/in", f"output={tmp_path}/other")
    assert [str(report.task.name) for report in again] == ["00.png", "out/00.png"]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("intervals=1.5",), "intervals=1.5"),
        ((INTERVALS, "method=tv"), "intervals=0.9: it is for method=model alone"),
        ((INTERVALS, "strength=0.5"), "intervals=0.9 strength=0.5: intervals are around what"),
        ((INTERVALS, "checkpoint=auto"), "intervals=0.9: the weights that ship are not calibrated"),
        (
            (INTERVALS, "checkpoint=photo"),
            "intervals=0.9: photo is not calibrated: python eval.py checkpoint=photo data=folder",
        ),
        (("intervals=0.8",), "is calibrated for intervals=0.9 symmetries=1 alone"),
        ((INTERVALS, "symmetries=8"), "is calibrated for intervals=0.9 symmetries=1 alone"),
        ((INTERVALS, "sigma=0.4"), "the standard deviation of its noise is given as 0.400, and"),
        ((INTERVALS, "sigma=0.6"), "is calibrated for Gaussian(std=0.5"),
    ],
)
def test_what_is_not_calibrated_is_refused_and_nothing_is_written(
    overrides: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    save_noisy(tmp_path / "in", 1)
    given = (f"input={tmp_path}/in", f"output={tmp_path}/out", *overrides)
    assert named in line_for(lambda: restore(*given))
    assert not (tmp_path / "out").exists()


def test_an_uncalibrated_checkpoint_is_named_with_the_command_that_calibrates(
    tmp_path: Path,
) -> None:
    save_noisy(tmp_path / "in", 1)
    best = trained(*RUN).best
    given = (f"checkpoint={best}", INTERVALS, f"input={tmp_path}/in", f"output={tmp_path}/out")
    run = run_command("denoise.py", *given, directory=tmp_path)
    assert run.returncode == 1
    assert f"python eval.py checkpoint={best} intervals=0.9 writes" in run.stderr
    assert not (tmp_path / "out").exists()


def test_the_noise_of_a_picture_is_estimated_and_compared(tmp_path: Path) -> None:
    """At the calibrated level the estimate is near enough; at a fifth of it, it is refused."""
    clean = save_noisy(tmp_path / "in", 1)[0, 0].numpy()
    tiled = np.tile(clean, (4, 4))
    random = np.random.default_rng(0)
    for name, std in (("strong", 0.5), ("weak", 0.1)):
        noisy = (tiled + std * random.normal(size=tiled.shape)).clip(0, 1)
        Image.fromarray(np.rint(255 * noisy).astype(np.uint8)).save(tmp_path / f"{name}.png")
    (report,) = restore(INTERVALS, f"input={tmp_path}/strong.png", f"output={tmp_path}/out")
    assert report.intervals is not None
    weak = (INTERVALS, f"input={tmp_path}/weak.png", f"output={tmp_path}/out")
    assert "is estimated as 0." in line_for(lambda: restore(*weak))
    assert not (tmp_path / "out" / "weak.png").exists()
