"""The history's time is that of training alone, however often a run validates."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytorch_lightning.callbacks import Callback
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from tests.helpers.runs import OPEN, SMALL_DENSE, resume_in, train_in
from training import callbacks

BATCHES, BATCH_SIZE = 4, 8
SIZES = (f"data.train_size={BATCHES * BATCH_SIZE}", "data.val_size=8", "data.test_size=8")
OPTIONS = (*SMALL_DENSE, OPEN, *SIZES, f"data.batch_size={BATCH_SIZE}", "trainer.logger=true")
CLOCK = "trainer.callbacks=[{_target_:tests.training.test_training_time.Clock}]"


VALIDATION = (
    *("on_validation_start", "on_validation_epoch_start", "on_validation_batch_start"),
    *("on_validation_batch_end", "on_validation_epoch_end", "on_validation_end"),
    *("on_sanity_check_start", "on_save_checkpoint"),
)


class Clock(Callback):
    """A clock by which a step takes a second, and each part of a validation a hundred."""

    now = 0.0

    def on_train_batch_end(self, *_: Any) -> None:
        Clock.now += 1

    def validate(self, *_: Any) -> None:
        Clock.now += 100


for hook in VALIDATION:
    setattr(Clock, hook, Clock.validate)


@pytest.mark.parametrize(
    "validating",
    [
        ("trainer.val_check_interval=1.0",),
        ("trainer.val_check_interval=0.5",),
        ("trainer.val_check_interval=1",),
        ("trainer.val_check_interval=0.75",),
        ("trainer.check_val_every_n_epoch=2",),
        ("trainer.num_sanity_val_steps=1",),
        ("trainer.val_check_interval=8", "trainer.check_val_every_n_epoch=null"),
    ],
    ids=lambda words: " ".join(words).replace("trainer.", ""),
)
def test_validations_do_not_count(
    validating: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: Clock.now))
    run = train_in(tmp_path / "run", *OPTIONS, CLOCK, *validating, "trainer.max_epochs=2")
    resumed = resume_in(tmp_path / "resumed", run.last, "trainer.max_epochs=3", CLOCK)
    for one, epochs in ((run, 2), (resumed, 3)):
        assert [row["seconds"] for row in one.history] == [BATCHES] * epochs
        assert [row["images_per_s"] for row in one.history] == [BATCH_SIZE] * epochs
        assert one.metrics["seconds"]["training"] == epochs * BATCHES
        assert one.metrics["images_per_s"] == BATCH_SIZE
        events = EventAccumulator(str(one.directory / "tensorboard"), {"scalars": 0})
        events.Reload()
        shown = [point.value for point in events.Scalars("training/images_per_s")]
        assert shown == [BATCH_SIZE] * epochs


@pytest.mark.parametrize(("interval", "warned"), [("0.5", False), ("0.75", True), ("3", True)])
def test_a_warning_says_where_an_epoch_does_not_end_with_a_validation(
    interval: str, warned: bool, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    interval = f"trainer.val_check_interval={interval}"
    train_in(tmp_path, *OPTIONS, interval, "trainer.max_epochs=1", "trainer.logger=false")
    said = [str(warning.message) for warning in recwarn]
    assert any("not every epoch ends with a validation" in line for line in said) == warned
