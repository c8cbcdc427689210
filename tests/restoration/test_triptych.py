"""The triptych shows the pictures, side by side, and what was taken away around middle grey."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoration import triptych


def pictures(channels: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy picture and the even one below it."""
    noise = np.random.default_rng(0).normal(size=(channels, height, width)) / 25
    even = np.full((channels, height, width), 0.25, np.float32)
    return (even + noise).astype(np.float32), even


def panels(path: Path) -> list[np.ndarray]:
    sheet = np.asarray(Image.open(path))
    gap, third = triptych.GAP, (sheet.shape[1] - triptych.GAP) // 3
    return [sheet[triptych.CAPTION :, gap + i * third : (i + 1) * third] for i in range(3)]


@pytest.mark.parametrize("channels", [1, 3])
def test_panels_are_the_pictures(channels: int, tmp_path: Path) -> None:
    noisy, restored = pictures(channels, 200, 300)
    triptych.write(tmp_path / "t.png", noisy, restored)
    shown = [panel[:200, :300] for panel in panels(tmp_path / "t.png")]
    gain = triptych.stronger(noisy - restored)
    assert gain == round(0.5 / 3 * 25)
    expected = noisy, restored, 0.5 + gain * (noisy - restored)
    for panel, right in zip(shown, expected, strict=True):
        colours = np.broadcast_to(right, (3, 200, 300)).clip(0, 1) * 255
        assert np.abs(panel.transpose(2, 0, 1) - colours).max() <= 0.51


def test_a_large_picture_also_shows_its_middle(tmp_path: Path) -> None:
    side = triptych.SIDE
    noisy, restored = pictures(1, 2 * side, 3 * side)
    triptych.write(tmp_path / "t.png", noisy, restored)
    whole = round(side * 2 / 3)  # rows of the shrunk picture
    middle = panels(tmp_path / "t.png")[0][whole + triptych.GAP :][:side, :side, 0]
    right = noisy[0, side // 2 : side // 2 + side, side : 2 * side] * 255
    assert np.abs(middle - right).max() <= 0.51


def test_small_pixels_become_squares(tmp_path: Path) -> None:
    noisy, restored = pictures(1, 28, 28)
    triptych.write(tmp_path / "t.png", noisy, restored)
    factor = triptych.SMALL // 28
    for panel, right in zip(panels(tmp_path / "t.png"), (noisy, restored), strict=False):
        left = (panel.shape[1] - 28 * factor) // 2
        square = panel[: 28 * factor, left : left + 28 * factor, 0]
        # One place may be off, since the panel may lie half a pixel to the left.
        assert np.abs(square[::factor, factor // 2 :: factor] - right[0] * 255).max() <= 0.51


def test_what_was_hardly_changed_is_not_blown_up() -> None:
    assert triptych.stronger(np.zeros((1, 8, 8), np.float32)) == triptych.MOST
    assert triptych.stronger(np.full((1, 8, 8), 0.3, np.float32)) == triptych.MOST
    assert triptych.stronger(np.array([[[-1, 1]]], np.float32)) == 1
