"""Levels between epochs, tables and curves, against numbers that were worked out by hand."""

from typing import Any

import numpy as np
import pytest

from benchmarks.time_to_quality import report


def points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [
        {"step": 10.0 * number, "seconds": seconds, "psnr": psnr}
        for number, (seconds, psnr) in enumerate(pairs, 1)
    ]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (17.0, 10.0),  # before the first epoch has ended
        (18.0, 10.0),
        (18.5, 15.0),  # half of the way from 18 dB at 10 s to 19 dB at 20 s
        (18.75, 17.5),
        (19.0, 20.0),
        (19.2, 38.0),  # after a fall to 18.8 dB at 30 s, half of the way to 19.6 dB at 46 s
        (19.6, 46.0),
        (19.61, None),
    ],
)
def test_a_curve_is_straight_between_epochs(level: float, expected: float | None) -> None:
    curve = points((10, 18), (20, 19), (30, 18.8), (46, 19.6))
    assert report.seconds_to(level, curve) == (expected and pytest.approx(expected))


RESULTS: dict[str, Any] = {
    "levels": [18.5, 19.5],
    "contestants": {"default": [], "fast": ["experiment=x"], "to come": []},
    "runs": [
        {"contestant": "default", "seed": 0, "points": points((10, 18), (20, 19), (30, 20))},
        {"contestant": "fast", "seed": 0, "points": points((4, 19.0), (8, 19.4))},
        {"contestant": "default", "seed": 1, "points": points((12, 18), (24, 19), (36, 19.2))},
    ],
}


def test_the_table_has_means_over_seeds_and_says_how_many_have_reached_a_level() -> None:
    made = report.table(RESULTS)
    assert made.header == [
        "contestant", "seeds", "s to 18.5 dB", "s to 19.5 dB", "final dB", "s in all",
    ]  # fmt: skip
    assert made.rows == [
        # 15 and 18 s, whose standard deviation is 3 / sqrt(2); then 20 and 19.2 dB, 30 and 36 s
        ["default", "2", "16.5 ± 2.1", "– (1 of 2)", "19.60 ± 0.57", "33.0 ± 4.2"],
        ["fast", "1", "4.0", "– (0 of 1)", "19.40", "8.0"],
    ]


def test_the_plot_has_the_means_the_seeds_and_the_levels() -> None:
    figure = report.plot(RESULTS)
    (axis,) = figure.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == (
        "seconds of training",
        "PSNR (dB), test images",
    )
    (legend,) = figure.legends
    shown = {text.get_text() for text in legend.get_texts()}
    assert shown == {"default, mean of 2 seeds", "fast"}
    lines = {line.get_label(): line for line in axis.get_lines()}
    mean = lines["default, mean of 2 seeds"]
    assert np.asarray(mean.get_xdata()) == pytest.approx([11, 22, 33])
    assert np.asarray(mean.get_ydata()) == pytest.approx([18, 19, 19.6])
    assert len(axis.get_lines()) == 2 + 2 + 2  # of the seeds of one, the means, the levels
    assert [text.get_text() for text in axis.texts] == ["18.5 dB", "19.5 dB"]
    assert axis.get_ylim()[0] < 18


def test_a_curve_that_begins_far_below_the_levels_is_cut_unless_it_stays_there() -> None:
    low = {"contestant": "fast", "seed": 0, "points": points((4, 3.0), (8, 19.4))}
    (axis,) = report.plot(RESULTS | {"runs": [low]}).axes
    assert axis.get_ylim()[0] == 18.5 - report.MOST_BELOW
    (axis,) = report.plot(RESULTS | {"runs": [low], "levels": [25.0]}).axes
    assert axis.get_ylim()[0] < 3
