"""What an evaluation says beyond the means: single images, the task, the noise curve, the page."""

import csv
import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from denoisers.checkpoint import load_model
from denoisers.metrics import gmsd
from evaluation.per_image import best_median_worst
from evaluation.task_accuracy import task_results, verdict
from groundwork.batch import Batch
from tests.helpers.runs import (
    CLASSIFIER,
    CURVE,
    DENSE,
    TINY,
    VAE,
    compose,
    evaluated,
    evaluation_images,
    score_in,
    scored,
    trained,
    whole_evaluation,
)


@functools.cache
def images() -> Batch:
    return evaluation_images(compose("train", *TINY), "test")


def rows_of(name: str) -> list[dict[str, str]]:
    with (whole_evaluation()[0] / name).open() as file:
        return list(csv.DictReader(file))


def column(name: str) -> np.ndarray[Any, Any]:
    return np.array([float(row[name]) for row in rows_of("per_image.csv")])


def test_each_image_has_the_scores_that_scikit_image_gives_it() -> None:
    model = load_model(trained(*DENSE).best)[0]
    with torch.no_grad():
        restored = model(images().noisy)
    assert [row["index"] for row in rows_of("per_image.csv")] == [str(n) for n in range(64)]
    assert [int(row["label"]) for row in rows_of("per_image.csv")] == images().label.tolist()
    for prefix, found in (("noisy_", images().noisy), ("", restored)):
        pairs = list(zip(images().clean[:, 0].numpy(), found[:, 0].numpy(), strict=True))
        psnr = [peak_signal_noise_ratio(clean, image, data_range=1) for clean, image in pairs]
        ssim = [
            structural_similarity(
                clean, image, data_range=1, gaussian_weights=True, sigma=1.5,
                use_sample_covariance=False, full=True,
            )[1][5:-5, 5:-5].mean()
            for clean, image in pairs
        ]  # fmt: skip
        assert column(f"{prefix}psnr") == pytest.approx(np.array(psnr), abs=1e-4)
        assert column(f"{prefix}ssim") == pytest.approx(np.array(ssim), abs=1e-4)


def test_single_images_and_classes_average_to_the_scores() -> None:
    metrics = whole_evaluation()[1]
    assert column("psnr").mean() == pytest.approx(metrics["test"]["psnr"], abs=1e-4)
    assert (column("predicted") == column("label")).mean() == metrics["accuracy"]["restored"]
    classes = metrics["by_class"].values()
    for name, expected in (("psnr", metrics["test"]["psnr"]), ("accuracy", None)):
        mean = sum(found[name] * found["images"] for found in classes) / 64
        assert mean == pytest.approx(expected or metrics["accuracy"]["restored"], abs=1e-4)


def test_the_best_the_median_and_the_worst_images_are_found() -> None:
    psnr = torch.tensor([5.0, 1.0, 9.0, 3.0, 7.0, 8.0, 2.0, 6.0, 4.0, 0.0])
    assert psnr[best_median_worst(psnr)].tolist() == [9, 8, 7, 6, 6, 5, 4, 3, 3, 2, 1, 0]
    assert best_median_worst(torch.tensor([1.0])).tolist() == [0, 0, 0]


def test_paired_tests_count_the_images_on_which_two_inputs_differ() -> None:
    right = {
        "noisy": torch.tensor([True] * 5 + [False] * 25),
        "restored": torch.tensor([False] * 2 + [True] * 10 + [False] * 18),
    }
    found = task_results(right)
    test = found["tests"]["restored vs noisy"]
    assert (test["only_first"], test["only_second"]) == (7, 2)
    # Two-sided binomial: 2 (C(9,0) + C(9,1) + C(9,2)) / 2^9.
    assert test["p"] == pytest.approx(2 * (1 + 9 + 36) / 512)
    assert found["accuracy"]["noisy"]["accuracy"] == pytest.approx(5 / 30)
    assert found["accuracy"]["noisy"]["low"] < 5 / 30 < found["accuracy"]["noisy"]["high"]
    assert "restored vs control" not in found["tests"]


def test_words_say_when_psnr_rose_and_accuracy_fell() -> None:
    better = torch.tensor([True] * 80 + [False] * 20)
    worse = torch.tensor([True] * 30 + [False] * 70)
    harm = task_results({"noisy": better, "restored": worse, "control": better})
    said = verdict(harm, noisy_psnr=10, psnr=15)
    assert "+5.00 dB" in said[0]
    assert "from 80.00% to 30.00%" in said[0]
    assert "PSNR rose and accuracy FELL" in said[0]
    assert "does less for the task than" in said[1]
    assert "it helps" in verdict(task_results({"noisy": worse, "restored": better}), 10, 15)[0]
    same = verdict(task_results({"noisy": better, "restored": better}), 10, 15)[0]
    assert "no significant difference" in same


def test_the_curve_is_the_evaluation_at_other_levels(tmp_path: Path) -> None:
    metrics = whole_evaluation()[1]
    rows = {(row["level"], row["method"]): row for row in metrics["noise_curve"]}
    here = rows[0.5, "model"]
    assert here["psnr"] == pytest.approx(metrics["test"]["psnr"], rel=1e-6)
    assert here["accuracy"] == pytest.approx(metrics["accuracy"]["restored"])
    assert rows[0.5, "noisy input"]["accuracy"] == pytest.approx(metrics["accuracy"]["noisy"])
    there = score_in(tmp_path, trained(*DENSE).best, "noise.std=0.9")
    assert rows[0.9, "model"]["ssim"] == pytest.approx(there["test"]["ssim"], rel=1e-6)
    assert rows[0.9, "noisy input"]["psnr"] == pytest.approx(there["noisy_input"]["psnr"], rel=1e-6)
    for name in metrics["baselines"]:
        assert rows[0.5, name]["psnr"] == pytest.approx(
            metrics["baselines"][name]["psnr"], rel=1e-6
        )


