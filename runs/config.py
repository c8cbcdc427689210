"""From a composed config to objects: every value is checked before anything is built.

The types come from the annotations of the constructor that a node's `_target_` names, the ranges
from the constructor itself.
"""

import inspect
from typing import Annotated, Any, Literal, get_type_hints

from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from pydantic import ConfigDict, Field, PydanticSchemaGenerationError, TypeAdapter, ValidationError


def check(node: DictConfig, name: str) -> None:
    """Raises ValueError, one line, for a value of the wrong type or one that is missing.

    name: of the node in the config, for the message.
    """
    target = get_object(node["_target_"])
    hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    for key, value in plain(node).items():
        if value == "???":
            raise ValueError(f"{name}.{key} is required: give it on the command line")
        if key in hints and not _describes_object(value):
            check_value(value, hints[key], f"{name}.{key}")
        elif key not in hints and not key.startswith("_"):
            raise ValueError(f"{name}.{key}: {target.__name__} has no such argument")


def check_train_settings(cfg: DictConfig) -> None:
    """Raises ValueError for a top-level setting of train.py that is of the wrong type or range."""
    check_value(cfg.seed, Annotated[int, Field(ge=0)], "seed")
    check_value(cfg.compile, bool, "compile")
    check_value(cfg.checkpoint, str | None, "checkpoint")
    stopping = cfg.early_stopping
    check_value(stopping.patience, Annotated[int, Field(ge=0)] | None, "early_stopping.patience")
    check_value(stopping.min_delta, Annotated[float, Field(ge=0)], "early_stopping.min_delta")


def check_eval_settings(cfg: DictConfig) -> None:
    """Raises ValueError for a top-level setting of eval.py that is of the wrong type or range."""
    check_value(cfg.seed, Annotated[int, Field(ge=0)], "seed")
    check_value(cfg.checkpoint, str, "checkpoint")
    check_value(cfg.classifier, str | None, "classifier")
    check_value(cfg.control, str | None, "control")
    check_value(cfg.split, Literal["test", "val"], "split")
    check_value(cfg.baselines, Literal["none", "fast", "all"], "baselines")
    levels = plain(cfg.levels) if isinstance(cfg.levels, ListConfig) else cfg.levels
    check_value(levels, list[Annotated[float, Field(ge=0)]], "levels")


def _describes_object(value: Any) -> bool:
    """Whether a plain value is a node to instantiate, or a list of them."""
    return any(
        "_target_" in part
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, dict)
    )


def check_value(value: Any, annotation: Any, name: str) -> None:
    """Raises ValueError where a plain value does not fit an annotation."""
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(
            value, strict=True
        )
    except PydanticSchemaGenerationError:
        return  # an annotation that only the constructor itself can judge
    except ValidationError as error:
        reasons = {problem["msg"].removeprefix("Input ") for problem in error.errors()}
        raise ValueError(f"{name}={value}: {' or '.join(sorted(reasons))}") from None


def build(node: DictConfig, name: str, **given: Any) -> Any:
    """The object that a node describes, checked.

    given: what no config knows (an image's shape, say); passed on where it is an argument, in
        place of what the node has.

    Raises ValueError for a value that is missing, of the wrong type or out of range.
    """
    check(node, name)
    target = get_object(node["_target_"])
    given = {key: given[key] for key in given.keys() & inspect.signature(target).parameters.keys()}
    said = {key: node[key] for key in node.keys() - given.keys() - {"_target_"}}
    try:
        return target(**instantiate(said, _convert_="all"), **given)
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from error


def without_objects(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a checkpoint may hold them: what would be instantiated from it is left out."""
    return {key: None if _describes_object(value) else value for key, value in settings.items()}


def plain(node: DictConfig | ListConfig) -> Any:
    """The node as plain Python containers, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True)  # type: ignore[return-value]
