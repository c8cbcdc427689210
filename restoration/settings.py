"""The settings of denoise.py. They are checked before anything heavy is imported."""

from typing import Annotated, Any, Literal, TypedDict

from omegaconf import DictConfig, OmegaConf
from pydantic import Field

from cli.checking import File, check_config
from datamodules.value_range import Given, require_range
from groundwork.files import expand
from groundwork.ranges import IntervalLevel, Seed, Symmetries

Name = Literal["model", "zero_shot", "bm3d", "nlm", "tv"]


class Settings(TypedDict):
    """The settings of conf/denoise.yaml, which says what each means."""

    method: Name
    checkpoint: File
    sigma: Annotated[float, Field(gt=0, le=10)] | None
    seed: Seed
    input: File | Annotated[list[File], Field(min_length=1)]
    output: File | None
    strength: Annotated[float, Field(ge=0, le=2)]
    reference: File | None
    range: Given
    tile: Literal["auto"] | Annotated[int, Field(ge=1)]
    symmetries: Symmetries
    intervals: IntervalLevel | None
    device: Literal["auto", "cpu", "cuda"]
    overwrite: bool


def checked(cfg: DictConfig) -> Settings:
    """Check a config, and return its settings with `~` in paths expanded.

    Raises:
        ValueError: A setting is unknown, missing or wrong, or does not go with another one.
    """
    check_config(cfg, Settings)
    settings: Any = OmegaConf.to_container(cfg, resolve=True)
    require_range(settings["range"])
    if settings["method"] != "model" and settings["symmetries"] != 1:
        raise ValueError(f"symmetries={settings['symmetries']}: it is for method=model alone")
    if settings["intervals"] is not None:
        _require_intervals(settings)
    paths = ("checkpoint", "input", "output", "reference")
    checked: Settings = settings | {name: _expanded(settings[name]) for name in paths}
    return checked


def _require_intervals(settings: Settings) -> None:
    """Refuse settings with which a picture has no calibrated intervals.

    Raises:
        ValueError: They are such.
    """
    asked = f"intervals={settings['intervals']}"
    if settings["method"] != "model":
        raise ValueError(f"{asked}: it is for method=model alone")
    if settings["strength"] != 1:
        raise ValueError(
            f"{asked} strength={settings['strength']}: intervals are around what the model "
            "restores, leave strength out"
        )
    if settings["checkpoint"] == "auto":
        raise ValueError(
            f"{asked}: the weights that ship are not calibrated. python eval.py checkpoint=photo "
            f"data=folder data.channels=3 data.root=photos/ {asked} calibrates them on pictures "
            "like yours, and writes calibrated.safetensors for checkpoint="
        )


def _expanded(path: Any) -> Any:
    if isinstance(path, list):
        return [_expanded(each) for each in path]
    return None if path is None else str(expand(path))
