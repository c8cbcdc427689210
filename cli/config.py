"""Objects from the nodes of a composed config. Every value is checked before anything is built.

The types come from the annotations of the constructor that a node's `_target_` names. Ranges are
in these annotations too, and the constructor checks them itself, since Python calls it as well.
`cli.trainer_settings` has the annotations of Lightning's Trainer.
"""

import inspect
import pydoc
from collections.abc import Collection
from typing import (
    Any,
    Literal,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from pytorch_lightning import Trainer
from torch import nn

from cli import memory
from cli.checking import check_value, names_in
from cli.suggestions import suggest_setting
from cli.trainer_settings import TrainerSettings
from datamodules.images import ImageDataModule
from datamodules.noise import Noise
from denoisers.base import ImageModel
from denoisers.training_objective import TrainingObjective
from groundwork import machine
from groundwork.ranges import annotations_of

# The groups that a config chooses from, and what each choice describes.
KINDS: dict[str, type] = {
    "data": ImageDataModule,
    "noise": Noise,
    "model": ImageModel,
    "objective": TrainingObjective,
    "trainer": Trainer,
}


def check(node: DictConfig, name: str, given: Collection[str] = ()) -> None:
    """Refuse a node with an argument that is unknown, missing or of the wrong type.

    Args:
        node: It has `_target_` and the arguments.
        name: Its name in the config: data, noise, model, objective or trainer.
        given: Arguments that no config knows.

    Raises:
        ValueError: The message is one line that begins with the setting's full name.
    """
    target = target_of(node, name)
    annotations = _annotations(target)
    for key, value in plain(node).items():
        if key == "_target_":
            continue
        if key not in annotations:
            known = {known: hint for known, hint in annotations.items() if known not in given}
            choices = suggest_setting(key, names_in(known), f"{name}.")
            raise ValueError(f"{name}.{key}: {target.__name__} has no such argument, {choices}")
        objects = _describes_object(value) or _names_objects(value)
        if not (objects and _takes_objects(annotations[key])):
            check_value(value, annotations[key], f"{name}.{key}")


def target_of(node: DictConfig, name: str) -> Any:
    """Return the class that a node names, or the function that makes its objects.

    Raises:
        ValueError: It makes no object of the node's kind.
    """
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
    """Return the annotations of the arguments. A constructor checks its ranges itself."""
    hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    hints.pop("return", None)
    return hints | (annotations_of(TrainerSettings) if target is Trainer else {})


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
        plain_type = annotation.__module__ == "builtins" or is_typeddict(annotation)
        return inspect.isclass(annotation) and not plain_type
    return any(map(_takes_objects, parts))


def _names_objects(value: Any) -> bool:
    """Whether a plain value has nodes to instantiate under names of their own."""
    named = isinstance(value, dict) and "_target_" not in value
    return named and any(map(_describes_object, value.values()))


def build(node: DictConfig, name: str, **given: Any) -> Any:
    """Check a node and make the object that it describes.

    Args:
        node: It has `_target_` and the arguments.
        name: Its name in the config: data, noise, model, objective or trainer.
        given: Arguments that no config knows, such as an image's shape. Those that the constructor
            does not take are left out.

    Raises:
        ValueError: A value is missing, of the wrong type or out of range, or the network is too
            large for this machine.
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
    """Build the nodes among some values. The constructor that gets the others judges them."""
    return {
        key: build(nodes[key], f"{name}.{key}") if _describes_object(value) else value
        for key, value in plain(nodes).items()
    }


def without_objects(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as a checkpoint may hold them, without what would be instantiated."""
    return {key: None if _describes_object(value) else value for key, value in settings.items()}


def plain(node: DictConfig | ListConfig) -> Any:
    """Return the node as plain Python containers, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True)
