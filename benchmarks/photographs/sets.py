"""Test sets: folders of clean pictures with 8 bits, all grey or all in colour."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.photographs.published import PUBLISHED
from datamodules.pictures import open_picture
from denoisers.metrics import SSIM_BORDER
from groundwork.picture_files import search

COLOURS = {1: "grey", 3: "colour"}  # by the channels
LEAST_SIDE = 2 * SSIM_BORDER + 1  # pixels, of SSIM's window


class PictureSet(NamedTuple):
    """A test set.

    Attributes:
        name: Its folder's.
        channels: 1 for grey pictures, 3 for those in colour.
        pictures: By the file's name, uint8 C H W.
        of: How many pictures the folder has.
    """

    name: str
    channels: int
    pictures: dict[str, NDArray[np.uint8]]
    of: int

    @property
    def colours(self) -> str:
        return COLOURS[self.channels]

    @property
    def described(self) -> str:
        """Such as "68 grey pictures", or "17 of 68 grey pictures" where others were left out."""
        count = len(self.pictures)
        part = "" if count == self.of else f"{count} of "
        return f"{part}{self.of} {self.colours} picture{'s' * (self.of > 1)}"


def folders(root: Path, names: Sequence[str]) -> list[Path]:
    """Find the folders of test sets.

    Args:
        root: The folder that they are in.
        names: Theirs. If there are none, all sets in `root` that published numbers are known for.

    Raises:
        ValueError: There is no such folder, or none of these sets is in it.
    """
    if not root.is_dir():
        raise ValueError(f"--root {root}: there is no such folder")
    found = [root / name for name in dict.fromkeys(names or PUBLISHED)]
    if not names:
        found = [folder for folder in found if folder.is_dir()]
        if not found:
            raise ValueError(
                f"--root {root}: it has none of the folders {', '.join(PUBLISHED)}: name others "
                "by --sets"
            )
    for folder in found:
        if not folder.is_dir():
            others = sorted(path.name for path in root.iterdir() if path.is_dir())
            there = f"it has {', '.join(others)}" if others else "it has no folders"
            raise ValueError(f"--sets {folder.name}: there is no such folder in {root}, {there}")
    return found


def read(folder: Path, every: int) -> PictureSet:
    """Read the pictures of a test set.

    Args:
        folder: The set's.
        every: 1 for all of its pictures, n for every n-th, from the first in the order of names.

    Raises:
        ValueError: There is no picture, or one that the protocol is not for.
    """
    found, passed = search(folder)
    if not found:
        raise ValueError(f"{folder} has no pictures{f': {passed}' * bool(str(passed))}")
    pictures = {str(each.name): _read(each.path) for each in found[::every]}
    channels = {len(picture): name for name, picture in reversed(pictures.items())}
    if len(channels) > 1:
        raise ValueError(
            f"{folder} has grey pictures ({channels[1]}) and pictures in colour ({channels[3]}): "
            "give each kind a folder"
        )
    return PictureSet(folder.name, next(iter(channels)), pictures, len(found))


def _read(path: Path) -> NDArray[np.uint8]:
    stored = open_picture(path)
    if stored.shape or stored.alpha or stored.inverted or stored.dtype != np.uint8:
        raise ValueError(f"{path} is not a grey or RGB picture of 8 bits, which the protocol needs")
    if min(stored.size[1:]) < LEAST_SIDE:
        raise ValueError(f"{path} has less than {LEAST_SIDE} pixels a side, which SSIM needs")
    (plane,) = stored.planes()
    return np.ascontiguousarray(plane)
