"""Noisy pictures: read without cutting anything, made even, and split.

P planes of H x W pixels; C channels.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datamodules.pictures import open_picture, over_white
from datamodules.quantised import LUMA
from datamodules.reading import Picture, Ranges, find_pictures
from estimation.stabilising import Evening, estimate_growing, evening_of


def pictures_at(root: Path) -> list[Path]:
    """Return the picture itself, or those below a folder."""
    return [root] if root.is_file() else find_pictures(root)


def name_of(path: Path, root: Path) -> str:
    """Return a picture's name below a folder, as a checkpoint may hold it."""
    name = path.name if path == root else str(path.relative_to(root))
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable.replace("${", "$ {")  # which would be an interpolation


def twins_of(paths: Sequence[Path], root: Path, other: Path) -> list[Path]:
    """Find the picture of the same name for each one, in another folder.

    Raises:
        FileNotFoundError: There is none, or no such folder.
    """
    if root.is_file() and other.is_file():
        return [other]
    found = {path.relative_to(other).with_suffix(""): path for path in pictures_at(other)}
    names = [Path(p.stem) if p == root else p.relative_to(root).with_suffix("") for p in paths]
    for path, name in zip(paths, names, strict=True):
        if name not in found:
            raise FileNotFoundError(f"{path} has no picture of the same name in {other}")
    return [found[name] for name in names]


def read_uncut(path: Path, channels: int, ranges: Ranges) -> Picture:
    """Read a file, with samples in float32 that are not cut to [0, 1]."""
    stored = open_picture(path)
    values = ranges[stored.dtype, stored.inverted]
    planes = np.stack([over_white(plane, stored, values) for plane in stored.planes()])
    if planes.shape[1] > channels:
        planes = np.tensordot(LUMA[:, 0, 0] / np.float32(2**16), planes, (0, 1))[:, None]
    samples = np.broadcast_to(planes, (len(planes), channels, *planes.shape[2:]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Picture(path, digest, samples.astype(np.float32), stored.alpha)


def evenings_of(picture: Picture) -> list[Evening | None]:
    """Find how each plane's noise is made even. None stands for noise that is."""
    noises = [estimate_growing(plane) for plane in picture.samples]
    return [
        None if noise is None else evening_of(plane, noise)
        for plane, noise in zip(picture.samples, noises, strict=True)
    ]


def evened(
    pictures: Sequence[Picture],
    evenings: Sequence[Sequence[Evening | None]] | None,
    clean: bool = False,
) -> list[Picture]:
    """Make the noise of each plane even. For clean pictures, return the means of the noisy ones."""
    if evenings is None:
        return list(pictures)
    return [
        picture._replace(
            samples=np.stack(
                [
                    plane if each is None else each.of_clean(plane) if clean else each.of(plane)
                    for plane, each in zip(picture.samples, of_planes, strict=True)
                ]
            )
        )
        for picture, of_planes in zip(pictures, evenings, strict=True)
    ]


def parts_of(
    pictures: Sequence[Picture], held_out: Sequence[int]
) -> tuple[list[Picture], list[Picture]]:
    """Split each picture into the rows to learn from and those that are held out."""
    training: list[Picture] = []
    validation: list[Picture] = []
    for picture, rows in zip(pictures, held_out, strict=True):
        cut = picture.samples.shape[2] - rows
        parts = picture.samples[:, :, :cut], picture.samples[:, :, cut:]
        for samples, side in zip(parts, (training, validation), strict=True):
            if samples.shape[2]:
                side.append(picture._replace(samples=samples))
    return training, validation
