"""What denoise.py is told, checked before anything heavy is imported."""

from typing import Annotated, Literal

from omegaconf import DictConfig, OmegaConf
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cli.suggestions import suggest
from datamodules.value_range import Given, require_range
from groundwork.files import expand

Name = Annotated[str, Field(min_length=1), AfterValidator(lambda path: str(expand(path)))]


class Settings(BaseModel):
    """The keys of conf/denoise.yaml, which says what each means."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    checkpoint: Name
    input: Name | Annotated[list[Name], Field(min_length=1)]
    output: Name
    reference: Name | None
    range: Given
    tile: Literal["auto"] | Annotated[int, Field(ge=1)]
    device: Literal["auto", "cpu", "cuda"]
    overwrite: bool


def checked(cfg: DictConfig) -> Settings:
    """Raises ValueError, one line, for a setting that is missing, unknown or of the wrong type."""
    names = list(Settings.model_fields)
    for key in map(str, cfg):
        if key not in names:
            raise ValueError(f"{key}: there is no such setting, {suggest(key, names)}")
    for key in names:
        if key not in cfg or OmegaConf.is_missing(cfg, key):
            raise ValueError(f"{key} is required: give it on the command line")
    try:
        settings = Settings.model_validate(OmegaConf.to_container(cfg, resolve=True))
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        reasons = {problem["msg"].removeprefix("Input ") for problem in error.errors()}
        raise ValueError(f"{key}={cfg[key]}: {' or '.join(sorted(reasons))}") from None
    require_range(settings.range)
    return settings
