"""A checkpoint's settings as config options, so that the command line can build on them.

Hydra composes a config before it calls a command. So the checkpoint that the command line names is
read first, and the settings of its run become the option `from_checkpoint` of each config group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

if TYPE_CHECKING:
    from denoisers.checkpoint import Checkpoint

GROUPS = ("model", "data", "noise", "objective", "trainer")
OPTION = "from_checkpoint"
HELP = {"--help", "-h", "--hydra-help", "--version"}


def score(arguments: list[str]) -> list[str]:
    """Make the options of the checkpoint to score or to export.

    Args:
        arguments: The command line.

    Returns:
        The overrides to add to the command line: none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: No checkpoint is given, or the file is not one.
    """
    path = _value(arguments, "checkpoint")
    if path is None and HELP.isdisjoint(arguments):
        raise ValueError("checkpoint=path is required, such as …/best.ckpt")
    _offer({group: {} for group in GROUPS} if path is None else _settings(_read(path)))
    return []


def resume(arguments: list[str]) -> list[str]:
    """Make the options of the checkpoint that train.py resumes or starts from, if there is one.

    A run that starts from the weights of `init` has their model, unless the command line has
    another one.

    Args:
        arguments: The command line.

    Returns:
        The overrides to add to the command line.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a checkpoint, or decides what an override sets.
    """
    path = _value(arguments, "checkpoint")
    if not HELP.isdisjoint(arguments):
        return []
    if path is None:
        return _start(arguments)
    checkpoint = _read(path)
    _offer(_settings(checkpoint))
    for key in (override.key_or_group for override in _overrides(arguments)):
        if not re.match(r"checkpoint$|compile$|trainer\.|hydra[./]", key):
            raise ValueError(
                f"{key}: a resumed run takes all from its checkpoint but trainer.* and compile"
            )
    run = checkpoint.run
    stopping = {f"early_stopping.{key}": value for key, value in run["early_stopping"].items()}
    settings = {"seed": run["seed"]} | stopping
    groups = [f"{group}={OPTION}" for group in GROUPS]
    return [*groups, *(f"{key}={'null' if v is None else v}" for key, v in settings.items())]


def _start(arguments: list[str]) -> list[str]:
    init = _value(arguments, "init")
    if init is None or any(override.key_or_group == "model" for override in _overrides(arguments)):
        return []
    _offer({"model": _settings(_read(init))["model"] | {"seed": "${seed}"}})
    return [f"model={OPTION}"]


def _offer(nodes: dict[str, dict[str, Any]]) -> None:
    for group, node in nodes.items():
        ConfigStore.instance().store(name=OPTION, node=node, group=group)


def withdraw() -> None:
    """Take back the options of a checkpoint, so that no later config is built on them."""
    for group in GROUPS:
        ConfigStore.instance().repo.get(group, {}).pop(f"{OPTION}.yaml", None)


def require_same_run(cfg: DictConfig) -> None:
    """Check that a config to resume with is that of its checkpoint's run.

    The command line and `cli.composing.compose` make no other, but a program may.

    Raises:
        ValueError: A setting differs. The message has both values.
    """
    from cli.config import plain

    checkpoint = _read(cfg.checkpoint)
    # The seed first: those of data and model follow from it.
    theirs = {name: checkpoint.run[name] for name in ("seed", "early_stopping")}
    theirs |= {name: node for name, node in _settings(checkpoint).items() if name != "trainer"}
    ours = plain(cfg)
    differences = (part for name in theirs for part in _differences(ours[name], theirs[name], name))
    for name, our, their in differences:
        raise ValueError(
            f"{name}={our}: the run of checkpoint={cfg.checkpoint} has {their}, and a resumed run "
            "takes all from its checkpoint but trainer.* and compile; cli.composing.compose("
            "'train', ['checkpoint=…']) makes such a config"
        )


def _differences(ours: Any, theirs: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """The settings with two values, or in one of the two alone, as (name, ours, theirs)."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # The class first: settings of another one say less.
        for key in sorted(ours.keys() | theirs.keys(), key=lambda key: (key != "_target_", key)):
            pair = ours.get(key, "nothing"), theirs.get(key, "nothing")
            yield from _differences(*pair, f"{name}.{key}")
    elif name.endswith("root") and isinstance(ours, str) and isinstance(theirs, str):
        if Path(ours).resolve() != Path(theirs).resolve():  # the same folder has many names
            yield name, ours, theirs
    elif _listed(ours) != _listed(theirs):
        yield name, ours, theirs


def _listed(value: Any) -> Any:
    """A checkpoint has tuples where a config can only have lists."""
    return [_listed(part) for part in value] if isinstance(value, list | tuple) else value


def _read(path: str) -> Checkpoint:
    from denoisers.checkpoint import read_checkpoint

    return read_checkpoint(path, keep=True)


def _settings(checkpoint: Checkpoint) -> dict[str, dict[str, Any]]:
    """By config group, the node that a checkpoint holds."""
    run, arguments = checkpoint.run, checkpoint.get("hyper_parameters")
    for name in ("image_shape", "num_classes"):  # they come from the data
        arguments.pop(name, None)
    return {name: run[name] for name in GROUPS if name != "model"} | {
        "model": {"_target_": run["model"]} | arguments
    }


def _overrides(arguments: list[str]) -> list[Any]:
    words = [word for word in arguments if "=" in word and not word.startswith("-")]
    return OverridesParser.create().parse_overrides(words)


def _value(arguments: list[str], key: str) -> str | None:
    """The value that the last override of a key gives it, without the quotes of Hydra's grammar.

    Of a list it is the first. Commands that take one value refuse a list later.
    """
    values = [override for override in _overrides(arguments) if override.key_or_group == key]
    if not values or values[-1].value() in (None, []):
        return None
    if values[-1].is_sweep_override():
        raise ValueError(f"{key}: one command takes one {key}; loop over them in the shell")
    value: Any = values[-1].value()
    return str(value[0] if isinstance(value, list) else value)
