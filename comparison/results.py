"""Reads what train.py and eval.py have left in their directories, without torch, to be fast."""

import csv
import datetime
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ValidationError

from comparison.schemas import EvaluationMetrics, RunRecord, TrainingMetrics, TrainingRecord
from comparison.settings import Settings, settings_of
from groundwork.folders import walk
from groundwork.run_directory import HISTORY, METRICS, RECORD

# The Trainer's arguments that decide what is learned. The others decide where, and what is shown.
TRAINER = (
    "max_epochs",
    "min_epochs",
    "max_steps",
    "min_steps",
    "max_time",
    "limit_train_batches",
    "limit_val_batches",  # this one and the next two decide how the best epoch is chosen
    "val_check_interval",
    "check_val_every_n_epoch",
    "precision",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
)
# Values that mean the same as null, or as nothing in the records of older versions.
DEFAULTS = {
    "limit_train_batches": 1.0,
    "limit_val_batches": 1.0,
    "limit_test_batches": 1.0,
    "val_check_interval": 1.0,
    "check_val_every_n_epoch": 1,
}
MODEL, NOISY = "model", "noisy input"  # methods in noise_curve.csv

Schema = TypeVar("Schema", bound=BaseModel)


class Run(NamedTuple):
    """A training run that has ended.

    Attributes:
        settings: Those of its model, noise, objective, data and training, without the seed.
        budget: The seconds that trainer.max_time gave training and validation. None for no limit.
        validation: Each epoch with its validation PSNR in dB.
    """

    directory: Path
    record: TrainingRecord
    metrics: TrainingMetrics
    settings: Settings
    budget: float | None
    validation: list[tuple[int, float]]

    @property
    def run_id(self) -> str:
        return self.record.run_id

    @property
    def started(self) -> AwareDatetime:
        return self.record.started

    @property
    def tested_part(self) -> str:
        """The part of the test images that was scored, in words; empty for all of them."""
        if self.metrics.images:
            return self.metrics.images.test.part
        limit = self.record.trainer.get("limit_test_batches")
        return "" if _is_default("limit_test_batches", limit) else f"of limit_test_batches={limit}"

    @property
    def ended_by_time(self) -> bool:
        """Whether only its budget could end it."""
        trainer = self.record.trainer
        counts = trainer.get("max_epochs"), trainer.get("max_steps")
        patience = self.record.early_stopping.get("patience")
        return self.budget is not None and patience is None and {*counts} <= {None, -1}

    @property
    def configuration(self) -> Hashable:
        """Equal for runs that differ in nothing but their seeds."""
        return frozenset(self.settings.items())

    @property
    def model(self) -> str:
        """The name of its file, which is that of its config: conv_transposed."""
        return self.metrics.model.split(".")[-2]


class CurvePoint(NamedTuple):
    """The mean PSNR in dB of a method at a level of a noise, which is named by its class."""

    noise: str
    level: float
    method: str
    psnr: float


class Evaluation(NamedTuple):
    """The scores of a denoiser.

    Attributes:
        noisy_psnr, psnr: Of each image before and after, in dB and in the split's order: N.
    """

    directory: Path
    metrics: EvaluationMetrics
    noisy_psnr: NDArray[np.float64]
    psnr: NDArray[np.float64]
    curve: list[CurvePoint]

    @property
    def run_id(self) -> str:
        return self.metrics.run_id

    @property
    def started(self) -> AwareDatetime:
        return self.metrics.timings.started


class LeftOut(NamedTuple):
    """A directory whose numbers are not compared."""

    directory: Path
    reason: str


class Results(NamedTuple):
    runs: list[Run]
    evaluations: list[Evaluation]
    left_out: list[LeftOut]


def read(directories: Iterable[Path]) -> Results:
    """Read all training runs and evaluations below some directories.

    What has failed, cannot be read or has no PSNR is left out, with the reason.
    """
    found = Results([], [], [])
    for directory in _run_directories(directories, found.left_out):
        try:
            training = _json(directory / RECORD, RunRecord).seed is not None
            if not (directory / METRICS).exists():
                raise ValueError("no metrics.json: it has failed, or has not ended yet")
            if training:
                found.runs.append(_run(directory))
            else:
                found.evaluations.append(_evaluation(directory))
        except (OSError, ValueError, csv.Error) as error:
            found.left_out.append(LeftOut(directory, " ".join(str(error).split())))
    return found


