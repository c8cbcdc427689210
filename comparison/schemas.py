"""What a comparison reads from the files of runs and evaluations."""

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from denoisers.upgrades import add_grey_share, add_muon, add_schedule, add_slope, nest_optimizer

SUPERVISED = {"_target_": "denoisers.objectives.Supervised"}  # where a run's record has none


def _upgraded_model(node: dict[str, Any]) -> dict[str, Any]:
    sloped = add_slope(str(node.get("_target_")), nest_optimizer(node))
    return add_muon(add_schedule(sloped))


class RunRecord(BaseModel):
    """`run.json` of any run. An evaluation's has only the run_id of the run that it scores."""

    run_id: str
    seed: int | None = None


class TrainingRecord(BaseModel):
    """`run.json` of a training run. Settings that older versions lack are added."""

    run_id: str
    seed: int
    split: str
    model: Annotated[dict[str, Any], AfterValidator(_upgraded_model)]
    data: Annotated[dict[str, Any], AfterValidator(add_grey_share)]
    noise: dict[str, Any]
    objective: dict[str, Any] = SUPERVISED
    trainer: dict[str, Any]
    early_stopping: dict[str, Any]
    started: AwareDatetime


class Seconds(BaseModel):
    training: float


class Images(BaseModel):
    """How many images were scored, and how many there are. None means that nobody counted."""

    scored: int | None
    of: int

    @property
    def part(self) -> str:
        """Text such as "the first 256 of 2,000", empty where all were scored."""
        whole = self.scored is None or self.scored >= self.of
        return "" if whole else f"the first {self.scored:,} of {self.of:,}"


class BothImages(BaseModel):
    validation: Images
    test: Images


class TrainingMetrics(BaseModel):
    """`metrics.json` of a training run. Older versions have written no `images`."""

    model: str = Field(pattern=r"^\w+(\.\w+)+$")
    parameters: int
    epochs: int
    test: dict[str, float]
    images: BothImages | None = None
    seconds: Seconds


class Timings(BaseModel):
    started: AwareDatetime
    ms_per_image: float | None


class Intervals(BaseModel):
    """The intervals of an evaluation: the share of pixels inside, and their mean width."""

    level: float
    width: float


class EvaluationMetrics(BaseModel):
    """`metrics.json` of an evaluation. Older versions have written no `images`.

    Attributes:
        symmetries: How many versions of each image the restored one is the average of.
        trained_levels: The lowest and the highest level of noise that the model was trained with.
            None where that was another kind of noise.
        intervals: None where none were asked for.
    """

    run_id: str
    split: str
    images: Images | None = None
    data: dict[str, Any]
    noise: dict[str, Any]
    symmetries: int = 1
    trained_levels: tuple[float, float] | None = None
    test: dict[str, float]
    accuracy: dict[str, float]
    intervals: Intervals | None = None
    timings: Timings
