"""Pictures of dead leaves: what the shapes of `leaves` look like, and how a lens sees them.

N leaves; C channels; S x S pixels of the picture, which is drawn on a grid twice as fine.
"""

from math import pi

import numpy as np
from numpy.random import Generator
from scipy.fft import fftfreq, irfft2, rfftfreq
from scipy.ndimage import gaussian_filter, zoom

from datamodules.leaves import Leaves, fall, paint

FINE = 2  # pixels of the fine grid on a pixel's side
COARSE = 4  # pixels of the fine grid on a side of the background's, which is out of focus
PALETTE = (3, 12)  # colours around which a picture's leaves lie
# Luminance, and the two directions in which the colours of photographs vary most beside it (Ohta
# et al. 1980): between red and blue, and between green and both.
AXES = np.array([[1, 1, 1], [1, 0, -1], [-0.5, 1, -0.5]])
GREENISH = 0.4  # variation along the last axis, relative to that along the one before
CALMEST = 64  # times the smallest radius of all, the smallest one in the calmest thing
FIELDS = 3  # of noise in a picture, each with a spectrum of its own


def draw_picture(
    side: int, channels: int, min_radius: float, max_radius: float, random: Generator
) -> np.ndarray:
    """Draw a picture.

    Args:
        side: S.
        channels: C, 1 for grey and 3 for colour.
        min_radius, max_radius: The range of the leaves' radii, in pixels of the picture.
        random: The only source of randomness.

    Returns:
        uint8 C S S.
    """
    fine = FINE * side
    palette = _palette(channels, random)
    low, high = FINE * min_radius, FINE * max_radius
    picture = _leaves(fine, palette, low, high, random)
    if random.random() < 0.5:
        background = _out_of_focus(fine, palette, low, high, random)
        front = fall(fine, fine / 20, fine, random)
        shown = np.append(random.random(len(front)) < 0.5, False)[paint(front, fine)]
        picture = np.where(shown, background, picture)
    seen = expose(picture, blur=random.uniform(0.2, 0.7))
    return np.rint(seen.clip(0, 1) * 255).astype(np.uint8)


