"""Where the noise curve says that the model is worse than doing nothing."""

import pytest

from reporting.figures import MODEL, NOISY, noise_curve


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
