"""Figures: what they say, and that their texts have room."""

import itertools

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reporting.figures import MODEL, NOISY, curves, noise_curve, strip


@pytest.mark.parametrize(
    ("measure", "model", "noisy", "shaded"),
    [
        ("psnr", 20.0, 10.0, False),
        ("psnr", 10.0, 20.0, True),
        ("gmsd", 0.1, 0.2, False),
        ("gmsd", 0.2, 0.1, True),
    ],
)
def test_the_panel_is_shaded_where_the_model_is_worse_than_the_noisy_input(
    measure: str, model: float, noisy: float, shaded: bool
) -> None:
    rows = [
        {"level": level, "method": method, measure: value}
        for level in (0.1, 0.2)
        for method, value in ((NOISY, noisy), (MODEL, model))
    ]
    (axis,) = noise_curve(rows, None, "std").axes
    labels = {part.get_label() for part in axis.collections}
    assert ("worse than doing nothing" in labels) == shaded


def _assert_nothing_is_cut_off(figure: Figure) -> None:
    """Assert that all that is drawn lies within the figure."""
    FigureCanvasAgg(figure).draw()
    box = figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= figure.get_figwidth()
    assert box.y1 <= figure.get_figheight()


@pytest.mark.parametrize(
    ("scale", "metrics"),
    [
        *((scale, ("loss", "psnr", "ssim", "mse")) for scale in (1e-7, 1.234e-4, -98765.4, 1.23e9)),
        (0.0123, ("loss",)),
    ],
)
def test_learning_curves_of_any_size_have_room_for_their_numbers(
    scale: float, metrics: tuple[str, ...]
) -> None:
    rows = [
        {
            "epoch": epoch,
            "seconds": 30,
            **{f"{stage}/{name}": scale * (1 + 0.001 * epoch) for name in metrics},
        }
        for epoch in range(3)
        for stage in ("train", "val")
    ]
    figure = curves(rows, "val/loss")
    _assert_nothing_is_cut_off(figure)
    boxes = [axis.get_tightbbox() for axis in figure.axes if axis.axison]
    assert len(boxes) == len(metrics)
    for first, second in itertools.combinations(boxes, 2):
        assert first is not None
        assert second is not None
        assert not first.overlaps(second)


def test_training_and_validation_have_their_colours_in_every_panel() -> None:
    rows = [
        {"epoch": epoch, "seconds": 30, "train/loss": 2.0, "val/loss": 1.0, "val/ssim": 0.5}
        for epoch in range(2)
    ]
    figure = curves(rows, "val/ssim")
    colours = {
        text.get_text(): line.get_color()
        for text, line in zip(
            figure.legends[0].get_texts(), figure.legends[0].get_lines(), strict=True
        )
    }
    assert colours["training"] != colours["validation"]
    drawn = {
        np.asarray(line.get_ydata()).item(0): line.get_color()
        for axis in figure.axes
        for line in axis.get_lines()
        if line.get_marker() == "o"
    }
    by_value = {2.0: "training", 1.0: "validation", 0.5: "validation"}
    assert drawn == {value: colours[name] for value, name in by_value.items()}


@pytest.mark.parametrize(
    ("seconds", "label", "last"),
    [
        ([20, 30, 40], "training time (s)", 90),
        ([60, 60, 120], "training time (min)", 4),
        ([3600, 7200, 1800], "training time (h)", 3.5),
    ],
)
def test_learning_curves_show_the_time_of_training_above(
    seconds: list[float], label: str, last: float
) -> None:
    rows = [{"epoch": 1 + n, "seconds": s, "val/psnr": 20.0} for n, s in enumerate(seconds)]
    figure = curves(rows, "val/psnr")
    figure.draw_without_rendering()
    (above,) = figure.axes[0].child_axes
    assert above.get_xlabel() == label
    # Beyond the last epoch, which ends at the whole time, it goes on as before
    beyond = (figure.axes[0].get_xlim()[1] - 3) / 3
    assert 0 < beyond < 0.2
    slope = seconds[-1] * last / sum(seconds)
    assert above.get_xlim()[1] == pytest.approx(last + 3 * beyond * slope)


@pytest.mark.parametrize("shape", [(28, 28), (1, 40), (40, 1)])
@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize(
    ("names", "columns", "captions"),
    [
        (("clean", "noisy", "std of draws\n(x 10)"), ["Ankle boot"], ["T-shirt/top\n12.3 dB"]),
        (("to image 2", "to image 3"), [], []),
    ],
)
def test_strips_of_any_shape_have_room_for_their_texts(
    names: tuple[str, ...],
    columns: list[str],
    captions: list[str],
    count: int,
    shape: tuple[int, int],
) -> None:
    rows = {name: torch.rand(count, 1, *shape) for name in names}
    figure = strip(rows, count * columns, {names[-1]: count * captions} if captions else None)
    _assert_nothing_is_cut_off(figure)
