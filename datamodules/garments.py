"""Procedural garments: grey pictures in the ten classes and the style of Fashion-MNIST.

A garment is a few shapes with seams, buttons, laces and prints on them. Every length, tone and
texture is a random number per image. Shapes and coordinates are those of `datamodules.shapes`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from datamodules.shapes import SIZE, Sketch, box, curve, ellipse, limb, line, overlap, repeat

CHUNK = 256  # images drawn at once: their tensors stay in the cache

Range = tuple[float, float]


def draw_garments(labels: Tensor, generator: Generator) -> Tensor:
    """Draw one garment per label.

    Args:
        labels: int64 N, on the CPU. Each is an index of `DRAWERS`.
        generator: The only source of randomness. The same labels and the same state of the
            generator give the same bits.

    Returns:
        uint8 N 1 H W: bright garments on a background that is exactly 0.
    """
    images = torch.zeros(len(labels), 1, SIZE, SIZE, dtype=torch.uint8)
    for label, draw in enumerate(DRAWERS):
        rows = (labels == label).nonzero()[:, 0]
        for first in range(0, len(rows), CHUNK):
            chunk = rows[first : first + CHUNK]
            sketch = Sketch(len(chunk), generator)
            draw(sketch)
            images[chunk, 0] = (sketch.picture * 255).round().to(torch.uint8)
    return images


class Style(NamedTuple):
    """Ranges of lengths and probabilities that tell garments for the upper body apart."""

    chest: Range  # half width
    hem: Range  # half width, relative to the chest
    end: Range  # y of the hem
    sleeves: tuple[float, float]  # long, short; the others have none
    front: float = 0.0  # a collar and a placket or zip
    ribs: float = 0.0  # at hem and cuffs
    logo: float = 0.0
    skirt: float = 0.0  # a narrow waist, and pleats or a belt
    patterns: tuple[float, float, float] = (0.22, 0.06, 0.3)  # as `Sketch.cloth` takes them


T_SHIRT = Style((0.44, 0.56), (0.9, 1.1), (0.8, 0.98), (0, 0.9), front=0.03, ribs=0.1, logo=0.4)
PULLOVER = Style((0.46, 0.58), (0.85, 1), (0.75, 0.95), (1, 0), ribs=0.7, logo=0.25)
DRESS = Style((0.28, 0.38), (0.9, 1.9), (0.92, 0.98), (0.25, 0.35), front=0.03, skirt=0.5)
COAT = Style(
    (0.5, 0.6),
    (1, 1.2),
    (0.88, 0.98),
    (1, 0),
    front=1,
    ribs=0.2,
    skirt=0.1,
    patterns=(0.1, 0.08, 0.15),
)
SHIRT = Style(
    (0.4, 0.5), (0.9, 1.1), (0.88, 0.98), (0.55, 0.4), front=0.9, patterns=(0.25, 0.3, 0.3)
)


def top(s: Sketch, style: Style) -> None:
    """Draw a garment for the upper body from the front: symmetric except for cloth and marks."""
    side, cloth = s.x.abs(), s.cloth(*style.patterns)
    chest, hem_y, shoulder_y = s.uniform(*style.chest), s.uniform(*style.end), -0.94
    kind = s.random(1, 1)
    long, sleeved = (kind < style.sleeves[0]).double(), (kind < sum(style.sleeves)).double()
    neck, slope = s.uniform(0.16, 0.26) + 0.08 * (1 - sleeved), s.uniform(0.2, 0.45)

    # The sleeves come first: the body lies over them and throws a shadow.
    start = chest - 0.1, shoulder_y + 0.15 + slope * (chest - 0.1 - neck)
    reach = torch.lerp(s.uniform(0.2, 0.5), s.uniform(1.35, 1.65), long)
    cuff = torch.lerp(s.uniform(0.14, 0.2), s.uniform(0.09, 0.13), long)
    end = start[0] + s.uniform(0.21, 0.36), start[1] + reach
    sleeve = limb(side, s.y, start, end, (s.uniform(0.15, 0.19), cuff))
    s.paint(sleeve, cloth * s.uniform(0.75, 1.1), sleeved)
    ribs = s.chance(style.ribs)
    s.mark(end[1] - 0.14 - s.y, 0.75 * cloth, ribs)
    waist, hem = chest * s.uniform(0.85 - 0.3 * style.skirt, 1), chest * s.uniform(*style.hem)
    width = curve(s.y, (-0.75, chest - 0.04), (-0.3, chest), (0.1, waist), (hem_y, hem))
    shoulders = shoulder_y + slope * (side - neck)
    body = overlap(side - width, shoulders - s.y, s.y - hem_y - s.uniform(-0.05, 0.05) * side)
    s.mark(body - 0.05, 0.4 * cloth, s.random(1, 1))
    s.paint(body, cloth)
    s.mark(overlap(body, hem_y - 0.12 - s.y), cloth * s.uniform(0.6, 1.2), ribs)
    pleats = 1 + s.uniform(0, 0.2) * (side * s.uniform(20, 40)).sin()
    s.mark(overlap(body, 0.15 - s.y), cloth * pleats, s.chance(style.skirt))
    belt = line(s.y - s.uniform(-0.1, 0.15), s.uniform(0.03, 0.06))
    s.mark(belt, s.random(1, 1), s.chance(0.7 * style.skirt))

    # The neckline, round or pointed, shows the inside of the back.
    depth = s.uniform(0.08, 0.35)
    pointed = (side / neck + (s.y - shoulder_y) / depth - 1) * 0.12
    hole = torch.lerp(pointed, ellipse(s.x, s.y - shoulder_y, neck, depth), s.chance(0.65))
    s.mark(line(hole, 0.05), cloth * s.uniform(0.6, 1.3), s.chance(0.7))
    inside = s.picture * s.uniform(0.3, 0.7)
    s.cut(hole)
    s.paint(overlap(hole, shoulder_y + 0.02 - s.y), inside)

    # The front: a collar, a line down the middle with buttons, pockets.
    front, ink, middle = s.chance(style.front), s.random(1, 1), s.x - s.uniform(-0.03, 0.03)
    collar = limb(side, s.y, (neck - 0.05, -0.92), (s.uniform(0.03, 0.3), -0.55), (0.07, 0.09))
    s.mark(collar, cloth * s.uniform(0.8, 1.3), front)
    s.mark(line(collar, 0.02), 0.5 * cloth, front * s.uniform(0.3, 1))
    s.mark(line(middle, s.uniform(0.02, 0.06)), cloth * s.uniform(0.4, 1.3), front)
    buttons = ellipse(middle, repeat(s.y, s.uniform(0.2, 0.4)), 0.05, 0.05)
    s.mark(overlap(buttons, -0.6 - s.y), ink, front * s.chance(0.6))
    pocket = box(side - 0.6 * chest, s.y - s.uniform(-0.35, 0.5), 0.12, s.uniform(0.02, 0.12))
    s.mark(line(pocket, 0.025), 0.55 * cloth, front * s.chance(0.5))
    letters = (0.5 + 2.5 * s.clouds(14)).clamp(0, 1)
    logo = box(s.x, s.y + s.uniform(0.1, 0.35), s.uniform(0.12, 0.3), s.uniform(0.06, 0.25))
    s.mark(logo, ink, letters * s.chance(style.logo))


def trouser(s: Sketch) -> None:
    side, cloth = s.x.abs(), s.cloth()
    hip, crotch, end = s.uniform(0.32, 0.45), s.uniform(-0.5, -0.2), s.uniform(0.85, 0.98)
    outer = curve(s.y, (-1, hip - s.uniform(0.02, 0.08)), (-0.4, hip), (1, s.uniform(0.32, 0.5)))
    inner = curve(s.y, (crotch, -0.02), (crotch + 0.4, 0.05), (1, s.uniform(0.08, 0.2)))
    gap = torch.minimum(inner - side, s.y - crotch)
    s.paint(overlap(side - outer, gap, -0.97 - s.y, s.y - end), cloth)
    crease = line(side - (inner + outer) / 2, s.uniform(0, 0.05))
    s.mark(crease, cloth * s.uniform(0.75, 1.4), s.uniform(0, 0.7))
    s.mark(overlap(line(s.x, 0.02), s.y - crotch), 0.5 * cloth, s.uniform(0.3, 1))
    s.mark(line(s.y + s.uniform(0.8, 0.88), 0.02), 0.6 * cloth, s.uniform(0.2, 1))
    slit = limb(side, s.y, (hip - 0.15, -0.85), (hip, -0.6), (0.03, 0.03))
    s.mark(slit, 0.5 * cloth, s.chance(0.6))
    s.mark(line(s.y - end + 0.06, 0.025), 0.7 * cloth, s.chance(0.4))


def sole(s: Sketch, ground: Tensor, lift: Tensor, heel: Tensor, wedge: Tensor) -> Tensor:
    """Paint the sole, and a heel that lifts the foot.

    Args:
        s: The sketch to paint on.
        ground: y of the ground under the toes.
        lift: How far the heel lifts the foot.
        heel: Half width of the heel.
        wedge: 1 where the sole is a wedge, 0 where it has a heel.

    Returns:
        y of the foot's underside.
    """
    thick = s.uniform(0.08, 0.2)
    foot = curve(s.x, (-0.95, ground - 0.04), (-0.7, ground), (-0.3, ground), (0.6, ground - lift))
    under = overlap(line(s.x, 0.95), line(s.y - foot - thick / 2, thick / 2))
    column = overlap(foot - s.y, s.y - ground - thick, s.x - 0.93)
    half = heel * (1 + 0.3 * (foot + 0.4 - s.y).clamp_min(0))  # narrower downwards
    block = overlap(column, line(s.x - 0.93 + half, half))
    block = torch.lerp(block, overlap(column, -0.3 - s.x), wedge)
    s.paint(torch.minimum(under, block), s.uniform(0.25, 1) * (1 + 0.15 * s.clouds(14)))
    s.mark(line(s.y - ground - thick / 2, 0.02), s.random(1, 1), s.chance(0.4))
    return foot


def sandal(s: Sketch) -> None:
    cloth, lift = s.cloth(), s.uniform(0.03, 0.15) + s.chance(0.5) * s.uniform(0.3, 0.85)
    ground = (lift + s.uniform(0.2, 0.5)) / 2
    foot = sole(s, ground, lift, s.uniform(0.03, 0.12), s.chance(0.35))
    # The straps are bands on the surface of a foot that is not there.
    instep = foot - curve(s.x, (-0.95, 0.15), (-0.2, 0.4), (0.3, 0.55), (0.9, 0.5))
    surface = overlap(instep - s.y, s.y - foot - 0.03, line(s.x, 0.93))
    for place, thin, share in ((-0.6, 0.11, 1), (-0.2, 0.07, 0.6), (0.2, 0.05, 0.4)):
        slanted = s.x - s.uniform(place - 0.15, place + 0.15) + s.uniform(-0.2, 0.7) * (s.y - foot)
        strap = overlap(line(slanted, s.uniform(thin, 2 * thin)), surface)
        s.paint(strap, cloth, s.chance(share))
    ridge = overlap(line(s.y - instep, 0.06), line(s.x - s.uniform(-0.3, 0), s.uniform(0.3, 0.6)))
    s.paint(ridge, cloth * s.uniform(0.7, 1.1), s.chance(0.55))
    ankle = s.y - foot + s.uniform(0.3, 0.5)
    around = line(ankle + s.uniform(-0.2, 0.2) * (s.x - 0.6), s.uniform(0.05, 0.09))
    behind = overlap(line(s.x - 0.85, s.uniform(0.06, 0.14)), -ankle, s.y - foot)
    loop = torch.minimum(overlap(around, line(s.x - 0.55, 0.38)), behind)
    s.paint(loop, cloth * s.uniform(0.7, 1.1), s.chance(0.75))
    s.mark(ellipse(s.x - s.uniform(0.3, 0.6), ankle, 0.06, 0.06), 1.0, s.chance(0.5))


def sneaker(s: Sketch) -> None:
    cloth, height, throat = s.cloth(0.05, 0.02, 0.1), s.uniform(0.55, 0.85), s.uniform(0, 0.3)
    ground, tongue = height / 2 - 0.02, height - s.uniform(0, 0.12)
    toe, dip, back = s.uniform(0.2, 0.3), tongue * s.uniform(0.7, 0.95), height - s.uniform(0, 0.15)
    rise = curve(s.x, (-1, 0.1), (-0.65, toe), (throat, tongue), (throat + 0.35, dip), (0.9, back))
    down = s.y - ground + rise  # from the upper edge
    s.paint(overlap(-down, s.y - ground - 0.05, line(s.x, 0.95)), cloth)
    for end, width, tall in ((-0.95, s.uniform(0.3, 0.5), 0.28), (0.95, s.uniform(0.2, 0.4), 0.6)):
        cap = ellipse(s.x - end, s.y - ground, width, tall)
        s.mark(cap, cloth * s.uniform(0.5, 1.3), s.chance(0.5))
    laces = line(repeat(s.x, s.uniform(0.11, 0.17)), 0.035)
    laces = overlap(laces, down - 0.22, line(s.x - throat + 0.25, 0.25))
    s.mark(laces, s.random(1, 1), s.chance(0.8))
    s.mark(line(down - s.uniform(0.06, 0.1), 0.02), 0.5 * cloth, s.chance(0.5))
    slanted, gap = s.x + s.uniform(0.3, 1.2) * s.y - s.uniform(0, 0.3), s.uniform(0.15, 0.25)
    stripes = overlap(line(repeat(slanted, gap), s.uniform(0.03, 0.06)), line(slanted, 1.5 * gap))
    s.mark(overlap(stripes, 0.18 - down), s.random(1, 1), s.chance(0.5))
    sole(s, ground, s.uniform(0, 0.1), s.uniform(0.1, 0.3), s.chance(1))


def boot(s: Sketch) -> None:
    cloth, dark = s.cloth(0.03, 0.01, 0.06), s.uniform(0.3, 0.8)
    lift, ground = s.uniform(0.02, 0.12) + s.chance(0.5) * s.uniform(0.1, 0.5), s.uniform(0.65, 0.8)
    foot = sole(s, ground, lift, s.uniform(0.06, 0.22), s.chance(0.2))
    instep = ground - s.uniform(0.55, 0.75) - 0.8 * lift
    vamp = curve(s.x, (-1, ground - 0.12), (-0.75, ground - 0.3), (0.1, instep))
    shoe = overlap(vamp - s.y, line(s.x, 0.93))
    top_y, middle = s.y - s.uniform(-0.95, -0.5), s.x - s.uniform(0.45, 0.55)
    middle = middle - s.uniform(-0.12, 0.12) * (s.y - ground)
    shaft = overlap(line(middle, 0.42), -top_y)
    near = (0.3 - (shoe - shaft).abs()).clamp_min(0)  # round the corner between the two
    s.paint(overlap(torch.minimum(shoe, shaft) - near.square() / 1.2, s.y - foot - 0.03), cloth)
    s.mark(line(top_y - 0.1, 0.03), dark * cloth, s.chance(0.5))
    gore = ellipse(middle, top_y, s.uniform(0.12, 0.25), 0.6)
    s.mark(gore, cloth * s.uniform(0.4, 1.2), s.chance(0.35))
    s.mark(overlap(line(middle - 0.1, 0.025), s.y - foot + 0.25), dark * cloth, s.chance(0.35))
    laces = overlap(line(repeat(s.y, s.uniform(0.14, 0.22)), 0.04), line(middle + 0.3, 0.16))
    s.mark(overlap(laces, s.y - foot + 0.45), s.random(1, 1), s.chance(0.4))
    s.mark(line(ellipse(s.x + 0.9, s.y - ground, 0.45, 0.4), 0.02), dark * cloth, s.chance(0.4))
    s.mark(line(s.y - foot + 0.06, 0.025), dark * cloth, s.chance(0.5))
    s.mark(line(s.y - instep + 0.2 * s.x - 0.1, 0.05), s.random(1, 1), s.chance(0.25))


def bag(s: Sketch) -> None:
    cloth, dark, ink, held = s.cloth(), s.uniform(0.4, 0.8), s.random(1, 1), s.chance(0.8)
    half, tall = s.uniform(0.65, 0.95), s.uniform(0.4, 0.75)
    middle = s.y - held * (0.92 - tall)  # a clutch is in the middle, a handbag hangs low
    rim = middle + tall
    rise, wide = (1.82 - 2 * tall).minimum(s.uniform(0.3, 0.95)), half * s.uniform(0.35, 0.8)
    handle = line(ellipse(s.x, rim.clamp_max(0), wide, rise), s.uniform(0.03, 0.06))
    s.paint(overlap(handle, middle), cloth * s.uniform(0.6, 1.1), held)
    square = box(s.x, middle, half + s.uniform(-0.25, 0.15) * middle - 0.1, tall - 0.1) - 0.1
    dome = overlap(ellipse(s.x, middle - tall, half, 2 * tall), middle - tall)
    s.paint(torch.lerp(square, dome, s.chance(0.25)), cloth)
    fold = rim - tall * s.uniform(0.4, 1.2)
    flap = fold + s.uniform(0, 0.5) * s.x.abs()
    s.mark(flap, cloth * s.uniform(0.7, 1.3), s.chance(0.5))
    s.mark(line(flap, 0.03), dark * cloth, s.chance(0.7))
    s.mark(box(s.x, fold, s.uniform(0.04, 0.1), s.uniform(0.04, 0.1)), ink, s.chance(0.6))
    s.mark(line(rim - 0.1, 0.03), dark * cloth, s.chance(0.4))
    s.mark(line(s.x.abs() - half * s.uniform(0.5, 0.9), 0.03), dark * cloth, s.chance(0.4))
    pocket = box(s.x, middle - 0.4 * tall, half * s.uniform(0.4, 0.7), 0.4 * tall)
    s.mark(line(pocket, 0.025), dark * cloth, s.chance(0.35))


DRAWERS: tuple[Callable[[Sketch], None], ...] = (  # by label
    partial(top, style=T_SHIRT),
    trouser,
    partial(top, style=PULLOVER),
    partial(top, style=DRESS),
    partial(top, style=COAT),
    sandal,
    partial(top, style=SHIRT),
    sneaker,
    bag,
    boot,
)
