"""Checks of settings against annotations: types, ranges and choices, each refused in one line.

The settings of a command are a TypedDict, whose annotations say all that pydantic can check. A
TypedDict among the annotations of another one, or of a constructor, is a group with settings of
its own. This file imports nothing heavy.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, is_typeddict

from omegaconf import DictConfig, OmegaConf
from pydantic import (
    ConfigDict,
    Field,
    PydanticSchemaGenerationError,
    TypeAdapter,
    ValidationError,
)

from cli.suggestions import nearest, suggest_setting
from groundwork.ranges import annotations_of, in_words, is_number_in_range

File = Annotated[str, Field(min_length=1)]
MISSING = "???"  # how OmegaConf writes a value that has to be given
# pydantic's types of errors of values that have the right type.
OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


def check_config(cfg: DictConfig, kind: type, groups: Iterable[str] = ()) -> None:
    """Refuse a command's config that lacks a group, or has a wrong setting beside its groups.

    Args:
        cfg: The composed config.
        kind: The TypedDict of the settings beside the groups.
        groups: The config groups that the command chooses from. What is in them is not checked.

    Raises:
        ValueError: As in `check_group`.
    """
    settings: Any = OmegaConf.to_container(cfg, resolve=True)
    for group in groups:
        if not isinstance(settings.pop(group, None), dict):
            raise ValueError(
                f"{group} is missing: choose one, as conf/{group}/ has them; in Python, compose "
                "the config with cli.composing.compose"
            )
    check_group(settings, kind, others=groups)


def check_group(
    settings: Mapping[str, Any], kind: type, before: str = "", others: Iterable[str] = ()
) -> None:
    """Refuse settings that are not those of a TypedDict.

    Args:
        settings: Plain values by name.
        kind: The TypedDict.
        before: The group that the settings stand in, with a dot: "early_stopping.".
        others: Further names at the same place, which a misspelt one may have meant.

    Raises:
        ValueError: A setting is unknown, missing, of the wrong type or out of range. The message
            is one line that begins with its full name.
    """
    annotations = annotations_of(kind)
    for name in settings.keys() - annotations.keys():
        known = names_in(annotations) | dict.fromkeys(others)
        choices = suggest_setting(name, known, before)
        raise ValueError(f"{before}{name}: there is no such setting, {choices}")
    for name, annotation in annotations.items():
        check_value(settings.get(name, MISSING), annotation, before + name)


def check_value(value: Any, annotation: Any, name: str) -> None:
    """Refuse a value that does not fit an annotation.

    Args:
        value: A plain value, or the object that a config has described.
        annotation: A type with or without a range. Of a TypedDict each setting is checked.
        name: The setting's full name.

    Raises:
        ValueError: As in `check_group`.
    """
    if isinstance(value, str) and value == MISSING:
        raise ValueError(f"{name} is required: give it on the command line")
    if is_typeddict(annotation):
        if not isinstance(value, dict):
            parts = " and ".join(annotations_of(annotation))
            raise ValueError(f"{name}={value}: should have {parts}")
        return check_group(value, annotation, f"{name}.")
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(
            value, strict=True
        )
    except PydanticSchemaGenerationError:
        return None  # an annotation that only the constructor itself can judge
    except ValidationError as error:
        if is_number_in_range(annotation) and error.errors()[0]["type"] in OUT_OF_RANGE:
            raise ValueError(f"{name} must be {in_words(annotation)}, got {value}") from None
        reasons = {
            problem["msg"].removeprefix("Input ").removeprefix("Value error, ")
            for problem in error.errors()
        }
        line = f"{name}={value}: {' or '.join(sorted(reasons))}"
        choices = [choice for choice in _literals(annotation) if isinstance(choice, str)]
        near = nearest(value, choices, f"{name}=") if isinstance(value, str) else ""
        raise ValueError(f"{line}; {near}" if near else line) from None


def names_in(annotations: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of settings, with those inside groups, for `suggest_setting`."""
    return {
        name: names_in(annotations_of(annotation)) if is_typeddict(annotation) else None
        for name, annotation in annotations.items()
    }


def _literals(annotation: Any) -> Iterator[object]:
    """The values that an annotation spells out."""
    for part in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield part
        else:
            yield from _literals(part)
