"""What a user may have meant: the valid choice that is nearest to a wrong one."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

LISTED = 12  # choices that a line names


def nearest(given: object, choices: Iterable[object], before: str = "", after: str = "") -> str:
    """A question about the choice that is most like what was given; "" where none is.

    before, after: what to type around a choice: before="model=" for the choice "vae".
    """
    near = get_close_matches(str(given), [str(choice) for choice in choices], 1)
    return f"did you mean {before}{near[0]}{after}?" if near else ""


def suggest(
    given: object,
    choices: Iterable[object],
    before: str = "",
    after: str = "",
    deeper: Iterable[str] = (),
) -> str:
    """The same, or else all the choices there are.

    deeper: settings in nodes below, such as "optimizer.lr". One that ends with what was given is
        what was meant.
    """
    for path in deeper:
        if path.rpartition(".")[2] == given:
            return f"did you mean {before}{path}{after}?"
    names = sorted(str(choice) for choice in choices)
    more = ", …" if len(names) > LISTED else ""
    listed = f"the choices are {', '.join(names[:LISTED])}{more}"
    return nearest(given, names, before, after) or listed


def paths(settings: Mapping[str, Any]) -> list[str]:
    """The dotted names of the settings in nested nodes, those of the outer nodes first."""
    nodes = {name: node for name, node in settings.items() if isinstance(node, Mapping)}
    inner = [f"{name}.{key}" for name, node in nodes.items() for key in node]
    return inner + [f"{name}.{path}" for name, node in nodes.items() for path in paths(node)]
