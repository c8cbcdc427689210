"""Shapes drawn by code: signed distances on the grid of pixel centres, painted over each other.

A signed distance is negative inside of its shape. A `Sketch` paints shapes with anti-aliased edges
and shaded cloth, then marks them. One pass of tensor operations draws many pictures at once.

N images, H x W = 28 x 28 pixels. The picture spans [-1, 1], x to the right and y downwards. Random
numbers have the shape N 1 1; coordinates, distances and tones are N H W.
"""

from functools import reduce
from itertools import pairwise
from math import pi

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

SIZE = 28

Number = float | Tensor  # one for all images, or one per image or pixel
Pair = tuple[Number, Number]


class Sketch:
    """N pictures in the making, and the random numbers that shape them.

    Attributes:
        x, y: Coordinates, slightly shifted, turned, sheared and scaled per image.
        picture: Grey values in [0, 1].
        body: How much of each pixel the shapes cover so far, in [0, 1]. Marks stay inside it.
    """

    def __init__(self, count: int, generator: Generator) -> None:
        self.count, self.generator = count, generator
        # float64: a last digit that differs between CPUs or thread counts is lost in 8 bits.
        axis = (torch.arange(SIZE, dtype=torch.float64) + 0.5) * 2 / SIZE - 1
        x, y = axis + self.uniform(-0.03, 0.03), axis[:, None] + self.uniform(-0.03, 0.03)
        turn, shear = self.uniform(-0.05, 0.05), self.uniform(-0.04, 0.04)
        self.x = (x + (turn + shear) * y) * self.uniform(0.95, 1.05)
        self.y = (y - turn * x) * self.uniform(0.96, 1.02)
        self.rim = self.uniform(-0.1, 0.3)  # how much darker a shape is at its edge
        self.picture = torch.zeros(count, SIZE, SIZE, dtype=torch.float64)
        self.body = torch.zeros_like(self.picture)

    def random(self, *shape: int) -> Tensor:
        shape = (self.count, *shape)
        return torch.rand(shape, generator=self.generator, dtype=torch.float64)

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * self.random(1, 1)

    def chance(self, probability: float) -> Tensor:
        """Draw 1 with this probability, else 0."""
        return (self.random(1, 1) < probability).double()

    def clouds(self, cells: int) -> Tensor:
        """Draw smooth noise in [-1, 1]: a random grid of cells x cells, enlarged to the picture."""
        noise = self.random(1, cells, cells) * 2 - 1
        return interpolate(noise, (SIZE, SIZE), mode="bilinear")[:, 0]

    def cloth(self, stripes: float = 0.2, checks: float = 0.06, prints: float = 0.3) -> Tensor:
        """Draw tones of a lit and folded cloth, given the probabilities of its patterns."""
        light = 1 + self.uniform(-0.15, 0.15) * self.x + self.uniform(-0.15, 0.15) * self.y
        shade = 1 - 0.7 * self.random(1, 1) ** 1.6  # more are bright than dark
        tone = shade * (light + self.uniform(0.05, 0.25) * self.clouds(9))
        # Stripes run either way; checks have both. Some cloth is cut on the bias.
        bias, check = self.chance(0.15) * self.uniform(-0.8, 0.8), self.chance(checks)
        for across, along in ((self.y, self.x), (self.x, -self.y)):
            depth = torch.maximum(self.chance(stripes), check) * self.uniform(0.1, 0.4)
            waves = (across + bias * along) / self.uniform(0.16, 0.6) + self.random(1, 1)
            tone = tone * (1 + depth * (2 * (2 * pi * waves).sin()).clamp(-1, 1))
        flowers = (1.5 * self.clouds(20) + 1.5 * self.clouds(10)).clamp(-1, 1)
        tone = tone * (1 + self.chance(prints) * self.uniform(0.2, 0.55) * flowers)
        weave = 1 + self.uniform(0, 0.05) * self.clouds(SIZE)
        return (tone * weave).clamp(0.05, 1)

    def paint(self, distance: Tensor, tone: Number, shown: Number = 1.0) -> None:
        """Lay a shape over the picture, shaded towards its edge."""
        cover = coverage(distance) * shown
        shaded = (tone * (1 - self.rim * (1 + distance / 0.15).clamp(0, 1))).clamp(0.04, 1)
        self.picture = torch.lerp(self.picture, shaded, cover)
        self.body = torch.maximum(self.body, cover)

    def mark(self, distance: Tensor, tone: Number, shown: Number = 1.0) -> None:
        """Draw a seam, a button or a print on what has been painted, and nowhere else."""
        ink = torch.as_tensor(tone).clamp(0, 1) * self.body
        self.picture = torch.lerp(self.picture, ink, coverage(distance) * shown)

    def cut(self, distance: Tensor) -> None:
        keep = 1 - coverage(distance)
        self.picture, self.body = self.picture * keep, self.body * keep


def coverage(distance: Tensor) -> Tensor:
    """Return how much of each pixel a shape covers. Its edge is one pixel wide."""
    return (0.5 - distance * SIZE / 2).clamp(0, 1)


def overlap(*distances: Tensor) -> Tensor:
    return reduce(torch.maximum, distances)


def line(position: Tensor, half_width: Number) -> Tensor:
    """Return the line where a coordinate, or the distance to a shape, is 0."""
    return position.abs() - half_width


def repeat(position: Tensor, step: Number) -> Tensor:
    """Return the coordinate relative to the nearest multiple of a step."""
    return position - step * (position / step).round()


def box(x: Tensor, y: Tensor, half_width: Number, half_height: Number) -> Tensor:
    return torch.maximum(x.abs() - half_width, y.abs() - half_height)


def ellipse(x: Tensor, y: Tensor, half_width: Number, half_height: Number) -> Tensor:
    """Return a distance that is exact on the outline, and approximate elsewhere."""
    unit = torch.minimum(torch.as_tensor(half_width), torch.as_tensor(half_height))
    return (((x / half_width).square() + (y / half_height).square()).sqrt() - 1) * unit


def limb(x: Tensor, y: Tensor, start: Pair, end: Pair, radii: Pair) -> Tensor:
    """Return a straight tube with a round start, a flat end, and a radius for each of them."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = torch.as_tensor(dx * dx + dy * dy).sqrt()
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
    part = (along / length).clamp(0, 1)
    away = torch.hypot(x - start[0] - part * dx, y - start[1] - part * dy)
    return torch.maximum(away - radii[0] - (radii[1] - radii[0]) * part, along - length)


def curve(at: Tensor, *knots: Pair) -> Tensor:
    """Return a smooth curve through knots (position, value), level at each and beyond the ends."""
    result = torch.zeros_like(at) + knots[0][1]
    for (left, low), (right, high) in pairwise(knots):
        part = ((at - left) / (right - left)).clamp(0, 1)
        result = result + (high - low) * part.square() * (3 - 2 * part)
    return result