def expose(picture: np.ndarray, blur: float) -> np.ndarray:
    """Blur as a lens does, then average the light on each pixel, so that edges have no steps.

    Args:
        picture: C x FINE S x FINE S.
        blur: Standard deviation of the lens's blur in pixels.

    Returns:
        C S S.
    """
    seen = np.stack([gaussian_filter(plane, FINE * blur, mode="nearest") for plane in picture])
    channels, height, width = seen.shape
    return seen.reshape(channels, height // FINE, FINE, width // FINE, FINE).mean((2, 4))


def _out_of_focus(
    side: int, palette: np.ndarray, low: float, high: float, random: Generator
) -> np.ndarray:
    coarse = -(-side // COARSE)
    picture = _leaves(coarse, palette, max(low / COARSE, 0.5), high / COARSE, random)
    blur = 2.0 ** random.uniform(-0.5, 2.5)
    planes = [gaussian_filter(plane, blur, mode="nearest") for plane in picture]
    return np.stack([zoom(plane, COARSE, order=1)[:side, :side] for plane in planes])


def _leaves(
    side: int, palette: np.ndarray, low: float, high: float, random: Generator
) -> np.ndarray:
    """Draw leaves that are all in focus: float32 C side side, most of it in [0, 1].

    They belong to things, which are large leaves themselves: the leaves of a thing have colours
    like each other, and none is smaller than the thing's own limit. So some things are calm.
    """
    things = fall(side, side / 16, side, random)
    thing = paint(things, side)  # -1, the ground, is one too
    limit = low * CALMEST ** random.random(len(things) + 1)
    leaves = fall(side, low, high, random)
    centre = tuple(np.rint(part).astype(int).clip(0, side - 1) for part in (leaves.y, leaves.x))
    own = thing[centre]
    kept = leaves.radius > limit[own]
    leaves, own = leaves.where(kept), np.append(own[kept], -1)  # the last is the ground
    weight = random.dirichlet(np.ones(len(palette)))
    near = palette[random.choice(len(palette), len(things) + 1, p=weight)][own]
    colour, other = _colours(near, random), _colours(near, random)
    contrast = 2.0 ** random.uniform(-3, 1.5, (len(own), 1))
    step = contrast * (other - colour)
    topmost = paint(leaves, side)
    pattern = _pattern(topmost, leaves, side, random)
    return np.stack(
        [
            at.astype(np.float32)[topmost] + by.astype(np.float32)[topmost] * pattern
            for at, by in zip(colour.T, step.T, strict=True)
        ]
    )


def _palette(channels: int, random: Generator) -> np.ndarray:
    """Draw the colours of a picture, and the spread of leaves' colours around each.

    Returns:
        float64 P x 2 x C: means and standard deviations, along `AXES` for three channels.
    """
    count = random.integers(*PALETTE)
    luminance = random.beta(1.1, 1.4, count)
    spread = random.uniform(0.02, 0.15, count)
    if channels == 1:
        return np.stack((luminance, spread), 1)[..., None]
    chroma = 0.01 * 20 ** random.random() * random.standard_normal((2, count))
    means = np.stack((luminance, chroma[0], GREENISH * chroma[1]), 1)
    spreads = np.stack((spread, 0.2 * spread, 0.2 * GREENISH * spread), 1)
    return np.stack((means, spreads), 1)


def _colours(near: np.ndarray, random: Generator) -> np.ndarray:
    """Draw a colour near to each of some of the palette's, N x 2 x C: float64 N x C in [0, 1]."""
    mean, spread = near.swapaxes(0, 1)
    colours = mean + spread * random.standard_normal(mean.shape)
    if colours.shape[1] == 3:
        colours = colours @ AXES
    return colours.clip(0, 1)


def _pattern(topmost: np.ndarray, leaves: Leaves, side: int, random: Generator) -> np.ndarray:
    """Draw what varies inside of leaves: float32 S S, mostly in [-1, 1], by pixel of the fine grid.

    Each leaf has a mixture of a gradient, a wave, and noise of spectrum f^-slope, which also bends
    the wave.
    """
    count = len(leaves) + 1
    x, y, radius = (
        np.append(part, last)
        for part, last in ((leaves.x, side / 2), (leaves.y, side / 2), (leaves.radius, side))
    )
    share = random.dirichlet((0.3, 0.2, 0.6), count).T  # of one leaf, mostly one of the three
    turn, phase = 2 * pi * random.random((2, count))
    waves = 2 * pi / (2 * FINE) * (1 / 16) ** random.random(count)  # radians a pixel
    looks = [
        x,
        y,
        share[0] * np.cos(turn) / radius,
        share[0] * np.sin(turn) / radius,
        waves * np.cos(phase + turn),
        waves * np.sin(phase + turn),
        phase,
        share[1],
        share[2],
        8 * random.random(count) ** 4,  # how far noise bends the wave, in radians
    ]
    of_pixel = np.stack(looks, 1).astype(np.float32)[topmost]
    x, y, slope_x, slope_y, wave_x, wave_y, phase, wavy, noisy, bent = np.moveaxis(of_pixel, -1, 0)
    axis = np.arange(side, dtype=np.float32)
    right, down = axis - x, axis[:, None] - y
    noise = _noise(topmost, count, side, random)
    wave = np.sin(wave_x * right + wave_y * down + phase + bent * noise)
    return slope_x * right + slope_y * down + wavy * wave + noisy * noise


def _noise(topmost: np.ndarray, count: int, side: int, random: Generator) -> np.ndarray:
    """Cut the noise of each leaf out of a few fields at its own place: float32 S S of std 1."""
    frequency = np.hypot(fftfreq(side)[:, None], rfftfreq(side)).astype(np.float32)
    frequency[0, 0] = np.inf  # no mean
    fields = []
    for slope in random.uniform(0.3, 1.7, FIELDS):
        real, imaginary = random.standard_normal((2, *frequency.shape), np.float32)
        field = irfft2((real + 1j * imaginary) * frequency**-slope, (side, side))
        fields.append(field / field.std())
    field = random.integers(FIELDS, size=count)[topmost]
    moved = random.integers(side**2, size=count)[topmost].ravel() + np.arange(side**2)
    noise = np.stack(fields).reshape(FIELDS, -1)[field.ravel(), moved % side**2]
    return noise.reshape(side, side)
