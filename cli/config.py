"""From a composed config to objects: every value is checked before anything is built.

The types come from the annotations of the constructor that a node's `_target_` names, the ranges
from the constructor itself; Lightning's Trainer has some more of both in `cli.trainer_settings`.
"""

import inspect
import pydoc
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from pydantic import (
    ConfigDict,
    Field,
    FiniteFloat,
    PydanticSchemaGenerationError,
    TypeAdapter,
    ValidationError,
)
from pytorch_lightning import Trainer
from torch import nn

from baselines.tuning import Which
from cli import memory, trainer_settings
from cli.suggestions import nearest, suggest
from datamodules.images import ImageDataModule
from datamodules.noise import Noise
from denoisers.base import ImageModel
from denoisers.objectives import TrainingObjective
from groundwork import machine

# The groups that a config chooses from, and what each choice describes.
KINDS: dict[str, type] = {
    "data": ImageDataModule,
    "noise": Noise,
    "model": ImageModel,
    "objective": TrainingObjective,
    "trainer": Trainer,
}
File = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes
TRAIN_SETTINGS: dict[str, Any] = {
    "seed": Seed,
    "compile": bool,
    "checkpoint": File | None,
    "early_stopping": {
        "patience": Annotated[int, Field(ge=0, le=trainer_settings.MOST)] | None,
        "min_delta": Annotated[FiniteFloat, Field(ge=0)],
    },
}
EVAL_SETTINGS: dict[str, Any] = {
    "seed": Seed,
    "checkpoint": File,
    "classifier": File | None,
    "control": File | None,
    "split": Literal["test", "val"],
    "baselines": Which,
    "levels": list[Annotated[FiniteFloat, Field(ge=0)]],
    "extra_metrics": list[str],
}
EXPORT_SETTINGS: dict[str, Any] = {
    "seed": Seed,
    "checkpoint": File,
    "format": Literal["onnx", "torch_export", "safetensors"],
    "output": File | None,
    "check": Literal["real", "random"],
    "licence": Annotated[str, Field(min_length=1)],
}


def check_train_settings(cfg: DictConfig) -> None:
    """Raises ValueError for a setting of train.py's own, or of the trainer, that is wrong."""
    _check_settings(cfg, TRAIN_SETTINGS, ["data", "noise", "model", "objective", "trainer"])
    check(cfg.trainer, "trainer")
    trainer_settings.check_for_training(cfg)


def check_eval_settings(cfg: DictConfig) -> None:
    """Raises ValueError for a setting of eval.py's own, or of the trainer, that is wrong."""
    _check_settings(cfg, EVAL_SETTINGS, ["data", "noise", "trainer"])
    check(cfg.trainer, "trainer")
    trainer_settings.check_for_evaluation(cfg.trainer)


def check_export_settings(cfg: DictConfig) -> None:
    """Raises ValueError for a setting of export.py's own that is wrong."""
    _check_settings(cfg, EXPORT_SETTINGS, ["data", "noise"])


def _check_settings(cfg: DictConfig, types: dict[str, Any], groups: list[str]) -> None:
    settings = plain(cfg)
    for group in groups:
        if not isinstance(settings.pop(group, None), dict):
            raise ValueError(
                f"{group} is missing: choose one, as conf/{group}/ has them; in Python, compose "
                "the config with cli.composing.compose"
            )
    _check_keys(settings, types, "")


def _check_keys(settings: dict[str, Any], types: dict[str, Any], before: str) -> None:
    for key in settings.keys() - types.keys():
        choices = suggest(key, [*types, *([] if before else KINDS)], before)
        raise ValueError(f"{before}{key}: there is no such setting, {choices}")
    for key, annotation in types.items():
        value, name = settings.get(key, "???"), before + key
        if value == "???":
            raise ValueError(f"{name} is required: give it on the command line")
        if not isinstance(annotation, dict):
            check_value(value, annotation, name)
        elif isinstance(value, dict):
            _check_keys(value, annotation, f"{name}.")
        else:
            raise ValueError(f"{name}={value}: should have {' and '.join(annotation)}")


def check(node: DictConfig, name: str, given: Collection[str] = ()) -> None:
    """Raises ValueError, one line, for a value of the wrong type or one that is missing.

    name: of the node in the config: data, noise, model or trainer.
    given: arguments that no config knows.
    """
    target = target_of(node, name)
    annotations = _annotations(target)
    for key, value in plain(node).items():
        if key == "_target_":
            continue
        if key not in annotations:
            choices = suggest(key, annotations.keys() - given, f"{name}.")
            raise ValueError(f"{name}.{key}: {target.__name__} has no such argument, {choices}")
        if value == "???":
            raise ValueError(f"{name}.{key} is required: give it on the command line")
        objects = _describes_object(value) or _names_objects(value)
        if not (objects and _takes_objects(annotations[key])):
            check_value(value, annotations[key], f"{name}.{key}")


