"""Settings that stand in a group inside a constructor's arguments, as a TypedDict describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import pytest
from omegaconf import OmegaConf
from pydantic import Field

from cli.config import build
from cli.suggestions import suggest_setting
from datamodules.noise import Gaussian
from tests.helpers.lines import line_for
from tests.helpers.runs import train_in


class Tint(TypedDict):
    shade: Annotated[float, Field(gt=0, le=1)]
    colour: Literal["red", "green"] | None


class Look(TypedDict):
    tint: Tint


@dataclass(frozen=True)
class Tinted(Gaussian):
    look: Look


def built(**look: Any) -> Tinted:
    target = f"{__name__}.Tinted"
    node = {"_target_": target, "std": 0.5, "clip": True} | look
    noise: Tinted = build(OmegaConf.create(node), "noise")
    return noise


def test_a_group_is_passed_on_as_a_plain_dictionary() -> None:
    noise = built(look={"tint": {"shade": 0.5, "colour": None}})
    assert type(noise.look) is dict
    assert type(noise.look["tint"]) is dict
    assert noise.look == {"tint": {"shade": 0.5, "colour": None}}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"shade": 0, "colour": None}, "noise.look.tint.shade must be in (0, 1], got 0"),
        ({"shade": "x", "colour": None}, "noise.look.tint.shade=x: should be a valid number"),
        ({"colour": None}, "noise.look.tint.shade is required: give it on the command line"),
        (
            {"shade": "???", "colour": None},
            "noise.look.tint.shade is required: give it on the command line",
        ),
        (
            {"shade": 1, "colour": "gren"},
            "noise.look.tint.colour=gren: should be 'red' or 'green'; did you mean "
            "noise.look.tint.colour=green?",
        ),
        (
            {"shade": 1, "color": "red"},
            "noise.look.tint.color: there is no such setting, did you mean noise.look.tint.colour?",
        ),
        (
            {"_target_": "os.getcwd"},
            "noise.look.tint._target_: there is no such setting, the choices are colour, shade",
        ),
        (3, "noise.look.tint=3: should have shade and colour"),
    ],
)
def test_a_wrong_setting_of_a_group_has_its_full_name(settings: Any, line: str) -> None:
    assert line_for(lambda: built(look={"tint": settings})) == line


def test_nothing_in_the_place_of_a_group_is_instantiated() -> None:
    line = line_for(lambda: built(look={"_target_": "os.getcwd"}))
    assert line == "noise.look._target_: there is no such setting, the choices are tint"


def test_a_setting_that_stands_deeper_is_proposed(tmp_path: Path) -> None:
    line = line_for(lambda: built(shade=0.5))
    assert line == "noise.shade: Tinted has no such argument, did you mean noise.look.tint.shade?"
    line = line_for(lambda: train_in(tmp_path, "patience=3"))
    assert line == "patience: there is no such setting, did you mean early_stopping.patience?"
    line = line_for(lambda: train_in(tmp_path, "+patience=3"))
    assert line == "patience: there is no such setting, did you mean early_stopping.patience?"


GROUPS = {"seed": 0, "lrs": 0, "a": {"lr": 1, "width": 1, "b": {"depth": 1}}, "c": {"width": 1}}


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("lr", "did you mean model.a.lr?"),
        ("depth", "did you mean model.a.b.depth?"),
        ("dept", "did you mean model.a.b.depth?"),
        ("sed", "did you mean model.seed?"),
        ("width", "the choices are a, c, lrs, seed"),  # two groups have it
    ],
)
def test_names_at_the_same_place_come_first(given: str, answer: str) -> None:
    assert suggest_setting(given, GROUPS, "model.") == answer
