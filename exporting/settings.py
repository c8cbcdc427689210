"""The settings of export.py."""

from typing import Annotated, Literal, TypedDict

from omegaconf import DictConfig
from pydantic import Field

from cli.checking import File, check_config
from groundwork.ranges import Seed


class Settings(TypedDict):
    """The settings of conf/export.yaml beside its config groups. The file says what each means."""

    seed: Seed
    checkpoint: File | Annotated[list[File], Field(min_length=1)]
    format: File  # exporting/formats.py knows the names
    output: File | None
    check: Literal["real", "random"]
    licence: Annotated[str, Field(min_length=1)]


def check_settings(cfg: DictConfig) -> None:
    """Refuse wrong settings of export.py's own.

    Raises:
        ValueError: A setting is unknown, missing or wrong.
    """
    check_config(cfg, Settings, groups=("data", "noise"))
