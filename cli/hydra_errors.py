"""What Hydra's exceptions leave out: which override they are about, and what would be right.

Hydra applies overrides one by one. Its exceptions say "Could not override 'model'", and those of
Python that it lets through not even that. Which override it was at, and the config so far, are only
in the variables of its functions, so `_locals` reads them. To compose again without one override
after the other would find it too, but slowly, and not where two overrides need each other.

All that depends on Hydra's insides is here. If a version of Hydra names its variables otherwise,
lines lack the name of their setting, and the tests of a bad setting and of the nearest choice fail
in `tests/cli/test_bad_input.py`.

This file imports nothing heavy, like cli/command.py.
"""

import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.default_element import GroupDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from cli import extras
from cli.suggestions import suggest, suggest_setting
from groundwork.files import REPOSITORY


def is_of_project(file: str) -> bool:
    """Whether a source file is a command of this project, or lies in one of its packages."""
    return REPOSITORY in Path(file).parents[:3]  # an environment's packages lie deeper


def raised_by_hydra(error: BaseException) -> bool:
    """Whether Hydra or OmegaConf has failed at something, without calling this project's code.

    They have exceptions of their own, but not for all that they cannot read: an index of a list
    that is no number, say, or options such as -m and --cfg that do not go together.
    """
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("hydra", "omegaconf"):
            return True
        if is_of_project(frame.f_code.co_filename):
            return False
    return False


def wrong_name(error: BaseException) -> str | None:
    """Return the line for an exception of Hydra's about an unknown name, or else None."""
    if isinstance(error, MissingConfigException):
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        if line := extras.to_install(group, option):
            return line
        if group and error.options:
            choices = suggest(option, error.options, f"{group}=")
            return f"{group}={option}: there is no such choice, {choices}"
    if found := re.match(r"In '([^']+)/([^'/]+)': Could not override '(\w+)", str(error)):
        group, option, other = found.groups()
        reason = f"it chooses {other} too, and this command cannot: it is for train.py"
        return f"{group}={option}: {reason}"
    override, config = _position(error)
    if override is None:
        return None
    whole, cause = str(override.key_or_group), error.__cause__
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        node, path = cause.parent_node, str(cause.full_key)
    elif override.is_delete():
        node, path = _end_of(whole, config)
    else:
        return None
    if not isinstance(node, DictConfig):
        return None
    above, dot, name = path.rpartition(".")
    rest = whole.removeprefix(path) if whole.startswith(path) else ""
    choices = suggest_setting(name, _without_targets(node), above + dot, rest)
    group = path.partition(".")[0]
    choice = next((c.value for c in _jobs_choices(error) if c.key_or_group == group), None)
    there = "" if choice is None else f" of {group}={choice()}"
    if choice is None and "_target_" in node and not {"-m", "--multirun"}.isdisjoint(sys.argv):
        # A preset chooses what is swept over, and Hydra composes without the jobs' choices.
        there = f" of {node._target_.rpartition('.')[2]}"
    return f"{path}{rest}: there is no such setting{there}, {choices}"


def _without_targets(node: DictConfig) -> dict[str, Any]:
    """Return the settings of a node, and of the nodes in it, as plain dictionaries."""

    def without(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {str(key): without(part) for key, part in value.items() if key != "_target_"}

    settings: dict[str, Any] = without(OmegaConf.to_container(node))
    return settings


def _jobs_choices(error: BaseException) -> list[Override]:
    """Return the overrides of the sweep's job whose config was being composed, if it was one."""
    for words in _locals(error, "sweep_overrides"):
        return OverridesParser.create().parse_overrides(words)
    return []


def place(error: BaseException) -> str:
    """Return the override, or else the key, that an exception of Hydra's is about, or else ""."""
    override, _ = _position(error)
    if override is not None:
        return str(override.input_line)
    for default in (*_locals(error, "self"), *_locals(error, "d")):
        if isinstance(default, GroupDefault):
            return f"{default.group}={default.value}"
    noted = re.search(r"^\s*full_key: (.*)$", str(error), re.MULTILINE)
    return noted[1] if noted else ""


def _position(error: BaseException) -> tuple[Override | None, Any]:
    """Return the override that Hydra was applying, if any, and the config so far."""
    for override in _locals(error, "override"):
        if isinstance(override, Override):
            return override, next(_locals(error, "cfg"), None)
    return None, None


def _locals(error: BaseException, name: str) -> Iterator[Any]:
    """Yield the variables of a name in the functions that an error passed, the innermost first."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if name in frame.f_locals:
            yield frame.f_locals[name]


def _end_of(path: str, config: DictConfig) -> tuple[Any, str]:
    """Follow a path in a config. Return the node that lacks a name, and the path to that name."""
    node, names = config, path.split(".")
    for depth, name in enumerate(names, 1):
        if not isinstance(node, DictConfig) or name not in node:
            return node, ".".join(names[:depth])
        node = node[name]
    return None, path
