"""Ranges in annotations: which values are refused, and by which message."""

import math
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import Field

from groundwork.ranges import require_ranges

Whole = Annotated[int, Field(ge=1, le=10_000)]


@dataclass(frozen=True)
class Settings:
    """Settings with each kind of range, at values in their ranges."""

    size: Whole = 1
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    peak: Annotated[float, Field(gt=0, le=1e9)] | None = None
    std: Annotated[float, Field(ge=0)] = 0.0
    epsilon: Annotated[float, Field(gt=0)] = 1.0
    depth: Annotated[int, Field(ge=2)] = 2
    widths: list[Whole] | None = None
    sizes: Annotated[list[Whole], Field(min_length=1)] = field(default_factory=lambda: [1])
    clip: bool = True
    kind: Literal[1, 3] = 1

    def __post_init__(self) -> None:
        require_ranges(type(self), vars(self))


class Thing:
    """A class whose constructor has an argument with a range and one without."""

    def __init__(self, name: str, size: Whole) -> None:
        doubled = 2 * size
        require_ranges(Thing.__init__, locals())
        self.name, self.doubled = name, doubled


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("size", 1), ("size", 10_000), ("seed", 2**32 - 1), ("share", math.ulp(0))),
        *(("peak", 1e9), ("peak", None), ("std", 0), ("std", 1e300), ("epsilon", math.ulp(0))),
        *(("depth", 10**30), ("widths", [1, 10_000]), ("widths", None)),
        *(("clip", 3), ("kind", 2)),  # these have no range
    ],
)
def test_a_value_in_its_range_is_taken_as_it_is(name: str, value: Any) -> None:
    assert getattr(Settings(**{name: value}), name) is value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        *(("size", value, "in [1, 10,000]") for value in (0, 10_001, 2.5, math.nan, "3", None)),
        *(("seed", value, "in [0, 4,294,967,296)") for value in (-1, 2**32)),
        *(("share", value, "in (0, 1)") for value in (0.0, 1.0, math.nan)),
        *(("peak", value, "in (0, 1,000,000,000] or null") for value in (0.0, 2e9, math.inf)),
        *(("std", value, "finite and at least 0") for value in (-0.1, math.inf, math.nan)),
        *(("epsilon", value, "finite and above 0") for value in (0.0, math.inf)),
        ("depth", 1, "at least 2"),
        *(("widths", value, "in [1, 10,000] or null") for value in ([0], [1, 10_001], 1)),
        *(("sizes", value, "in [1, 10,000] and not empty") for value in ([], [0], 1)),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name_value_and_range(
    name: str, value: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be {re.escape(f'{words}, got {value}')}$"):
        Settings(**{name: value})


def test_a_constructor_states_the_ranges_of_its_arguments() -> None:
    assert Thing("a", 3).doubled == 6
    with pytest.raises(ValueError, match=r"^size must be in \[1, 10,000\], got 0$"):
        Thing("a", 0)


class Inner(TypedDict):
    size: Whole
    name: str


class Outer:
    def __init__(self, inner: Inner) -> None:
        require_ranges(Outer.__init__, locals())


def test_a_typed_dict_has_its_keys_and_no_others_in_their_ranges() -> None:
    Outer({"size": 3, "name": "a"})
    with pytest.raises(ValueError, match=r"^inner.size must be in \[1, 10,000\], got 0$"):
        Outer({"size": 0, "name": "a"})
    others: list[Any] = [{"size": 3}, {"size": 3, "name": "a", "sise": 3}, 3, None]
    for other in others:
        line = re.escape(f"inner must be a dict of size, name, got {other}")
        with pytest.raises(ValueError, match=f"^{line}$"):
            Outer(other)