def _run_directories(directories: Iterable[Path], left_out: list[LeftOut]) -> Iterator[Path]:
    """Yield the directories with a run.json, each once, also behind links."""

    def unreadable(error: OSError) -> None:
        left_out.append(LeftOut(Path(error.filename), str(error.strerror)))

    seen = set()
    for top in directories:
        for folder, entries in walk(str(top), lambda entry: True, unreadable):
            directory = Path(folder)
            names = {entry.name for entry in entries}
            if RECORD in names and directory.resolve() not in seen:
                seen.add(directory.resolve())
                yield directory


def _run(directory: Path) -> Run:
    record = _json(directory / RECORD, TrainingRecord)
    metrics = _json(directory / METRICS, TrainingMetrics)
    if "psnr" not in metrics.test:
        raise ValueError(
            "it has no PSNR: a classifier restores nothing, and noisy pictures no clean ones"
        )
    settings = (
        settings_of("model", record.model)
        | settings_of("noise", record.noise)
        | settings_of("objective", record.objective)
        | settings_of("data", record.data)
        | settings_of("trainer", _learning(record, metrics))
        | settings_of("early_stopping", record.early_stopping)
    )
    validation = []
    history = directory / HISTORY
    if history.exists():  # a composite that was only assembled has none
        columns = _columns(history, "epoch", "val/psnr")
        pairs = zip(columns["epoch"], columns["val/psnr"], strict=True)
        validation = [(int(epoch), float(psnr)) for epoch, psnr in pairs if psnr]
    budget = _seconds(record.trainer.get("max_time"))
    return Run(directory, record, metrics, settings, budget, validation)


def _is_default(name: str, value: Any) -> bool:
    """Whether a Trainer's argument means the same as leaving it out.

    1.0 means all batches, and is a default; 1 means one batch, and is not.
    """
    return value is None or repr(value) == repr(DEFAULTS.get(name))


def _learning(record: TrainingRecord, metrics: TrainingMetrics) -> dict[str, Any]:
    """Return the Trainer's arguments in `TRAINER`, with None for those that change nothing."""
    said = {name: record.trainer.get(name) for name in TRAINER}
    if metrics.images and not metrics.images.validation.part:
        said["limit_val_batches"] = None  # there are no more batches than that
    return {name: None if _is_default(name, value) else value for name, value in said.items()}


def _seconds(max_time: Any) -> float | None:
    """Read a duration as Lightning writes it: DD:HH:MM:SS, or the arguments of timedelta."""
    if max_time is None:
        return None
    try:
        if isinstance(max_time, str):
            days, hours, minutes, seconds = map(int, max_time.split(":"))
            max_time = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        return datetime.timedelta(**max_time).total_seconds()
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"run.json: trainer.max_time={max_time}: {error}") from error


def _evaluation(directory: Path) -> Evaluation:
    metrics = _json(directory / METRICS, EvaluationMetrics)
    if "psnr" not in metrics.test:
        raise ValueError(
            "it has no PSNR: a classifier restores nothing, and noisy pictures no clean ones"
        )
    images = _columns(directory / "per_image.csv", "noisy_psnr", "psnr")
    noisy_psnr, psnr = (np.array(images[name], dtype=float) for name in ("noisy_psnr", "psnr"))
    if not np.isfinite(psnr).all():
        raise ValueError("per_image.csv: a PSNR is not a finite number")
    if metrics.images and metrics.images.scored != len(psnr):
        raise ValueError(f"per_image.csv: {len(psnr)} images, metrics.json counts others")
    curve = []
    file = directory / "noise_curve.csv"
    if file.exists():
        columns = _columns(file, *CurvePoint._fields)
        rows = zip(*(columns[name] for name in CurvePoint._fields), strict=True)
        curve = [
            CurvePoint(noise, float(level), method, float(mean))
            for noise, level, method, mean in rows
            if method in (MODEL, NOISY)
        ]
    return Evaluation(directory, metrics, noisy_psnr, psnr, curve)


def _json(file: Path, schema: type[Schema]) -> Schema:
    try:
        return schema.model_validate_json(file.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        where = [file.name, ".".join(map(str, problem["loc"])), problem["msg"]]
        raise ValueError(": ".join(filter(None, where))) from None


def _columns(file: Path, *names: str) -> dict[str, tuple[str, ...]]:
    """Read the columns of a CSV file, as text."""
    with file.open(newline="", encoding="utf-8") as lines:
        header, *rows = [*csv.reader(lines)] or [[]]
    if not set(names) <= set(header):
        raise ValueError(f"{file.name}: its columns are not {', '.join(names)}")
    if any(len(row) != len(header) for row in rows) or not rows:
        raise ValueError(f"{file.name}: a row is not whole")
    return dict(zip(header, zip(*rows, strict=True), strict=True))
