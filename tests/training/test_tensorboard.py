"""What TensorBoard shows of a run: cards in their order, pictures, hyperparameters."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import (  # type: ignore[import-untyped]
    MultiplexerDataProvider,
)
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from tensorboard.backend.event_processing.plugin_event_multiplexer import (  # type: ignore[import-untyped]
    EventMultiplexer,
)
from tensorboard.context import RequestContext  # type: ignore[import-untyped]
from tensorboard.plugins.base_plugin import TBContext  # type: ignore[import-untyped]
from tensorboard.plugins.hparams.backend_context import Context  # type: ignore[import-untyped]
from tensorboard.plugins.hparams.plugin_data_pb2 import (  # type: ignore[import-untyped]
    HParamsPluginData,
)

from tests.helpers.runs import DENSE, SMALL_DENSE, compose, curves, train_in, trained


def events_of(directory: Path, folder: str = "") -> Any:
    everything = {"scalars": 0, "images": 0, "tensors": 0}
    events = EventAccumulator(str(directory / "tensorboard" / folder), everything)
    events.Reload()
    return events


def test_tensorboard_shows_the_history() -> None:
    run = trained(*DENSE)
    shown, rows = curves(run.directory), run.history
    for name in rows[0].keys() - {"epoch", "step", "seconds", "images_per_s"}:
        values = [np.float32(value) for _, value in shown[name]]
        assert values == [np.float32(row[name]) for row in rows], name
    assert len(events_of(run.directory).Images("validation_images")) == 3


def test_tensorboard_has_training_and_validation_in_one_card_and_all_else_below() -> None:
    """Cards are in the order of their tags, and the same tag of two runs is one card."""
    found = {
        folder: events_of(trained(*DENSE).directory, folder).Tags()["scalars"]
        for folder in ("", "train", "validation")
    }
    assert found["train"] == ["loss"]
    others = ["scores/mae", "scores/mse", "scores/ssim"]
    assert sorted(found["validation"]) == ["loss", "psnr", *others]
    cards = sorted({tag for tags in found.values() for tag in tags})
    assert cards[:5] == ["loss", "psnr", *others]
    assert {f"training/{name}" for name in ("best_psnr", "images_per_s", "learning_rate")} <= {
        *cards
    }


def test_tensorboard_compares_runs_by_their_hyperparameters() -> None:
    run = trained(*DENSE)
    events = events_of(run.directory)
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    shown = HParamsPluginData.FromString(content).session_start_info.hparams
    cfg = compose("train", *DENSE)
    assert shown["model"].string_value == "Dense"
    assert shown["model.optimizer.lr"].number_value == cfg.model.optimizer.lr
    assert shown["objective"].string_value == "Supervised"
    assert shown["noise.std"].number_value == cfg.noise.std
    assert shown["seed"].number_value == 0
    (best,) = events.Scalars("training/best_psnr")
    assert best.value == pytest.approx(run.returned)


def test_tensorboard_shows_first_the_hyperparameters_in_which_runs_differ(tmp_path: Path) -> None:
    short = (*SMALL_DENSE, "trainer.max_epochs=1", "trainer.logger=true")
    for lr in ("0.001", "0.002"):
        train_in(tmp_path / lr, *short, f"model.optimizer.lr={lr}")
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    runs.Reload()
    shown = Context(TBContext(data_provider=MultiplexerDataProvider(runs, "")))
    content = shown.hparams_metadata(RequestContext(), "")
    experiment = shown.experiment_from_metadata(RequestContext(), "", True, content, [])
    names = [info.name for info in experiment.hparam_infos]
    assert names[0] == "model.optimizer.lr"
    assert names[1:] == sorted(names[1:])
    metrics = [metric.name.tag for metric in experiment.metric_infos]
    assert "training/best_psnr" in metrics


def test_tensorboard_shows_what_a_vae_draws(tmp_path: Path) -> None:
    small = ("model=vae", "model.hidden=[8]", "model.latent_dim=4", "trainer.max_epochs=1")
    train_in(tmp_path, *small, "trainer.logger=true")
    shown = events_of(tmp_path).Tags()["images"]
    assert set(shown) == {"validation_images", "vae/samples", "vae/interpolation"}
    cards = sorted({*shown, *events_of(tmp_path, "validation").Tags()["scalars"]})
    assert cards[:2] == ["loss", "psnr"]
