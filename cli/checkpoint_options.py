"""A checkpoint's settings as config options, so that the command line can build on them.

Hydra composes before it calls anything. So the checkpoint named on the command line is read first,
and what it says of its run becomes the option `from_checkpoint` of each config group.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

GROUPS = ("model", "data", "noise", "objective", "trainer")
OPTION = "from_checkpoint"
HELP = {"--help", "-h", "--hydra-help", "--version"}


def score(arguments: list[str]) -> list[str]:
    """Make the options of the checkpoint to score or to export; no more overrides are needed.

    Raises ValueError or FileNotFoundError where it is missing or not usable.
    """
    path = _value(arguments, "checkpoint")
    if path is None and HELP.isdisjoint(arguments):
        raise ValueError("checkpoint=path is required, such as …/best.ckpt")
    _offer({group: {} for group in GROUPS} if path is None else _settings(path))
    return []


def resume(arguments: list[str]) -> list[str]:
    """The overrides that make train.py go on where a checkpoint ends; [] where none is given.

    Raises ValueError for an override that the checkpoint decides.
    """
    path = _value(arguments, "checkpoint")
    if path is None or not HELP.isdisjoint(arguments):
        return []
    _offer(_settings(path))
    for key in (override.key_or_group for override in _overrides(arguments)):
        if not re.match(r"checkpoint$|compile$|trainer\.|hydra[./]", key):
            raise ValueError(
                f"{key}: a resumed run takes all from its checkpoint but trainer.* and compile"
            )
    run = _run_entry(path)
    stopping = {f"early_stopping.{key}": value for key, value in run["early_stopping"].items()}
    settings = {"seed": run["seed"]} | stopping
    groups = [f"{group}={OPTION}" for group in GROUPS]
    return [*groups, *(f"{key}={'null' if v is None else v}" for key, v in settings.items())]


def _offer(nodes: dict[str, dict[str, Any]]) -> None:
    for group, node in nodes.items():
        ConfigStore.instance().store(name=OPTION, node=node, group=group)


def withdraw() -> None:
    """Take back the options of a checkpoint, of which a later config is not to know."""
    for group in GROUPS:
        ConfigStore.instance().repo.get(group, {}).pop(f"{OPTION}.yaml", None)


def require_same_run(cfg: DictConfig) -> None:
    """Raises ValueError where a config to resume with is not that of the checkpoint's run.

    The command line cannot compose such a config; in Python, `cli.composing.compose` does not.
    """
    from cli.config import plain

    nodes, run = _settings(cfg.checkpoint), _run_entry(cfg.checkpoint)
    # The seed first: those of data and model follow from it.
    theirs = {name: run[name] for name in ("seed", "early_stopping")}
    theirs |= {name: node for name, node in nodes.items() if name != "trainer"}
    ours = plain(cfg)
    differences = (part for name in theirs for part in _differences(ours[name], theirs[name], name))
    for name, our, their in differences:
        raise ValueError(
            f"{name}={our}: the run of checkpoint={cfg.checkpoint} has {their}, and a resumed run "
            "takes all from its checkpoint but trainer.* and compile; cli.composing.compose("
            "'train', ['checkpoint=…']) makes such a config"
        )


def _differences(ours: Any, theirs: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """The settings that have other values, or are in one of the two alone: name, ours, theirs."""
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


def _settings(path: str) -> dict[str, dict[str, Any]]:
    """By config group, the node that the checkpoint holds; nothing of it can name foreign code."""
    from datamodules.images import ImageDataModule
    from denoisers.base import ImageModel
    from denoisers.checkpoint import read_checkpoint, resolve
    from denoisers.objectives import TrainingObjective

    checkpoint = read_checkpoint(path)
    run = checkpoint["run"]
    # Shapes come from the data; for the rest the arguments are what the config was.
    arguments = {
        name: value
        for name, value in checkpoint["hyper_parameters"].items()
        if name not in ("image_shape", "num_classes")
    }
    nodes = {name: run[name] for name in GROUPS if name != "model"}
    nodes["model"] = {"_target_": run["model"]} | arguments
    try:
        resolve(run["model"], ImageModel)
        resolve(run["data"].get("_target_"), ImageDataModule)
        require_noise(run["noise"])
        resolve(run["objective"].get("_target_"), TrainingObjective)
        if nodes["trainer"].get("_target_") != "pytorch_lightning.Trainer":
            raise ValueError(f"{nodes['trainer'].get('_target_')!r} is not Lightning's Trainer")
        _require_plain([run["seed"], run["early_stopping"]])
        for name in GROUPS:
            if name != "noise":
                _require_plain({k: value for k, value in nodes[name].items() if k != "_target_"})
    except ValueError as error:
        raise ValueError(f"{path} is refused: {error}") from error
    return nodes


def require_noise(node: Any) -> None:
    """Raises ValueError for a checkpoint's noise that is not of this project, or a part of it."""
    from datamodules.noise import Noise
    from denoisers.checkpoint import resolve

    settings = dict(node) if isinstance(node, dict) else {}
    resolve(settings.pop("_target_", None), Noise)
    if isinstance(settings.get("parts"), dict):
        parts = settings.pop("parts")
        _require_plain(dict.fromkeys(parts))
        for part in parts.values():
            require_noise(part)
    _require_plain(settings)


def _require_plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str) or key.startswith("_"):
                raise ValueError(f"it holds the key {key!r}")
            _require_plain(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _require_plain(part)
    elif isinstance(value, str) and "${" in value:
        raise ValueError(f"it holds the interpolation {value!r}")
    elif not isinstance(value, str | int | float | None):
        raise ValueError(f"it holds a {type(value).__name__}")


def _run_entry(path: str) -> dict[str, Any]:
    from denoisers.checkpoint import read_checkpoint

    run: dict[str, Any] = read_checkpoint(path)["run"]
    return run


def _overrides(arguments: list[str]) -> list[Any]:
    words = [word for word in arguments if "=" in word and not word.startswith("-")]
    return OverridesParser.create().parse_overrides(words)


def _value(arguments: list[str], key: str) -> str | None:
    """What an override sets a key to; Hydra's grammar decides about quotes."""
    values = [override for override in _overrides(arguments) if override.key_or_group == key]
    if not values or values[-1].value() is None:
        return None
    if values[-1].is_sweep_override():
        raise ValueError(f"{key}: one command takes one {key}; loop over them in the shell")
    return str(values[-1].value())