def test_the_curves_file_holds_its_rows() -> None:
    expected = whole_evaluation()[1]["noise_curve"]
    found = rows_of("noise_curve.csv")
    assert [row["method"] for row in found] == [row["method"] for row in expected]
    assert {row["noise"] for row in found} == {"Gaussian"}
    for name in ("level", "images", "psnr", "ssim", "accuracy"):
        assert [float(row[name]) for row in found] == [row[name] for row in expected]


def test_the_curve_is_a_table_too() -> None:
    directory, metrics = whole_evaluation()
    shown = (directory / "metrics.txt").read_text()
    for title, name, form in (("PSNR (dB)", "psnr", ".2f"), ("accuracy", "accuracy", ".2%")):
        part = shown.split(f"Noise curve: {title}")[1]
        line = next(line for line in part.splitlines() if line.startswith("│ model"))
        expected = [
            format(row[name], form) for row in metrics["noise_curve"] if row["method"] == "model"
        ]
        assert [cell.strip() for cell in line.strip("│").split("│")][1:] == expected


def test_baselines_stand_beside_the_model() -> None:
    directory, metrics = whole_evaluation()
    noisy = metrics["noisy_input"]["psnr"]
    assert len(metrics["baselines"]) >= 5
    assert all(found["psnr"] > noisy for found in metrics["baselines"].values())
    shown = (directory / "metrics.txt").read_text()
    for name, found in metrics["baselines"].items():
        assert name in shown
        assert f"{found['psnr']:.2f}" in shown


def test_the_page_needs_no_other_file() -> None:
    directory, metrics = whole_evaluation()
    page = (directory / "report.html").read_text()
    assert not re.search(r"https?://|<script|<link", page)
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) == len(list(directory.glob("*.png"))) >= 7
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert f"{metrics['test']['psnr']:.2f}" in page
    assert metrics["run_id"] in page


def test_the_page_begins_with_pictures_then_says_what_was_gained() -> None:
    of_vae, metrics = evaluated(trained(*VAE).best)
    noisy, restored = metrics["noisy_input"]["psnr"], metrics["test"]["psnr"]
    for directory, sentence in (
        (whole_evaluation()[0], "Restoring changes PSNR by"),
        (
            of_vae,
            f"VAE changes the images&#x27; mean PSNR from {noisy:.2f} to {restored:.2f} dB.",
        ),
    ):
        page = (directory / "report.html").read_text()
        places = [
            page.index(part)
            for part in (
                *("</h1>\n<figure", "Examples: the first", "The scored images with the best"),
                *(sentence, "<table>", "<h2>More pictures", "<h2>What was run"),
            )
        ]
        assert places == sorted(places)


def test_an_evaluation_without_a_classifier_or_curve_says_what_it_can() -> None:
    directory, metrics = evaluated(trained(*VAE).best)
    assert metrics["task"] == {"accuracy": {}, "tests": {}}
    assert metrics["noise_curve"] == []
    assert not (directory / "noise_curve.csv").exists()
    with (directory / "per_image.csv").open() as file:
        assert {row["predicted"] for row in csv.DictReader(file)} == {""}


def test_a_metric_by_choice_is_wherever_the_others_are(tmp_path: Path) -> None:
    checkpoint = trained(*DENSE).best
    chosen = score_in(tmp_path, checkpoint, "extra_metrics=[gmsd]", "levels=[0.5]")
    with torch.no_grad():
        restored = load_model(checkpoint)[0](images().noisy)
    expected = gmsd(restored, images().clean).numpy()
    assert chosen["test"]["gmsd"] == pytest.approx(expected.mean(), rel=1e-5)
    for found in (chosen["noisy_input"], *chosen["noise_curve"], *chosen["by_class"].values()):
        assert "gmsd" in found
    with (tmp_path / "per_image.csv").open() as file:
        found = [float(row["gmsd"]) for row in csv.DictReader(file)]
    assert found == pytest.approx(expected, rel=1e-4)
    assert ",gmsd," in (tmp_path / "noise_curve.csv").read_text()
    assert "Noise curve: GMSD" in (tmp_path / "metrics.txt").read_text()
    for name in ("metrics.json", "metrics.txt", "per_image.csv", "noise_curve.csv"):
        assert "gmsd" not in (whole_evaluation()[0] / name).read_text().lower()


def test_a_classifiers_curve_is_of_its_accuracy(tmp_path: Path) -> None:
    run = trained(*CLASSIFIER)
    metrics = score_in(tmp_path, run.best, CURVE)
    assert {row["method"] for row in metrics["noise_curve"]} == {"noisy input"}
    accuracy = {row["level"]: row["accuracy"] for row in metrics["noise_curve"]}
    assert accuracy[0.5] == pytest.approx(metrics["accuracy"]["noisy"])
    assert metrics["accuracy"] == scored(run.best)["accuracy"]
