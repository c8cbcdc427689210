"""The files of runs and evaluations, as far as a comparison reads them."""

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from denoisers.upgrades import nest_optimizer

SUPERVISED = {"_target_": "denoisers.objectives.Supervised"}  # where a run's record has none


class RunRecord(BaseModel):
    """`run.json`; an evaluation's has no more than the run_id of the run that it scores."""

    run_id: str
    seed: int | None = None


class TrainingRecord(BaseModel):
    """`run.json` of a training run."""

    run_id: str
    seed: int
    split: str
    model: Annotated[dict[str, Any], AfterValidator(nest_optimizer)]  # flat in older versions
    data: dict[str, Any]
    noise: dict[str, Any]
    objective: dict[str, Any] = SUPERVISED
    trainer: dict[str, Any]
    early_stopping: dict[str, Any]
    started: AwareDatetime


class Seconds(BaseModel):
    training: float


class Images(BaseModel):
    """How many images were scored, the first ones of how many; None where that was not counted."""

    scored: int | None
    of: int

    @property
    def part(self) -> str:
        """The first 256 of 2,000; empty where they were all."""
        whole = self.scored is None or self.scored >= self.of
        return "" if whole else f"the first {self.scored:,} of {self.of:,}"


class BothImages(BaseModel):
    validation: Images
    test: Images


class TrainingMetrics(BaseModel):
    """`metrics.json` of a training run. images: None where an older version has written it."""

    model: str = Field(pattern=r"^\w+(\.\w+)+$")
    parameters: int
    epochs: int
    test: dict[str, float]
    images: BothImages | None = None
    seconds: Seconds


class Timings(BaseModel):
    started: AwareDatetime
    ms_per_image: float | None


class EvaluationMetrics(BaseModel):
    """`metrics.json` of an evaluation. images: None where an older version has written it.

    trained_levels: the lowest and the highest of the noise that the model was trained with, where
        that differs from the evaluation's in nothing else.
    """

    run_id: str
    split: str
    images: Images | None = None
    data: dict[str, Any]
    noise: dict[str, Any]
    trained_levels: tuple[float, float] | None = None
    test: dict[str, float]
    accuracy: dict[str, float]
    timings: Timings
