"""One's own pictures: random crops to train on, fixed ones to validate and to test.

P pictures or planes of H x W pixels; N crops of S x S pixels in a split, B in a batch; C channels.
"""

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from datamodules.crops import fixed_crops, gather, random_crops
from datamodules.images import ImageDataModule, Split
from datamodules.noise import Noise
from datamodules.pictures import numbers_in, open_picture, over_white
from datamodules.quantised import of_16_bits, quantised
from datamodules.tiff import is_tiff
from datamodules.value_range import (
    Given,
    Numbers,
    ValueRange,
    require_range,
    spoken,
    value_range,
)
from groundwork import machine
from groundwork.files import expand
from groundwork.picture_files import KINDS, search
from groundwork.seeding import generator

LARGEST_CROP = 10_000  # pixels a side
MOST_CROPS = 10_000_000
READERS = 8  # threads, each of which holds a picture in floating point
READING = 2  # times the pictures' size: singly, and then together
MEMORY_SHARE = 0.8  # of the machine's, that reading may take
NAMED = 5  # files in a line that warns of many

Ranges = dict[tuple[np.dtype, bool], ValueRange]  # by type, and whether pictures are inverted
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Picture(NamedTuple):
    """digest: of its file. samples: uint8 or uint16 P C H W, of which P is 1 but for stacks.
    transparent: whether its file has transparency.
    """

    path: Path
    digest: str
    samples: np.ndarray
    transparent: bool


