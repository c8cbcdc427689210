"""Checkpoints that lack something, or have something odd, are refused in one line."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from cli.messages import is_users_mistake
from denoisers.checkpoint import load_model
from denoisers.resuming import read_resumable
from tests.helpers.hostile import altered, small
from tests.helpers.runs import contents, read, resume_in, score_in

SETTINGS = ("data", "noise", "objective", "trainer", "early_stopping")
ANY_DICT = [("callbacks",), *(("run", name) for name in SETTINGS)]
ENTRIES: list[tuple[str | int, ...]] = [
    ("run",),
    ("run", "format_version"),
    ("run", "model"),
    ("run", "data"),
    ("run", "noise"),
    ("run", "objective"),
    ("run", "trainer"),
    ("run", "early_stopping"),
    ("run", "seed"),
    ("run", "split"),
    ("run", "run_id"),
    ("hyper_parameters",),
    ("state_dict",),
    ("epoch",),
    ("loops",),
    ("loops", "fit_loop"),
    ("loops", "fit_loop", "epoch_loop.batch_progress"),
    ("callbacks",),
    ("optimizer_states",),
    ("optimizer_states", 0, "param_groups"),
    ("optimizer_states", 0, "param_groups", 0, "weight_decay"),
    ("optimizer_states", 0, "state", 0, "exp_avg"),
    ("optimizer_states", 0, "state", 12, "momentum_buffer"),
    ("lr_schedulers",),
    ("lr_schedulers", 0, "last_epoch"),
]


def reason_for(place: tuple[str | int, ...]) -> str:
    """Return the message for a checkpoint with another value, or none, in one place."""
    match place:
        case ("run",) | ("run", "format_version"):
            return "is not a checkpoint of this project$"
        case ("run", name):
            return f"is not a checkpoint of this project: its {name} is missing or of the wrong"
        case ("hyper_parameters",) | ("state_dict",):
            absent = f"is not a checkpoint of this project: its {place[0]} is missing or of the"
            unfit = "cannot be resumed: (.*argument 'a'|its model would have)"
            return f"({absent}|{unfit}|is refused: it holds the key 3)"
        case ("optimizer_states", _, "state", *_):
            return "cannot be resumed: (its optimizer's state does not fit|.* no attribute 'shape')"
        case ("optimizer_states",) | ("lr_schedulers",):
            return f"cannot be resumed: (its {place[0]} is|not enough values to unpack)"
    return rf"cannot be resumed: its {place[0]}[\w.]* (is|has another length)"


@pytest.mark.parametrize("place", ENTRIES, ids=lambda place: ".".join(map(str, place)))
def test_what_is_missing_or_of_another_type_is_one_line(
    place: tuple[str | int, ...], tmp_path: Path
) -> None:
    file = tmp_path / "odd.ckpt"
    missing = object()
    for value in (missing, None, [], [{}], (), torch.zeros(7), {"a": 1}, {3: {"b": None}}):
        if place in ANY_DICT and isinstance(value, dict):
            continue  # the tests below have this case
        content: Any = read(small().last)
        node = content
        for key in place[:-1]:
            node = node[key]
        if value is missing:
            del node[place[-1]]
        else:
            node[place[-1]] = value
        torch.save(content, file)
        with pytest.raises(ValueError, match=rf"odd.ckpt {reason_for(place)}") as caught:
            read_resumable(file, None)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", SETTINGS)
def test_odd_settings_are_one_line(name: str, tmp_path: Path) -> None:
    real = read(small().last)["run"][name]
    for part in ({"a": 1}, {3: 4}, {"b": torch.ones(1)}, {"_target_": 5}):
        file = altered(tmp_path / "odd.ckpt", "run", name, value=real | part)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            resume_in(tmp_path / "run", file, "trainer.max_epochs=9", "trainer.logger=false")
        assert is_users_mistake(caught.value), repr(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "place",
    [
        ("loops", "fit_loop", "epoch_progress"),
        ("loops", "fit_loop", "epoch_loop.batch_progress", "total"),
        ("callbacks", "best.ckpt"),
        ("callbacks", "History"),
    ],
)
def test_a_state_that_lightning_could_not_restore_is_one_line(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    file = altered(tmp_path / "odd.ckpt", *place, value={"a": 1})
    with pytest.raises(ValueError, match=r"odd.ckpt cannot be resumed: its (loops|callback)"):
        resume_in(tmp_path / "run", file, "trainer.max_epochs=9", "trainer.logger=false")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("best.ckpt", "best_model_score"), torch.ones(2)),
        (("best.ckpt", "best_model_score"), "high"),
        (("History", "rows"), [3]),
        (("History", "rows"), [{"epoch": 1, "step": "two"}]),
        (("History", "rows"), [{"step": 1}]),
        (("History", "rows"), [{"epoch": 1, "step": 1, 5: 1.0}]),
    ],
)
def test_what_the_callbacks_keep_is_checked(
    place: tuple[str, ...], value: Any, tmp_path: Path
) -> None:
    best, last = tmp_path / "best.ckpt", tmp_path / "last.ckpt"
    shutil.copy(small().best, best)
    altered(last, "callbacks", *place, value=value)
    with pytest.raises(ValueError, match=r"cannot be resumed: its (best score|history) is not"):
        resume_in(tmp_path / "run", last, "trainer.max_epochs=9", "trainer.logger=false")


@pytest.mark.parametrize("word", ["\x1b[2J", "\x07", "\r", "\ud800", "\x9b31m"])
def test_a_terminal_is_not_given_orders(word: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.ckpt"
    for place in (("run", "split"), ("run", "data", "root"), ("hyper_parameters", word)):
        altered(file, *place, value=word)
        for call in (load_model, partial(score_in, tmp_path / "run")):
            with pytest.raises(ValueError, match=r"odd.ckpt is refused: it holds '") as caught:
                call(file)
            assert str(caught.value).isprintable()
    assert list(contents(tmp_path)) == ["odd.ckpt"]
