"""Composites: put together from checkpoints, fine-tuned, and refused where parts do not fit."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from denoisers.checkpoint import build_model, load_model
from denoisers.composite import Composite
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    QUICK,
    TINY,
    compose,
    composite,
    composite_of,
    evaluation_images,
    read,
    same,
    train_in,
    trained,
)


def test_an_assembled_composite_is_its_parts(tmp_path: Path) -> None:
    dense, classifier = trained(*DENSE), trained(*CLASSIFIER)
    copies = [tmp_path / "denoiser.ckpt", tmp_path / "classifier.ckpt"]
    for copy, run in zip(copies, (dense, classifier), strict=True):
        copy.write_bytes(run.best.read_bytes())
    run = train_in(tmp_path / "composite", *composite_of(*copies))
    for copy in copies:
        copy.unlink()
    model, _ = load_model(run.best)
    assert isinstance(model, Composite)
    parts = [load_model(part.best)[0] for part in (dense, classifier)]
    assert same(dict(model.denoiser.state_dict()), dict(parts[0].state_dict()))
    assert same(dict(model.classifier.state_dict()), dict(parts[1].state_dict()))
    batch = evaluation_images(compose("train", *TINY), "test")
    with torch.no_grad():
        restored, logits = model(batch.noisy)
        assert torch.equal(restored, parts[0](batch.noisy))
        assert torch.equal(logits, parts[1](restored))
    assert run.returned == run.metrics["validation"]["accuracy"]
    assert run.metrics["validation"]["psnr"] == pytest.approx(dense.returned, abs=1e-5)


def test_finetuning_changes_both_parts(tmp_path: Path) -> None:
    run = train_in(tmp_path, *composite(), "model.finetune=true", "trainer.max_epochs=1")
    weights = read(run.last)["state_dict"]
    for name, part in (("denoiser", trained(*DENSE)), ("classifier", trained(*CLASSIFIER))):
        before = load_model(part.best)[0]
        for key, value in before.named_parameters():
            assert not torch.equal(value, weights[f"{name}.{key}"]), key
    assert run.history[0].keys() >= {"train/cross_entropy", "val/psnr", "val/accuracy"}


def test_a_composite_refuses_parts_that_do_not_fit(tmp_path: Path) -> None:
    dense, classifier = trained(*DENSE).best, trained(*CLASSIFIER).best
    refused = partial(train_in, tmp_path / "run")
    with pytest.raises(ValueError, match=r"model.denoiser must be .* but .* holds a Classifier"):
        refused(*composite_of(classifier, classifier))
    with pytest.raises(ValueError, match=r"model.classifier must be .* but .* holds a Dense"):
        refused(*composite_of(dense, dense))
    with pytest.raises(ValueError, match="other validation images"):
        refused(*composite(), "data.data_seed=1")
    other = train_in(tmp_path / "other", *QUICK, "data.data_seed=1").best
    with pytest.raises(ValueError, match="different validation images"):
        refused(*composite_of(other, classifier))
    small = with_arguments(dense, tmp_path / "small.ckpt", image_shape=[1, 20, 20])
    with pytest.raises(ValueError, match=r"model.denoiser is for images of .*20, 20"):
        refused(*composite_of(small, classifier))
    few = with_arguments(classifier, tmp_path / "few.ckpt", num_classes=4)
    with pytest.raises(ValueError, match=r"model.classifier knows 4 classes"):
        refused(*composite_of(dense, few))
    assert not (tmp_path / "run").exists()


def with_arguments(source: Path, target: Path, **arguments: Any) -> Path:
    """Write a checkpoint like `source`, of a model with other arguments and new weights."""
    checkpoint = read(source)
    changed = dict(checkpoint["hyper_parameters"]) | arguments
    weights = build_model(checkpoint["run"]["model"], changed).state_dict()
    torch.save(checkpoint | {"hyper_parameters": changed, "state_dict": weights}, target)
    return target