class Folder(ImageDataModule):
    """Square crops of the pictures in a folder, and in the folders in it. They have no labels.

    Training has `train_size` crops in an epoch, at random places: a picture is drawn as often as
    it has pixels. Places and symmetries are keyed by (seed, epoch). Validation and test have fixed
    crops, side by side, the same ones whatever the seeds.

    Pictures are held out as a whole. They are ordered by the SHA-256 of their files: the first are
    for validation, the next for the test, the others for training. Which ones they are so follows
    from what is in the files alone. Copies of a file count once.

    All pictures are read at once, before training, and held in memory: in 8 bits a sample, or in 16
    where one of them has more than 8. The planes of a stack are pictures of one file: they are held
    out together. What is transparent lies over white.

    root: pictures in it are read, also behind links, whatever their files are named; hidden ones
        are not.
    test_root: the same, for the test; `None` holds out some of root's.
    channels: 1 makes pictures grey, by ITU-R BT.601 as Pillow does; 3 gives grey ones three equal
        channels.
    crop: S. Pictures that are smaller are left out, with a warning.
    range: which of the files' numbers are black and white, as in `value_range`. It is the same for
        all files of one type, those to test with among them.
    symmetries: whether a training crop is in a random one of a square's eight symmetries.
    train_size: crops in an epoch of training.
    val_size, test_size: how many fixed crops there are at most: no two show the same pixel.
    val_share, test_share: of root's pictures; at least one is held out.

    Raises, from `setup`: FileNotFoundError where there is no folder or no picture, ValueError for a
    picture that cannot be read, for too few, for one that is both in root and in test_root, and for
    more than this machine has memory for.
    """

    class_names = ()

    def __init__(
        self,
        noise: Noise,
        root: str,
        test_root: str | None,
        channels: Literal[1, 3],
        crop: int,
        range: Given,
        symmetries: bool,
        train_size: int,
        val_size: int,
        test_size: int,
        val_share: float,
        test_share: float,
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        if not 1 <= crop <= LARGEST_CROP:
            raise ValueError(f"crop must be in [1, {LARGEST_CROP:,}], got {crop}")
        sizes = {"train_size": train_size, "val_size": val_size, "test_size": test_size}
        for name, size in sizes.items():
            if not 1 <= size <= MOST_CROPS:
                raise ValueError(f"{name} must be in [1, {MOST_CROPS:,}], got {size}")
        if not (val_share > 0 and test_share > 0 and val_share + test_share < 1):
            raise ValueError(
                "val_share and test_share must be above 0 and leave some pictures for training, "
                f"got {val_share} and {test_share}"
            )
        require_range(range)
        self.range = range
        self.image_shape = channels, crop, crop
        self.train_count = train_size + val_size
        super().__init__(noise, batch_size, val_size, eval_seed, num_workers, seed)
        self.root = expand(root).absolute()
        self.test_root = None if test_root is None else expand(test_root).absolute()
        self.symmetries = symmetries
        self.train_size = train_size
        self.test_count = test_size
        self.val_share = val_share
        self.test_share = test_share
        self._places = torch.empty(0)  # of the training pictures, as `together` gives them
        self._epoch: dict[int, Tensor] = {}  # the rows of training's crops in one epoch

    def setup(self, stage: str) -> None:
        if self._images:
            return
        training, validation, test = self._pictures()
        # Of one tensor, the training pictures come first.
        self._images[False], places = together([*training, *validation])
        self._images[True], test_places = together(test)
        planes = [sum(len(p.samples) for p in pictures) for pictures in (training, validation)]
        self._places, val_places = places.split(planes)
        crop = self.image_shape[1]
        self._rows["train"] = self._draw_crops(generator("cpu", "crops to fit with"))
        self._rows["val"] = fixed_crops(val_places, crop, self.val_size)
        self._rows["test"] = fixed_crops(test_places, crop, self.test_count)
        self._labels = {split: torch.full((len(rows),), -1) for split, rows in self._rows.items()}
        self.val_size, self.test_count = self.size("val"), self.size("test")
        self.train_count = self.train_size + self.val_size
        held = "|".join(
            " ".join(picture.digest for picture in pictures) for pictures in (training, validation)
        )
        self._fingerprint = hashlib.sha256(held.encode()).hexdigest()[:16]
        counts = [len(pictures) for pictures in (training, validation, test)]
        log.info("pictures: %d to train with, %d to validate, %d to test", *counts)

    def _pictures(self) -> tuple[list[Picture], list[Picture], list[Picture]]:
        """For training, validation and test, each by their digests."""
        paths = find_pictures(self.root)
        test_paths = find_pictures(self.test_root) if self.test_root else []
        require_memory(sum(map(pixels_of, [*paths, *test_paths])) * self.image_shape[0])
        ranges = ranges_of([*paths, *test_paths], self.range)
        pictures = read_pictures([*paths, *test_paths], self.image_shape[0], ranges)
        own = self._fitting(self.root, pictures[: len(paths)])
        test = self._fitting(self.test_root, pictures[len(paths) :]) if self.test_root else []
        refuse_shared(own, test)
        for_val = max(1, round(self.val_share * len(own)))
        for_test = 0 if self.test_root else max(1, round(self.test_share * len(own)))
        if len(own) <= for_val + for_test:
            uses = "to train, to validate and to test" if for_test else "to train and to validate"
            raise ValueError(f"{self.root} has too few pictures {uses}: {len(own)}")
        held_out = for_val + for_test
        return own[held_out:], own[:for_val], test or own[for_val:held_out]

    def _fitting(self, root: Path, pictures: Sequence[Picture]) -> list[Picture]:
        """Those that a crop fits into, each once, by their digests."""
        once = {picture.digest: picture for picture in pictures}
        if copies := len(pictures) - len(once):
            log.warning("%s: %d copies of other pictures are left out", root, copies)
        crop = self.image_shape[1]
        fit = [
            once[digest] for digest in sorted(once) if min(once[digest].samples.shape[2:]) >= crop
        ]
        if not fit:
            raise ValueError(f"{root} has no picture of at least {crop} x {crop} pixels, the crop")
        if small := {picture.path for picture in once.values()} - {picture.path for picture in fit}:
            names = sorted(str(path.relative_to(root)) for path in small)
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            named = ", ".join(names[:NAMED]) + more
            log.warning("%s: smaller than the crop of %d pixels, left out: %s", root, crop, named)
        return fit

    def _draw_crops(self, random: Generator) -> Tensor:
        crop = self.image_shape[1]
        return random_crops(self._places, crop, self.train_size, self.symmetries, random)

    def _rows_in(self, split: Split, epoch: int | None) -> Tensor:
        if split != "train" or epoch is None:
            return self._rows[split]
        if epoch not in self._epoch:
            self._epoch.clear()
            drawn = self._draw_crops(generator("cpu", "crops", self.seed, epoch))
            self._epoch[epoch] = drawn.to(self._rows[split].device)
        return self._epoch[epoch]

    def _samples(self, split: Split, rows: Tensor) -> Tensor:
        test = split == "test"
        self._images[test] = samples = self._images[test].to(rows.device)
        channels, crop, _ = self.image_shape
        return gather(samples, rows, channels, crop)


def find_pictures(root: Path) -> list[Path]:
    """The pictures below a folder, by their paths; what is passed over is logged in one line.

    Raises FileNotFoundError where there is no folder, or no picture in it.
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
    """Of all planes, which a picture's file says without being read; 0 where it is damaged."""
    try:
        if is_tiff(path):
            stored = open_picture(path)
            return stored.count * stored.size[1] * stored.size[2]
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            return image.width * image.height
    except Exception:  # decoders raise what they like; reading it will say what is wrong
        return 0


def require_memory(size: int) -> None:
    """Raises ValueError where this machine, or container, cannot hold pictures of so many bytes."""
    needed = READING * size
    there = machine.memory()
    if needed > MEMORY_SHARE * there:
        raise ValueError(
            f"reading the pictures takes {needed / 1e9:,.1f} GB of memory, this machine or "
            f"container has {there / 1e9:,.1f} GB: take fewer, cut them into parts or scale "
            "them down"
        )


def ranges_of(paths: Sequence[Path], given: Given) -> Ranges:
    """Which numbers are black and white, for each type that the files have.

    Those of one type belong together: one that is dark is so beside the others, too.
    """
    groups: dict[tuple[np.dtype, bool], list[Numbers]] = {}
    for numbers in _several_at_a_time(numbers_in, paths):
        groups.setdefault((numbers.dtype, numbers.inverted), []).append(numbers)
    ranges = {kind: value_range(given, group) for kind, group in groups.items()}
    for (dtype, _), values in ranges.items():
        log.info("black to white of %s: %s (%s)", dtype, spoken(*values[:2]), values.reason)
    return ranges


def read_pictures(paths: Sequence[Path], channels: int, ranges: Ranges) -> list[Picture]:
    log.info("reading %d pictures", len(paths))
    pictures = _several_at_a_time(partial(_read, channels=channels, ranges=ranges), paths)
    if transparent := sum(picture.transparent for picture in pictures):
        log.info("transparency: %d pictures have some, and are laid over white", transparent)
    return pictures


def _several_at_a_time(read: Callable[[Path], Result], paths: Sequence[Path]) -> list[Result]:
    """What is read of each file.

    Raises:
        ValueError: Some cannot be read. The line has the reason for each of the first.
    """
    # Around the threads: the filters of warnings, which reading sets, are the process's.
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
    """Raises ValueError where a picture is among both."""
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
    """The samples of all, one after the other, and where each plane is in them.

    Returns uint8, or uint16 where one of the pictures has that, and int64 P x 3: a plane's first
    sample, H and W.
    """
    deep = any(picture.samples.dtype == np.uint16 for picture in pictures)
    require_memory(sum(picture.samples.size for picture in pictures) * (2 if deep else 1))
    parts = [of_16_bits(p.samples) if deep else p.samples for p in pictures]
    planes = [plane for part in parts for plane in part]
    ends = np.cumsum([plane.size for plane in planes])
    places = [[end - p.size, *p.shape[1:]] for end, p in zip(ends.tolist(), planes, strict=True)]
    samples = np.concatenate([part.ravel() for part in parts])
    return torch.from_numpy(samples), torch.tensor(places)
