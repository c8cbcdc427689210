"""One's own pictures: random crops to train on, fixed ones to validate and to test.

P pictures or planes of H x W pixels; N crops of S x S pixels in a split, B in a batch; C channels.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from datamodules.crops import fixed_crops, gather, random_crops
from datamodules.images import ImageDataModule, Split
from datamodules.noise import Noise
from datamodules.reading import (
    NAMED,
    Picture,
    find_pictures,
    pixels_of,
    ranges_of,
    read_pictures,
    refuse_shared,
    require_memory,
    together,
)
from datamodules.value_range import Given, require_range
from groundwork.files import expand
from groundwork.ranges import require_ranges
from groundwork.seeding import generator

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Share = Annotated[float, Field(gt=0, lt=1)]

log = logging.getLogger(__name__)


class Folder(ImageDataModule):
    """Square crops of the pictures in a folder, and in the folders in it. They have no labels.

    An epoch of training has `train_size` crops at random places. A picture is drawn in proportion
    to its pixels. Places and symmetries are keyed by (seed, epoch). The crops of validation and
    test are fixed, lie side by side, and depend on no seed.

    Pictures are held out as a whole. They are ordered by the SHA-256 of their files: the first are
    for validation, the next for the test, the others for training. The split therefore depends on
    the contents of the files only. Copies of a file count once.

    All pictures are read before training and held in memory with 8 bits a sample, or with 16 if one
    of them has more than 8. The planes of a stack belong to one file, so they are held out
    together. Transparent pictures are blended over white.

    Args:
        root: The folder of the pictures. Links are followed and files may have any name, but
            hidden files are passed over.
        test_root: The folder of the test pictures. `None` holds out some of root's.
        channels: 1 makes pictures grey, by ITU-R BT.601 as Pillow does. 3 gives grey pictures three
            equal channels.
        crop: S. Smaller pictures are left out, with a warning.
        range: Which of the files' numbers are black and white, as in `value_range`. It is the same
            for all files of one type, including the test pictures.
        symmetries: Whether each training crop gets a random one of a square's eight symmetries.
        train_size: Crops in an epoch of training.
        val_size, test_size: The largest number of fixed crops. No two show the same pixel.
        val_share, test_share: Shares of root's pictures. Each holds out at least one picture.
        noise, batch_size, eval_seed, num_workers, seed: See `ImageDataModule`.

    Raises:
        ValueError: A setting is out of range. From `setup`: a picture cannot be read, there are too
            few pictures, one picture is both in root and in test_root, or the pictures take more
            memory than this machine has.
        FileNotFoundError: From `setup`: there is no folder, or no picture in it.
    """

    class_names = ()

    def __init__(
        self,
        noise: Noise,
        root: str,
        test_root: str | None,
        channels: Literal[1, 3],
        crop: Annotated[int, Field(ge=1, le=10_000)],
        range: Given,
        symmetries: bool,
        train_size: Count,
        val_size: Count,
        test_size: Count,
        val_share: Share,
        test_share: Share,
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        require_ranges(Folder.__init__, locals())
        if val_share + test_share >= 1:
            raise ValueError(
                "val_share and test_share must be below 1 together, so that some pictures are for "
                f"training, got {val_share} and {test_share}"
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
        # One tensor holds both, the training pictures first.
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
        """Read the pictures for training, validation and test, each in the order of digests."""
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
        """Keep each picture that a crop fits into, once, in the order of digests."""
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
