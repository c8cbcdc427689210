"""Images that are averaged over the symmetries of the square are scored as they are."""

import csv
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from denoisers.checkpoint import load_model
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.metrics import psnr, ssim
from groundwork.batch import Batch
from tests.helpers.lines import line_for
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    TINY,
    VAE,
    Run,
    compose,
    composite,
    evaluation_images,
    score_in,
    scored,
    trained,
)
from tests.helpers.symmetries import by_hand


@cache
def images() -> Batch:
    return evaluation_images(compose("train", *TINY), "test")


@torch.no_grad()
def averaged(run: Run) -> Tensor:
    model = load_model(run.best)[0]
    return by_hand(model.denoiser if isinstance(model, Composite) else model, images().noisy)


@torch.no_grad()
def accuracy(run: Run, restored: Tensor) -> float:
    model = load_model(run.best)[0]
    judge = model.classifier if isinstance(model, Composite) else model
    assert isinstance(judge, Classifier)
    return (judge(restored).argmax(1) == images().label).double().mean().item()


def one_pass(metrics: dict[str, Any]) -> dict[str, float]:
    """Return what a model says of its own loss and latents, which the symmetries do not change."""
    names = ("loss", "kl", "reconstruction", "active_units", "cross_entropy")
    return {name: metrics["test"][name] for name in names if name in metrics["test"]}


@pytest.mark.parametrize("overrides", [DENSE, VAE])
def test_all_scores_are_of_the_averaged_images(overrides: tuple[str, ...], tmp_path: Path) -> None:
    run, judge = trained(*overrides), trained(*CLASSIFIER)
    words = ["symmetries=8", f"classifier={judge.best}", "levels=[0.5]", "extra_metrics=[gmsd]"]
    metrics = score_in(tmp_path, run.best, *words)
    single = scored(run.best)
    restored = averaged(run)
    expected = {"psnr": psnr, "ssim": ssim}
    (at_test,) = (row for row in metrics["noise_curve"] if row["method"] == "model")
    for name, measure in expected.items():
        mean = measure(restored, images().clean).mean().item()
        assert metrics["test"][name] == pytest.approx(mean, abs=1e-4)
        assert at_test[name] == pytest.approx(mean, abs=1e-4)
        assert abs(mean - single["test"][name]) > 1e-3
    with (tmp_path / "per_image.csv").open() as file:
        found = torch.tensor([float(row["psnr"]) for row in csv.DictReader(file)])
    assert torch.allclose(found, psnr(restored, images().clean), atol=1e-3)
    assert metrics["accuracy"]["restored"] == accuracy(judge, restored)
    assert metrics["noisy_input"] | {"gmsd": 0} == single["noisy_input"] | {"gmsd": 0}
    assert one_pass(metrics) == one_pass(single)
    assert (metrics["symmetries"], single["symmetries"]) == (8, 1)
    text = (tmp_path / "metrics.txt").read_text()
    assert f"{metrics['model'].rpartition('.')[2]} (over 8 symmetries)" in text
    assert "Losses and latents are of one pass, without symmetries." in text


def test_a_composites_classifier_is_shown_the_averaged_images(tmp_path: Path) -> None:
    run = trained(*composite())
    metrics = score_in(tmp_path, run.best, "symmetries=8")
    restored = averaged(run)
    expected = accuracy(run, restored)
    assert metrics["accuracy"]["restored"] == metrics["test"]["accuracy"] == expected
    assert metrics["test"]["psnr"] == pytest.approx(psnr(restored, images().clean).mean().item())
    assert one_pass(metrics) == pytest.approx(one_pass(scored(run.best)))


@pytest.mark.parametrize(
    ("run", "given", "line"),
    [
        (DENSE, 4, "symmetries=4: should be 1 or 8"),
        (DENSE, "true", "symmetries=True: should be a valid integer"),
        (CLASSIFIER, 8, "symmetries=8: a Classifier restores no images"),
    ],
)
def test_what_cannot_be_averaged_is_refused(
    run: tuple[str, ...], given: object, line: str, tmp_path: Path
) -> None:
    checkpoint = trained(*run).best
    refused = line_for(lambda: score_in(tmp_path / "scores", checkpoint, f"symmetries={given}"))
    assert refused == line
    assert not (tmp_path / "scores").exists()
