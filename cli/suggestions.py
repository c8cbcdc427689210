"""What a user may have meant: the valid choice that is nearest to a wrong one."""

from collections.abc import Iterable
from difflib import get_close_matches

LISTED = 12  # choices that a line names


def nearest(given: object, choices: Iterable[object], before: str = "", after: str = "") -> str:
    """A question about the choice that is most like what was given; "" where none is.

    before, after: what to type around a choice: before="model=" for the choice "vae".
    """
    near = get_close_matches(str(given), [str(choice) for choice in choices], 1)
    return f"did you mean {before}{near[0]}{after}?" if near else ""


def suggest(given: object, choices: Iterable[object], before: str = "", after: str = "") -> str:
    """The same, or else all the choices there are."""
    names = sorted(str(choice) for choice in choices)
    more = ", …" if len(names) > LISTED else ""
    listed = f"the choices are {', '.join(names[:LISTED])}{more}"
    return nearest(given, names, before, after) or listed
