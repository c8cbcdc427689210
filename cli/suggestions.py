"""What a user may have meant: the valid choice that is nearest to a wrong one."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

LISTED = 12  # choices that a line names
ALIKE = 0.75  # difflib's ratio for names at different depths, above its 0.6 for others


def nearest(given: object, choices: Iterable[object], before: str = "", after: str = "") -> str:
    """Ask about the choice that is most like what was given.

    Args:
        given: What is no choice.
        choices: What there is.
        before, after: What to type around a choice, such as `before="model="` for the choice "vae".

    Returns:
        "did you mean model=vae?", or "" if no choice is near.
    """
    near = get_close_matches(str(given), [str(choice) for choice in choices], 1)
    return f"did you mean {before}{near[0]}{after}?" if near else ""


def suggest(given: object, choices: Iterable[object], before: str = "", after: str = "") -> str:
    """Ask like `nearest`, or else list the choices."""
    names = sorted(str(choice) for choice in choices)
    more = ", …" if len(names) > LISTED else ""
    listed = f"the choices are {', '.join(names[:LISTED])}{more}"
    return nearest(given, names, before, after) or listed


def suggest_setting(
    given: str, settings: Mapping[str, Any], before: str = "", after: str = ""
) -> str:
    """Ask about the setting that is most like a wrong one, or else list the settings.

    A setting that stands in a group is found too: for `lr` among {"optimizer": {"lr": …}} the
    answer is "did you mean optimizer.lr?". If several groups have it, none of them is proposed.

    Args:
        given: The name that no setting has.
        settings: What there is at its place, by name. A group's value is the same for the group.
        before, after: What to type around a name, as for `nearest`.
    """
    deeper: dict[str, list[str]] = {}
    for path in _paths_in_groups(settings):
        deeper.setdefault(path.rpartition(".")[2], []).append(path)
    in_one_group = {name: paths[0] for name, paths in deeper.items() if len(paths) == 1}
    if given in deeper:
        meant = [given]
    elif get_close_matches(given, settings, 1):
        meant = []
    else:
        meant = get_close_matches(given, in_one_group, 1, ALIKE)
    if meant and meant[0] in in_one_group:
        return f"did you mean {before}{in_one_group[meant[0]]}{after}?"
    return suggest(given, settings, before, after)


def _paths_in_groups(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the dotted names of all settings that stand in a group."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in value)
            yield from (f"{name}.{path}" for path in _paths_in_groups(value))