def target_of(node: DictConfig, name: str) -> Any:
    """The class, or the function that makes one of its objects, which a node names."""
    path, kind = OmegaConf.select(node, "_target_"), KINDS[name.partition(".")[0]]
    try:
        target = pydoc.locate(path) if isinstance(path, str) else None
    except pydoc.ErrorDuringImport as error:
        raise ValueError(f"{name}._target_={path} cannot be imported: {error.value}") from error
    made = target if inspect.isclass(target) else _returned(target)
    if not (inspect.isclass(made) and issubclass(made, kind) and not _is_abstract(made)):
        raise ValueError(f"{name}._target_={path}: that makes no {kind.__name__}")
    return target


def _returned(function: Any) -> Any:
    return get_type_hints(function).get("return") if inspect.isfunction(function) else None


def _is_abstract(made: type) -> bool:
    members = (getattr(made, member, None) for member in dir(made))
    return any(getattr(member, "__isabstractmethod__", False) for member in members)


def _annotations(target: Any) -> dict[str, Any]:
    """Of the arguments."""
    hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    hints.pop("return", None)
    return hints | (trainer_settings.ANNOTATIONS if target is Trainer else {})


def _describes_object(value: Any) -> bool:
    """Whether a plain value is a node to instantiate, or a list of them."""
    return any(
        "_target_" in part
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, dict)
    )


def _takes_objects(annotation: Any) -> bool:
    """Whether an annotation names a class whose objects no YAML can write down."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal or not parts:
        return inspect.isclass(annotation) and annotation.__module__ != "builtins"
    return any(map(_takes_objects, parts))


def _names_objects(value: Any) -> bool:
    """Whether a plain value has nodes to instantiate under names of their own."""
    named = isinstance(value, dict) and "_target_" not in value
    return named and any(map(_describes_object, value.values()))


def check_value(value: Any, annotation: Any, name: str) -> None:
    """Raises ValueError where a value does not fit an annotation."""
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(
            value, strict=True
        )
    except PydanticSchemaGenerationError:
        return  # an annotation that only the constructor itself can judge
    except ValidationError as error:
        reasons = {
            problem["msg"].removeprefix("Input ").removeprefix("Value error, ")
            for problem in error.errors()
        }
        line = f"{name}={value}: {' or '.join(sorted(reasons))}"
        choices = [choice for choice in _literals(annotation) if isinstance(choice, str)]
        near = nearest(value, choices, f"{name}=") if isinstance(value, str) else ""
        raise ValueError(f"{line}; {near}" if near else line) from None


def _literals(annotation: Any) -> Iterator[object]:
    """The values that an annotation spells out."""
    for part in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield part
        else:
            yield from _literals(part)


def build(node: DictConfig, name: str, **given: Any) -> Any:
    """The object that a node describes, checked.

    name: of the node in the config: data, noise, model or trainer.
    given: what no config knows (an image's shape, say); passed on where it is an argument, in
        place of what the node has.

    Raises ValueError for a value that is missing, of the wrong type or out of range, and for a
    network that is too large for this machine.
    """
    target = target_of(node, name)
    arguments = inspect.signature(target).parameters
    given = {key: given[key] for key in given.keys() & arguments.keys()}
    if target is not Trainer:
        for key in given.keys() & node.keys():
            raise ValueError(f"{name}.{key} is not for the config: it follows from other settings")
    check(node, name, given.keys())
    said = {key: node[key] for key in node.keys() - given.keys() - {"_target_"}}
    named = {key: said.pop(key) for key, value in plain(node).items() if _names_objects(value)}
    given |= {key: _build_named(nodes, f"{name}.{key}") for key, nodes in named.items()}
    for key in arguments.keys() - said.keys() - given.keys():
        if arguments[key].default is inspect.Parameter.empty:
            raise ValueError(f"{name}.{key} is required: give it on the command line")
    values = instantiate(said, _convert_="all") | given
    for key, annotation in _annotations(target).items():
        if (
            key in values and key not in named
        ):  # this time with the objects that the config has described
            check_value(values[key], annotation, f"{name}.{key}")
    return _call(target, values, name)


def _call(target: Any, values: dict[str, Any], name: str) -> Any:
    needed, there = 0, machine.memory()
    try:
        if inspect.isclass(target) and issubclass(target, nn.Module):
            needed = memory.of_training(lambda: target(**values))
        if needed <= there:
            return target(**values)
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from error
    except Exception as error:
        # Lightning refuses arguments with errors of all kinds. The constructors of this project
        # do so with a ValueError; anything else that they raise is their bug, and stays what it is.
        if target is not Trainer:
            raise
        raise ValueError(f"{name}: {error}") from error
    # A size that is a slip would make the machine swap until the process is killed.
    raise ValueError(
        f"{name}: to train it takes {needed / 1e9:,.0f} GB of memory, this machine or "
        f"container has {there / 1e9:,.0f} GB"
    )


def _build_named(nodes: DictConfig, name: str) -> dict[str, Any]:
    """What is no node stays as it is: the constructor that gets it says what it should be."""
    return {
        key: build(nodes[key], f"{name}.{key}") if _describes_object(value) else value
        for key, value in plain(nodes).items()
    }


def without_objects(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a checkpoint may hold them: what would be instantiated from it is left out."""
    return {key: None if _describes_object(value) else value for key, value in settings.items()}


def plain(node: DictConfig | ListConfig) -> Any:
    """The node as plain Python containers, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True)  # type: ignore[return-value]
