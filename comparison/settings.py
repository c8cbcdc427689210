"""The settings of runs as text, by which configurations are told apart."""

import json
from typing import Any

NO_SETTINGS = {"seed", "root", "num_workers"}  # of a model or its data, since they change no result
Settings = dict[str, str]  # by their keys on the command line, such as noise.std


def settings_of(group: str, node: dict[str, Any]) -> Settings:
    """Return a config's node as text, by its keys on the command line: its class by the group."""
    settings: Settings = {}
    for name, value in node.items():
        key = group if name == "_target_" else f"{group}.{name}"
        if _is_group(value):
            settings |= settings_of(key, value)
        elif name not in NO_SETTINGS:
            settings[key] = _text(value)
    return settings


def _is_group(value: Any) -> bool:
    """Whether a value is settings of their own, such as an optimizer's, and describes no object."""
    nodes = [value, *value.values()] if isinstance(value, dict) else []
    return bool(nodes) and not any("_target_" in node for node in nodes if isinstance(node, dict))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1.0 and 1 are the same setting
    if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
        return " + ".join(map(_call, value.values()))
    return value if isinstance(value, str) else json.dumps(value)


def _call(node: Any) -> str:
    """Write a node with a class as a call: Gaussian(std=0.2, clip=false)."""
    if not isinstance(node, dict) or "_target_" not in node:
        return _text(node)
    arguments = ", ".join(f"{k}={_text(v)}" for k, v in node.items() if k != "_target_")
    return f"{str(node['_target_']).rpartition('.')[2]}({arguments})"
