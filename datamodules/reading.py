"""All pictures of a folder: found, read, and laid one after the other in memory.

P planes of H x W pixels; C channels.
"""

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from datamodules.pictures import numbers_in, open_picture, over_white
from datamodules.quantised import of_16_bits, quantised
from datamodules.tiff import is_tiff
from datamodules.value_range import Given, Numbers, ValueRange, spoken, value_range
from groundwork import machine
from groundwork.picture_files import KINDS, search

READERS = 8  # threads, each of which holds a picture in floating point
READING = 2  # times the pictures' size: singly, and then together
MEMORY_SHARE = 0.8  # of the machine's, that reading may take
NAMED = 5  # files in a line that warns of many

Ranges = dict[tuple[np.dtype, bool], ValueRange]  # by type, and whether pictures are inverted
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Picture(NamedTuple):
    """A file's picture, or its stack of P planes.

    Attributes:
        path: The file.
        digest: SHA-256 of the file.
        samples: uint8 or uint16 P C H W. P is 1 except for stacks.
        transparent: Whether the file has transparency.
    """

    path: Path
    digest: str
    samples: np.ndarray
    transparent: bool


def find_pictures(root: Path) -> list[Path]:
    """Find the pictures below a folder. Files that are passed over are logged in one line.

    Returns:
        Their paths, in order.

    Raises:
        FileNotFoundError: There is no folder, or no picture in it.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    found, passed = search(root)
    if not found:
        more = f"; {passed}" if str(passed) else f": {KINDS} are looked for"
        raise FileNotFoundError(f"there is no picture in {root}{more}")
    if str(passed):
        log.warning("%s: %s", root, passed)
    return [picture.path for picture in found]


def pixels_of(path: Path) -> int:
    """Count the pixels of all planes by a file's header. A damaged file counts as 0."""
    try:
        if is_tiff(path):
            stored = open_picture(path)
            return stored.count * stored.size[1] * stored.size[2]
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            return image.width * image.height
    except Exception:  # decoders raise errors of any type; reading the file will say what is wrong
        return 0


def require_memory(size: int) -> None:
    """Refuse pictures that this machine, or container, has too little memory for.

    Args:
        size: Bytes of all samples.

    Raises:
        ValueError: Reading them takes more memory than there is.
    """
    needed = READING * size
    there = machine.memory()
    if needed > MEMORY_SHARE * there:
        raise ValueError(
            f"reading the pictures takes {needed / 1e9:,.1f} GB of memory, this machine or "
            f"container has {there / 1e9:,.1f} GB: take fewer, cut them into parts or scale "
            "them down"
        )


def ranges_of(paths: Sequence[Path], given: Given) -> Ranges:
    """Find which numbers are black and white, for each type of numbers that the files have.

    Files of one type share a range, so that a dark picture stays darker than the others.

    Args:
        paths: The files.
        given: The user's setting, as in `value_range`.

    Raises:
        ValueError: A file cannot be read, or its type does not hold the range.
    """
    groups: dict[tuple[np.dtype, bool], list[Numbers]] = {}
    for numbers in several_at_a_time(numbers_in, paths):
        groups.setdefault((numbers.dtype, numbers.inverted), []).append(numbers)
    ranges = {kind: value_range(given, group) for kind, group in groups.items()}
    for (dtype, _), values in ranges.items():
        log.info("black to white of %s: %s (%s)", dtype, spoken(*values[:2]), values.reason)
    return ranges


def read_pictures(paths: Sequence[Path], channels: int, ranges: Ranges) -> list[Picture]:
    """Read files into memory, several at a time.

    Args:
        paths: The files.
        channels: 1 or 3, C of each result.
        ranges: Which numbers are black and white, as `ranges_of` returns it.

    Raises:
        ValueError: A file cannot be read.
    """
    log.info("reading %d pictures", len(paths))
    pictures = several_at_a_time(partial(_read, channels=channels, ranges=ranges), paths)
    if transparent := sum(picture.transparent for picture in pictures):
        log.info("transparency: %d pictures have some, and are laid over white", transparent)
    return pictures


def several_at_a_time(read: Callable[[Path], Result], paths: Sequence[Path]) -> list[Result]:
    """Call `read` for each file, in threads.

    Returns:
        The results, in the order of the files.

    Raises:
        ValueError: Some files cannot be read. The line has the reasons for the first few.
    """
    # Reading sets the filters of warnings, which belong to the whole process, so they are restored
    # here, outside of the threads.
    with warnings.catch_warnings(), ThreadPoolExecutor(min(READERS, machine.cores())) as pool:
        warnings.simplefilter("ignore")
        done = list(pool.map(partial(_result_or_fault, read), paths))
    faults = [fault for _, fault in done if fault is not None]
    if faults:
        count = f"{len(faults)} of {len(paths)} pictures are refused: " if len(faults) > 1 else ""
        more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        raise ValueError(count + "; ".join(map(str, faults[:NAMED])) + more)
    return [result for result, _ in done if result is not None]


def _result_or_fault(
    read: Callable[[Path], Result], path: Path
) -> tuple[Result | None, Exception | None]:
    try:
        return read(path), None
    except (ValueError, OSError) as error:
        return None, error


def refuse_shared(own: Sequence[Picture], test: Sequence[Picture]) -> None:
    """Refuse pictures to test with that are among the others.

    Raises:
        ValueError: A picture is among both.
    """
    paths = {picture.digest: picture.path for picture in own}
    for picture in test:
        if picture.digest in paths:
            raise ValueError(
                f"{picture.path} is to test with, and {paths[picture.digest]} is the same picture: "
                "take it out of one of the folders"
            )


def _read(path: Path, channels: int, ranges: Ranges) -> Picture:
    stored = open_picture(path)
    values = ranges[stored.dtype, stored.inverted]
    planes = [quantised(over_white(p, stored, values), channels) for p in stored.planes()]
    deep = any(plane.dtype == np.uint16 for plane in planes)
    samples = np.stack([of_16_bits(plane) if deep else plane for plane in planes])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Picture(path, digest, samples, stored.alpha)


def together(pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
    """Lay the samples of all pictures one after the other.

    Returns:
        The samples, uint8, or uint16 if one of the pictures has that; and the places of the planes,
        int64 P x 3: the index of a plane's first sample, H and W.

    Raises:
        ValueError: This machine has too little memory for them.
    """
    deep = any(picture.samples.dtype == np.uint16 for picture in pictures)
    require_memory(sum(picture.samples.size for picture in pictures) * (2 if deep else 1))
    parts = [of_16_bits(p.samples) if deep else p.samples for p in pictures]
    planes = [plane for part in parts for plane in part]
    ends = np.cumsum([plane.size for plane in planes])
    places = [[end - p.size, *p.shape[1:]] for end, p in zip(ends.tolist(), planes, strict=True)]
    samples = np.concatenate([part.ravel() for part in parts])
    return torch.from_numpy(samples), torch.tensor(places)
