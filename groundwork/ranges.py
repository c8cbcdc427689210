"""Ranges of settings, which are written once: in the annotations of a constructor.

`Annotated[float, Field(ge=0, le=1)]` is a number in [0, 1]. pydantic reads and checks it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo


def _one_or_eight(given: int) -> int:
    if given not in (1, 8):
        raise ValueError("should be 1 or 8")
    return given


Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes
Symmetries = Annotated[int, AfterValidator(_one_or_eight)]  # a Literal would take true for 1
IntervalLevel = Annotated[float, Field(ge=0.5, le=0.999)]  # the share of pixels inside
IntervalDelta = Annotated[float, Field(ge=0.001, le=0.5)]  # the chance that they do not hold


def require_ranges(annotated: Any, values: Mapping[str, Any], before: str = "") -> None:
    """Refuse values outside of the ranges of their annotations. Others are not checked.

    An argument that is a `TypedDict` must have its keys and no others, in their ranges.

    Args:
        annotated: A constructor, a dataclass or a `TypedDict`.
        values: What it was given, by name: `locals()` of the constructor, `vars` of the object.
        before: What the names in messages begin with, such as "optimizer.".

    Raises:
        ValueError: A value is out of its range. The message is one line that begins with its name.
    """
    for name, nested in _typed_dicts(annotated).items():
        known, given = get_type_hints(nested), values[name]
        if not isinstance(given, dict) or given.keys() != known.keys():
            raise ValueError(f"{before}{name} must be a dict of {', '.join(known)}, got {given}")
        require_ranges(nested, given, f"{before}{name}.")
    for name, (adapter, words) in _ranges(annotated).items():
        try:
            adapter.validate_python(values[name], strict=True)
        except ValidationError:
            raise ValueError(f"{before}{name} must be {words}, got {values[name]}") from None


@cache
def _typed_dicts(annotated: Any) -> dict[str, Any]:
    """Return the arguments that are a `TypedDict`, by name."""
    return {name: hint for name, hint in get_type_hints(annotated).items() if is_typeddict(hint)}


@cache
def _ranges(annotated: Any) -> dict[str, tuple[TypeAdapter[Any], str]]:
    """Return a check and the words for each argument that has a range."""
    config = ConfigDict(allow_inf_nan=False)
    return {
        name: (TypeAdapter(hint, config=config), words)
        for name, hint in annotations_of(annotated).items()
        if (words := in_words(hint))
    }


def annotations_of(annotated: Any) -> dict[str, Any]:
    """Return the annotations of a class or a function by name, with their ranges."""
    hints = get_type_hints(annotated, include_extras=True)
    hints.pop("return", None)
    return hints


def is_number_in_range(annotation: Any) -> bool:
    """Whether an annotation is one number with a range, and nothing else."""
    parts = get_args(annotation)
    ranged = get_origin(annotation) is Annotated and parts[0] in (int, float)
    return ranged and all(isinstance(field, FieldInfo) for field in parts[1:])


def in_words(annotation: Any) -> str:
    """Say the range of an annotation, as in "in [0, 1] or null". It is empty without a range."""
    parts = get_args(annotation)
    if get_origin(annotation) is not Annotated:
        words = [said for part in parts if (said := in_words(part))]
        return " or ".join([*words, "null"] if words and NoneType in parts else words)
    if get_origin(parts[0]) is list:  # with a least length
        return f"{in_words(parts[0])} and not empty"
    limits: dict[str, float] = {}
    for field in parts[1:]:
        for limit in field.metadata:
            limits |= asdict(limit)  # one of ge, gt, le and lt
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    if high is None:
        finite = "finite and " if parts[0] is float else ""
        return f"{finite}{'at least' if 'ge' in limits else 'above'} {low:,.10g}"
    opening, closing = "[" if "ge" in limits else "(", "]" if "le" in limits else ")"
    return f"in {opening}{low:,.10g}, {high:,.10g}{closing}"
