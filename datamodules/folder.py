"""One's own pictures: random crops to train on, fixed ones to validate and to test."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from datamodules.cropped_pictures import Channels, Count, Crop, CroppedPictures, GreyShare
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

Share = Annotated[float, Field(gt=0, lt=1)]

log = logging.getLogger(__name__)


class Folder(CroppedPictures):
    """Square crops of the pictures in a folder, and in the folders in it.

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
        crop: Pixels on a side of a crop. Smaller pictures are left out, with a warning.
        range: Which of the files' numbers are black and white, as in `value_range`. It is the same
            for all files of one type, including the test pictures.
        val_share, test_share: Shares of root's pictures. Each holds out at least one picture.
        noise, symmetries, grey_share, train_size, val_size, test_size, batch_size, eval_seed,
            num_workers, seed: See `CroppedPictures`.

    Raises:
        ValueError: A setting is out of range. From `setup`: a picture cannot be read, there are too
            few pictures, one picture is both in root and in test_root, or the pictures take more
            memory than this machine has.
        FileNotFoundError: From `setup`: there is no folder, or no picture in it.
    """

    def __init__(
        self,
        noise: Noise,
        root: str,
        test_root: str | None,
        channels: Channels,
        crop: Crop,
        range: Given,
        symmetries: bool,
        grey_share: GreyShare,
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
        super().__init__(
            noise,
            channels,
            crop,
            symmetries,
            grey_share,
            train_size,
            val_size,
            test_size,
            batch_size,
            eval_seed,
            num_workers,
            seed,
        )
        self.root = expand(root).absolute()
        self.test_root = None if test_root is None else expand(test_root).absolute()
        self.val_share = val_share
        self.test_share = test_share

    def setup(self, stage: str) -> None:
        if self._images:
            return
        training, validation, test = self._pictures()
        planes = sum(len(picture.samples) for picture in training)
        self._hold(False, *together([*training, *validation]), training=planes)
        self._hold(True, *together(test), training=0)
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
