"""Scores: those of training, of any batch size, and those that one computes by hand."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.image import imread
from torch import Tensor

from cli.config import plain
from denoisers.checkpoint import load_model
from evaluation.score import measures_for
from groundwork.batch import Batch
from tests.helpers.runs import (
    CLASSIFIER,
    CONTROL,
    DENSE,
    OPEN,
    ROOT,
    SMALL_DENSE,
    TINY,
    VAE,
    compose,
    composite,
    evaluated,
    evaluation_images,
    json_of,
    read,
    resume_in,
    score_in,
    scored,
    train_in,
    trained,
    whole_evaluation,
)
from training import progress

FILES = sorted(path.stem for path in (ROOT / "conf" / "noise").glob("*.yaml"))
NOISES = [name for name in FILES if name != "none"]  # which has no levels
FEW = ("data.train_size=16", "data.val_size=8", "data.test_size=8")


@cache
def images() -> Batch:
    """Return the test images of the tiny runs."""
    return evaluation_images(compose("train", *TINY), "test")


def without_times(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name not in ("timings", "command")}


def accuracy(logits: Tensor) -> float:
    return (logits.argmax(1) == images().label).double().mean().item()


@pytest.mark.parametrize("overrides", [DENSE, VAE])
def test_scores_are_those_at_the_end_of_training(overrides: tuple[str, ...]) -> None:
    run = trained(*overrides)
    directory, metrics = evaluated(run.best)
    assert metrics == json_of(directory / "metrics.json")
    noisy = {f"noisy_{name}": value for name, value in metrics["noisy_input"].items()}
    assert metrics["test"] | noisy == pytest.approx(run.metrics["test"], rel=1e-6)
    assert metrics["run_id"] == run.metrics["run_id"]
    assert json_of(directory / "run.json")["run_id"] == run.metrics["run_id"]
    assert metrics["model"] == run.metrics["model"]


def test_the_validation_split_is_scored_on_request(tmp_path: Path) -> None:
    run = trained(*DENSE)
    metrics = score_in(tmp_path, run.best, "split=val")
    assert metrics["test"] == pytest.approx(run.metrics["validation"], rel=1e-6)


def test_scoring_again_gives_the_same_numbers_whatever_was_drawn(tmp_path: Path) -> None:
    run = trained(*VAE)
    first = scored(run.best)
    torch.manual_seed(99)
    again = score_in(tmp_path, run.best, "seed=99")
    assert without_times(again) == without_times(first)


@pytest.mark.parametrize("overrides", [DENSE, VAE])
def test_scores_do_not_depend_on_the_batch_size(overrides: tuple[str, ...], tmp_path: Path) -> None:
    checkpoint = trained(*overrides).best
    at_once = scored(checkpoint)  # 64 images in one batch
    metrics = score_in(tmp_path, checkpoint, "data.batch_size=3")  # five of 12, and one of 4
    assert metrics["test"] == pytest.approx(at_once["test"], rel=1e-5)
    assert metrics["noisy_input"] == pytest.approx(at_once["noisy_input"], rel=1e-5)


def test_metrics_are_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    checkpoint = trained(*DENSE).best
    first = without_times(scored(checkpoint))
    again = without_times(score_in(tmp_path, checkpoint, "data.num_workers=2"))
    assert json.dumps(again).replace('"num_workers": 2', '"num_workers": 0') == json.dumps(first)


def test_noisy_input_is_scored_as_it_is() -> None:
    metrics = scored(trained(*DENSE).best)
    errors = (images().noisy - images().clean).double()
    mse = errors.square().mean((1, 2, 3))
    assert metrics["noisy_input"]["mse"] == pytest.approx(mse.mean().item(), rel=1e-6)
    assert metrics["noisy_input"]["psnr"] == pytest.approx((-10 * mse.log10()).mean().item())
    assert metrics["noisy_input"]["mae"] == pytest.approx(errors.abs().mean().item(), rel=1e-6)


def test_data_and_noise_are_the_checkpoints_unless_overridden(tmp_path: Path) -> None:
    checkpoint = trained(*DENSE).best
    trained_with = compose("train", *TINY)
    metrics = scored(checkpoint)
    assert metrics["data"] == trained_with.data
    assert metrics["noise"] == trained_with.noise
    weak = score_in(tmp_path / "weak", checkpoint, "noise.std=0.1", "data.test_size=20")
    assert weak["noise"] == metrics["noise"] | {"std": 0.1}
    assert weak["data"] == metrics["data"] | {"test_size": 20}
    # Noise of std 0.1 has a PSNR of 20 dB, and more where it is clipped.
    assert 20 < weak["noisy_input"]["psnr"] < 25
    assert weak["noisy_input"]["psnr"] > metrics["noisy_input"]["psnr"] + 5


def test_a_quoted_path_may_hold_any_character(tmp_path: Path) -> None:
    run = trained(*DENSE)
    copy = tmp_path / "model=dense, (best) [1].ckpt"
    copy.write_bytes(run.best.read_bytes())
    metrics = score_in(tmp_path / "scored", Path(f"'{copy}'"))
    assert metrics["checkpoint"] == str(copy)
    assert metrics["run_id"] == run.metrics["run_id"]


def test_another_noise_and_dataset_can_be_chosen_by_name(tmp_path: Path) -> None:
    chosen = ["data=procedural", "data.train_size=10", "data.val_size=10", "data.test_size=30"]
    chosen += ["noise=gaussian", f"control={trained(*CONTROL).best}"]
    metrics = score_in(tmp_path, trained(*DENSE).best, *chosen)
    assert metrics["noise"] == compose("train", "noise=gaussian").noise
    assert sum(map(sum, metrics["confusion"]["control"])) == 30


def with_noise(name: str) -> tuple[Path, dict[str, Any]]:
    """Return the directory and the scores of an evaluation with a noise of conf/noise/."""
    sizes = ("data.train_size=8", "data.val_size=8", "data.test_size=16")
    return evaluated(trained(*DENSE).best, *sizes, f"noise={name}", "levels=[0.2,0.6]")


@pytest.mark.parametrize("name", NOISES)
def test_a_model_is_scored_with_any_noise(name: str) -> None:
    directory, metrics = with_noise(name)
    assert metrics["noise"] == compose("train", f"noise={name}").noise
    assert metrics["trained_noise"] == compose("train").noise
    gaussian = name in ("gaussian", "blind")  # the levels of other noises are not comparable
    assert metrics["trained_levels"] == ([0.5, 0.5] if gaussian else None)
    weak, strong = (row for row in metrics["noise_curve"] if row["method"] == "noisy input")
    assert (weak["level"], strong["level"]) == (0.2, 0.6)
    assert weak["psnr"] > strong["psnr"] + 3
    assert (directory / "noise_curve.png").is_file()


def test_a_mixture_is_rebuilt_from_the_checkpoint(tmp_path: Path) -> None:
    chosen = ["noise=mixed", "~noise.parts.poisson", "+noise@noise.parts.dropout=dropout"]
    noise = plain(compose("train", *chosen).noise)
    run = train_in(tmp_path / "run", *SMALL_DENSE, OPEN, *FEW, "trainer.max_epochs=1", *chosen)
    metrics = score_in(tmp_path / "scored", run.best, "noise.strength=0.5")
    assert metrics["trained_noise"] == noise
    assert [*metrics["trained_noise"]["parts"]] == ["gaussian", "salt_and_pepper", "dropout"]
    assert metrics["noise"] == noise | {"strength": 0.5}
    assert metrics["trained_levels"] == [1, 1]
    other = score_in(tmp_path / "other", run.best, "noise.parts.dropout.probability=0.1")
    assert other["trained_levels"] is None  # the strength is that of another mixture
    resumed = resume_in(tmp_path / "resumed", run.last, "trainer.max_epochs=2")
    assert resumed.metrics["epochs"] == 2
    assert read(resumed.best)["run"]["noise"] == noise


def test_a_blind_model_is_trained_at_a_range_of_levels(tmp_path: Path) -> None:
    chosen = ["noise=blind", "noise.max_std=0.7"]
    run = train_in(tmp_path / "run", *SMALL_DENSE, *FEW, "trainer.max_epochs=1", *chosen)
    for number, noise in enumerate((["noise.clip=false"], ["noise=gaussian"])):
        metrics = score_in(tmp_path / str(number), run.best, *noise)
        assert metrics["trained_levels"] == [0, 0.7]


def test_in_a_curve_blind_noise_is_gaussian() -> None:
    blind, gaussian = (with_noise(name)[1]["noise_curve"] for name in ("blind", "gaussian"))
    assert blind == gaussian


def test_a_classifier_judges_clean_noisy_and_restored_images() -> None:
    directory, metrics = whole_evaluation()
    models = {name: load_model(trained(*run).best)[0] for name, run in RUNS.items()}
    with torch.no_grad():
        logits = {
            "clean": models["classifier"](images().clean),
            "noisy": models["classifier"](images().noisy),
            "restored": models["classifier"](models["model"](images().noisy)),
            "control": models["control"](images().noisy),
        }
    assert metrics["accuracy"] == pytest.approx({n: accuracy(part) for n, part in logits.items()})
    for name, part in logits.items():
        expected = torch.zeros(10, 10, dtype=torch.int64)
        for true, seen in zip(images().label, part.argmax(1), strict=True):
            expected[true, seen] += 1
        assert metrics["confusion"][name] == expected.tolist()
        assert imread(directory / f"confusion_{name}.png").std() > 0.05
    assert imread(directory / "strip.png").std() > 0.05
    assert f"{metrics['accuracy']['restored']:.2%}" in (directory / "metrics.txt").read_text()


RUNS = {"model": DENSE, "classifier": CLASSIFIER, "control": CONTROL}


def test_a_lower_precision_changes_the_model_and_not_the_measure(tmp_path: Path) -> None:
    checkpoint, judge = trained(*DENSE).best, f"classifier={trained(*CLASSIFIER).best}"
    exact = scored(checkpoint, judge)
    half = score_in(tmp_path / "half", checkpoint, judge, "trainer.precision=bf16-mixed")
    assert half["noisy_input"] == pytest.approx(exact["noisy_input"], rel=1e-5)
    for name in ("psnr", "ssim"):
        assert half["test"][name] == pytest.approx(exact["test"][name], rel=0.01)
    assert half["accuracy"].keys() == exact["accuracy"].keys()


def test_a_composite_is_scored_with_its_own_classifier(tmp_path: Path) -> None:
    run = trained(*composite())
    metrics = scored(run.best)
    classifier = f"classifier={trained(*CLASSIFIER).best}"
    parts = scored(trained(*DENSE).best, classifier)
    assert metrics["accuracy"] == parts["accuracy"]
    assert metrics["accuracy"]["restored"] == pytest.approx(metrics["test"]["accuracy"])
    assert metrics["test"]["psnr"] == pytest.approx(parts["test"]["psnr"])
    assert metrics["noisy_input"] == pytest.approx(parts["noisy_input"])
    with pytest.raises(ValueError, match="classifier: a Composite is scored with its own"):
        score_in(tmp_path / "refused", run.best, classifier)


def test_a_classifier_is_scored_on_what_it_was_trained_on() -> None:
    for name, overrides in (("clean", CLASSIFIER), ("noisy", CONTROL)):
        run = trained(*overrides)
        metrics = scored(run.best)
        assert metrics["accuracy"].keys() == {"clean", "noisy"}
        assert metrics["accuracy"][name] == pytest.approx(metrics["test"]["accuracy"])
        assert metrics["test"] == pytest.approx(run.metrics["test"])
        assert metrics["noisy_input"] == {}


def test_judges_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    dense = trained(*DENSE).best
    for words, override in (
        ("classifier: .* holds a VAE, not a classifier", f"classifier={trained(*VAE).best}"),
        ("classifier: .* trained on noisy images", f"classifier={trained(*CONTROL).best}"),
        ("control: .* trained on clean images", f"control={trained(*CLASSIFIER).best}"),
    ):
        with pytest.raises(ValueError, match=words):
            score_in(tmp_path, dense, override)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("extra", "shape", "line"),
    [
        (["simm"], (1, 28, 28), "there is no metric simm, did you mean ssim?"),
        (["accuracy"], (1, 28, 28), "there is no metric accuracy, the choices are "),
        (["ssim"], (1, 10, 28), "ssim needs images of at least 11 x 11 pixels, the data has 10 x"),
    ],
)
def test_a_metric_that_the_images_cannot_have_is_refused(
    extra: list[str], shape: tuple[int, int, int], line: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"extra_metrics: {line}")):
        measures_for(shape, extra)


def test_a_wrong_metric_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="extra_metrics: there is no metric simm"):
        score_in(tmp_path, trained(*DENSE).best, "extra_metrics=[simm]")
    assert not any(tmp_path.iterdir())


def test_a_progress_bar_can_be_turned_off(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "on_a_terminal", lambda: True)
    score_in(tmp_path / "on", trained(*DENSE).best)
    assert "Testing" in "".join(capfd.readouterr())
    score_in(tmp_path / "off", trained(*DENSE).best, "trainer.enable_progress_bar=false")
    assert "Testing" not in "".join(capfd.readouterr())
