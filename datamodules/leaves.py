"""Dead leaves: opaque shapes that fall onto each other until they cover the ground (Matheron 1968).

With radii of density r^-3 the picture looks alike at all scales, as photographs do (Lee, Mumford
and Huang 2001, "Occlusion Models for Natural Images").

N leaves; K lines that cut each of them; a square window of S x S pixels with centres at 0 to S - 1.
"""

from dataclasses import dataclass, fields
from math import log, pi

import numpy as np
from numpy.random import Generator

LINES = 6
DEPTH = 10  # disks over each pixel on average, of which cutting leaves six: e^-6 of it stays bare
CHUNK = 100_000  # leaves painted at a time, which bounds the memory


@dataclass(frozen=True)
class Leaves:
    """Shapes in the order in which they fall. Each is a disk, squashed, turned, and cut by lines.

    Attributes:
        x, y: Centres in pixels, float64 N.
        radius: Half of the longest diameter before lines cut it, float64 N.
        squash: Shortest diameter of the uncut shape over its longest, float64 N, in (0, 1].
        turn: Angle of the longest diameter, float64 N.
        line_angle: Directions of the lines' normals before the disk is squashed, float64 K x N.
        line_distance: Distances of the lines from the centre over the radius, float64 K x N. A
            line at 1 or beyond cuts nothing.
    """

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    squash: np.ndarray
    turn: np.ndarray
    line_angle: np.ndarray
    line_distance: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def where(self, kept: np.ndarray) -> "Leaves":
        """Return some of the leaves: those where `kept`, bool N, is true."""
        return Leaves(*(getattr(self, field.name)[..., kept] for field in fields(self)))


def draw_radii(count: int, low: float, high: float, random: Generator) -> np.ndarray:
    """Draw radii in [low, high] with density in proportion to r^-3: float64, `count`."""
    chance = random.random(count)
    return 1 / np.sqrt(low**-2 + chance * (high**-2 - low**-2))


def fall(side: int, low: float, high: float, random: Generator) -> Leaves:
    """Draw the leaves that hit a window.

    Args:
        side: S.
        low, high: The smallest and the largest radius, in pixels.
        random: The only source of randomness.
    """
    extended = side + 2 * high  # a leaf whose centre is farther away misses the window
    mean_square = 2 * log(high / low) / (low**-2 - high**-2)  # of the radius
    count = random.poisson(DEPTH * extended**2 / (pi * mean_square))
    radius = draw_radii(count, low, high, random)
    x, y = random.random((2, count)) * extended - high - 0.5
    half = side / 2
    away = np.maximum(np.abs(x + 0.5 - half), np.abs(y + 0.5 - half))
    x, y, radius = (part[away < half + radius] for part in (x, y, radius))
    return Leaves(x, y, radius, *_shapes(len(x), random))


def _shapes(count: int, random: Generator) -> tuple[np.ndarray, ...]:
    """Draw disks and ellipses, rectangles, and polygons of three to six sides, some of them round
    between the sides: squash, turn, line_angle and line_distance."""
    kind = random.integers(3, size=count)
    ellipse, rectangle = kind == 0, kind == 1
    sides = np.where(ellipse, 0, np.where(rectangle, 4, random.integers(3, LINES + 1, count)))
    line = np.arange(LINES)[:, None]
    jitter = np.where(rectangle, 0, random.random((LINES, count)) - 0.5)
    angle = 2 * pi * (line + 0.7 * jitter) / np.maximum(sides, 1)
    distance = np.where(rectangle, 0.5**0.5, 0.45 + 0.4 * random.random((LINES, count)))
    distance = np.where(line < sides, distance, np.inf)
    # Round or square is as likely as long; a twentieth of the length is the thinnest.
    squash = np.where(random.random(count) < 0.5, 1, 0.05 ** random.random(count))
    return squash, 2 * pi * random.random(count), angle, distance


def paint(leaves: Leaves, side: int) -> np.ndarray:
    """Find the topmost leaf at the centre of each pixel.

    Returns:
        Positions in `leaves`, intp S x S, and -1 where no leaf lies.
    """
    topmost = np.full(side * side, -1)
    for first in range(0, len(leaves), CHUNK):
        part = slice(first, first + CHUNK)
        owner, start, length = _spans(leaves, part, side)
        pixels = _counted_from(start, length)
        # Where a pixel comes several times, numpy leaves the last value: that of the topmost leaf.
        topmost[pixels] = np.repeat(owner, length)
    return topmost.reshape(side, side)


def _spans(leaves: Leaves, part: slice, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut leaves into rows of pixels. A leaf is convex, so a row of it has no gap.

    Returns:
        By row, the leaf, the position of the first pixel in the window, and the number of pixels.
    """
    x, y, radius, squash = (
        values[part] for values in (leaves.x, leaves.y, leaves.radius, leaves.squash)
    )
    cos, sin = np.cos(leaves.turn[part]), np.sin(leaves.turn[part])
    tall = radius * np.hypot(sin, squash * cos)
    top = np.clip(np.ceil(y - tall), 0, side).astype(np.intp)
    rows = np.maximum(np.clip(np.floor(y + tall), -1, side - 1).astype(np.intp) - top + 1, 0)
    own = np.repeat(np.arange(len(x)), rows)  # of each row, its leaf
    row = _counted_from(top, rows)
    down = row - y[own]
    # (u, v) are coordinates in which a leaf is the unit disk: u = ux dx + uy dy, and v alike.
    ux, uy, vx, vy = cos / radius, sin / radius, -sin / (radius * squash), cos / (radius * squash)
    square = ux**2 + vx**2  # u² + v² <= 1 as a quadratic inequality in dx
    middle = (-(ux * uy + vx * vy) / square)[own] * down
    rest = (uy**2 + vy**2)[own] * down**2 - 1
    half = np.sqrt(np.maximum(middle**2 - rest / square[own], 0))
    low, high = middle - half, middle + half
    for angle, distance in zip(
        leaves.line_angle[:, part], leaves.line_distance[:, part], strict=True
    ):
        normal_u, normal_v = np.cos(angle), np.sin(angle)
        across, along = normal_u * ux + normal_v * vx, normal_u * uy + normal_v * vy
        end = (distance / across)[own] - (along / across)[own] * down
        forward = (across > 0)[own]
        high = np.where(forward, np.minimum(high, end), high)
        low = np.where(forward, low, np.maximum(low, end))
    left = np.clip(np.ceil(x[own] + low), 0, side).astype(np.intp)
    right = np.clip(np.floor(x[own] + high), -1, side - 1).astype(np.intp)
    return own + part.start, row * side + left, np.maximum(right - left + 1, 0)


def _counted_from(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return start, start + 1, ..., start + length - 1 of each pair, one after the other."""
    ends = np.cumsum(length)
    offset = start - (ends - length)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(offset, length)
