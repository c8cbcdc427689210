"""eval.py calibrates intervals on validation images, and scores them on test images."""

from pathlib import Path
from typing import Any

import pytest
import torch

from denoisers.checkpoint import load_model, read_checkpoint
from denoisers.intervals.calibration import calibrations_of
from tests.helpers.lines import line_for
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    TINY,
    compose,
    evaluated,
    evaluation_images,
    json_of,
    same,
    score_in,
    scored,
    trained,
)

# Enough images for a bound that is close, and a model that has learnt something.
RUN = ("model=dense", "trainer.max_epochs=6", "data.train_size=512", "data.val_size=1000")
TESTED = "data.test_size=1000"
INTERVALS = "intervals=0.9"


def metrics() -> dict[str, Any]:
    return scored(trained(*RUN).best, INTERVALS, TESTED)


def test_coverage_on_procedural_images_is_nominal_and_widths_beat_constant_ones() -> None:
    found = metrics()["intervals"]
    assert found["images"] == {"fitted": 500, "calibrated": 500, "scored": 1000}
    assert abs(found["coverage"] - 0.9) < 0.015
    assert found["width"] < 0.97 * found["constant_width"]


def test_what_is_reported_is_what_the_calibrated_checkpoint_gives() -> None:
    """Restored, compared and counted here, from the file and the images alone."""
    found = metrics()["intervals"]
    model, run = load_model(found["checkpoint"])
    (calibration,) = calibrations_of(run)
    batch = evaluation_images(compose("train", *TINY, TESTED), "test")
    with torch.no_grad():
        restored = model(batch.noisy)
    lower, upper = calibration.bounds(batch.noisy, restored)
    inside = (lower <= batch.clean) & (batch.clean <= upper)
    assert found["coverage"] == pytest.approx(inside.double().mean().item(), abs=1e-5)
    assert found["width"] == pytest.approx((upper - lower).mean().item(), rel=1e-4)
    first = batch.label == 0
    by_class = next(iter(found["by_class"].values()))
    assert by_class["coverage"] == pytest.approx(inside[first].double().mean().item(), abs=1e-5)
    assert by_class["share"] == pytest.approx(first.double().mean().item())
    black = batch.clean == 0
    by_brightness = found["by_brightness"]["black"]
    assert by_brightness["share"] == pytest.approx(black.double().mean().item(), rel=1e-5)
    assert by_brightness["coverage"] == pytest.approx(
        inside[black].double().mean().item(), abs=1e-5
    )
    assert by_brightness["width"] == pytest.approx((upper - lower)[black].mean().item(), rel=1e-4)
    assert sum(part["share"] for part in found["by_brightness"].values()) == pytest.approx(1)


def test_the_checkpoint_that_was_scored_stays_as_it_was_and_calibrations_gather(
    tmp_path: Path,
) -> None:
    original = trained(*RUN).best
    before = original.read_bytes()
    first = Path(metrics()["intervals"]["checkpoint"])
    assert original.read_bytes() == before
    assert same(
        read_checkpoint(first).get("state_dict"), read_checkpoint(original).get("state_dict")
    )
    assert "intervals" not in read_checkpoint(original).run
    weak = score_in(tmp_path / "weak", first, INTERVALS, "noise.std=0.2")
    both = calibrations_of(read_checkpoint(weak["intervals"]["checkpoint"]).run)
    assert [calibration.noise["std"] for calibration in both] == [0.5, 0.2]
    again = score_in(tmp_path / "again", Path(weak["intervals"]["checkpoint"]), INTERVALS, TESTED)
    stds = calibrations_of(read_checkpoint(again["intervals"]["checkpoint"]).run)
    assert [calibration.noise["std"] for calibration in stds] == [0.2, 0.5]
    assert again["intervals"]["coverage"] == metrics()["intervals"]["coverage"]


def test_the_page_and_the_tables_say_what_is_guaranteed() -> None:
    directory, _ = evaluated(trained(*RUN).best, INTERVALS, TESTED)
    page = (directory / "report.html").read_text()
    found = json_of(directory / "metrics.json")["intervals"]
    for text in (
        "Guarantee: with probability 0.9 over the 500",
        "at most 0.1 of an image",
        f"{found['coverage']:.2%}",
        f"{found['constant_width']:.4f}",
        "Intervals by class",
        "Intervals by clean pixel",
        "denoise.py takes it as checkpoint=",
    ):
        assert text in page
    assert (directory / "intervals.png").exists()


def test_without_the_setting_nothing_is_calibrated() -> None:
    directory, metrics = evaluated(trained(*DENSE).best)
    assert metrics["intervals"] is None
    assert not (directory / "calibrated.safetensors").exists()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("intervals=1.5",), "intervals=1.5"),
        (("intervals=0.9", "interval_delta=0"), "interval_delta"),
        (("intervals=0.9", "split=val"), "intervals=0.9: validation images calibrate them"),
        (("intervals=0.9", "data.val_size=20"), "intervals=0.9: half of the 20 validation images"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    overrides: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert line_for(lambda: score_in(folder, trained(*RUN).best, *overrides)).startswith(named)
    assert not folder.exists()


def test_a_classifier_has_no_intervals(tmp_path: Path) -> None:
    best = trained(*CLASSIFIER).best
    line = line_for(lambda: score_in(tmp_path / "run", best, INTERVALS))
    assert line == "intervals=0.9: a Classifier restores no images"
