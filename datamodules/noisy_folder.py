"""One's own noisy pictures, without clean ones: crops to learn from and crops to choose by.

P planes of H x W pixels; B crops in a batch; C channels.
"""

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from datamodules.cropped_pictures import Channels, Count, Crop, CroppedPictures
from datamodules.crops import gather
from datamodules.images import Split, evenly
from datamodules.no_noise import NoNoise
from datamodules.noise import Noise
from datamodules.noisy_pictures import (
    evened,
    evenings_of,
    name_of,
    parts_of,
    pictures_at,
    read_uncut,
    twins_of,
)
from datamodules.own_noise import OwnNoise, noise_of
from datamodules.reading import (
    Picture,
    pixels_of,
    ranges_of,
    require_memory,
    several_at_a_time,
    together,
)
from datamodules.sampling import Draw
from datamodules.value_range import Given, require_range
from groundwork.batch import Batch
from groundwork.files import expand
from groundwork.ranges import require_ranges

FLOAT = 4  # bytes
JUDGED = 20  # planes
SECOND, REFERENCE = "second", "reference"

log = logging.getLogger(__name__)


class NoisyFolder(CroppedPictures):
    """Square crops of pictures that are noisy already. No noise is added.

    The picture itself is a batch's noisy image. Its clean image is NaN, unless there are reference
    pictures. There are no test images.

    Pictures are held out as a whole, spread over the names, if `val_share` is at least one of them.
    Of fewer pictures, the lowest rows of each are held out. So one picture, or one stack, is
    enough.

    All pictures are held in memory as float32. Values beyond black and white are kept, since noise
    that is cut has no zero mean.

    Args:
        noise: `NoNoise`.
        root: The folder of the noisy pictures, with the folders in it, or one picture.
        second_root: Other takes of the same scenes, under the same names but for the suffix.
        reference: Clean pictures of the same scenes, under the same names, to measure PSNR with.
        channels: 1 makes pictures grey, by ITU-R BT.601. 3 gives grey ones three equal channels.
        range: Which of the files' numbers are black and white, as in `value_range`. It is the same
            for all files of one type.
        even: Whether noise that grows with the light is made even first, in each plane by its own
            noise (see `Evening`). Reference pictures become the means that this gives.
        val_share: The share of the pictures, or of the rows of each, that is held out.
        crop, symmetries, train_size, val_size, batch_size, eval_seed, num_workers, seed: See
            `CroppedPictures`.

    Attributes:
        learned_from: The names of the files, from `setup` on.

    Raises:
        ValueError: A setting is out of range. From `setup`: a picture cannot be read, is too small,
            or differs in size from its second take or reference, or they take too much memory.
        FileNotFoundError: From `setup`: there is no picture, or one lacks its second take or
            reference.
    """

    own_noise = True

    def __init__(
        self,
        noise: Noise,
        root: str,
        second_root: str | None,
        reference: str | None,
        channels: Channels,
        crop: Crop,
        range: Given,
        even: bool,
        symmetries: bool,
        train_size: Count,
        val_size: Count,
        val_share: Annotated[float, Field(gt=0, lt=1)],
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        require_ranges(NoisyFolder.__init__, locals())
        if not isinstance(noise, NoNoise):
            raise ValueError(
                f"noise: the pictures of data=noisy_folder are noisy already, and {noise} would "
                "come on top: leave noise out, or give noise=none"
            )
        require_range(range)
        self.range = range
        self.even = even
        super().__init__(
            noise,
            channels,
            crop,
            symmetries,
            grey_share=0.0,
            train_size=train_size,
            val_size=val_size,
            test_size=1,
            batch_size=batch_size,
            eval_seed=eval_seed,
            num_workers=num_workers,
            seed=seed,
        )
        self.test_count = 0
        self.has_clean = reference is not None
        self.has_second = second_root is not None
        self.root = expand(root).absolute()
        self.others = {
            name: expand(other).absolute()
            for name, other in ((SECOND, second_root), (REFERENCE, reference))
            if other is not None
        }
        self.val_share = val_share
        self.learned_from: list[str] = []
        self._views: dict[str, Tensor] = {}  # samples of second takes and references

    def setup(self, stage: str) -> None:
        if self._images:
            return
        paths = pictures_at(self.root)
        others = {name: twins_of(paths, self.root, other) for name, other in self.others.items()}
        every = [*paths, *(path for twins in others.values() for path in twins)]
        require_memory(FLOAT * sum(map(pixels_of, every)) * self.image_shape[0])
        read = partial(
            read_uncut, channels=self.image_shape[0], ranges=ranges_of(every, self.range)
        )
        log.info("reading %d pictures", len(every))
        pictures = several_at_a_time(read, paths)
        evenings = [evenings_of(picture) for picture in pictures] if self.even else None
        if evenings:
            log.info(
                "made even first: %d of the planes",
                sum(e is not None for es in evenings for e in es),
            )
        held_out = self._held_out(pictures)
        training, validation = parts_of(evened(pictures, evenings), held_out)
        planes = sum(len(part.samples) for part in training)
        self._hold(False, *together([*training, *validation]), training=planes)
        self._rows["test"], self._labels["test"] = torch.empty(0, 4).long(), torch.empty(0).long()
        for name, twins in others.items():
            found = several_at_a_time(read, twins)
            for picture, twin in zip(pictures, found, strict=True):
                if picture.samples.shape != twin.samples.shape:
                    raise ValueError(f"{twin.path} and {picture.path} differ in size")
            found = evened(found, evenings, clean=name == REFERENCE)
            training, validation = parts_of(found, held_out)
            self._views[name], _ = together([*training, *validation])
        content = "|".join(
            f"{picture.digest} {rows}" for picture, rows in zip(pictures, held_out, strict=True)
        )
        self._fingerprint = hashlib.sha256(content.encode()).hexdigest()[:16]
        self.learned_from = [name_of(picture.path, self.root) for picture in pictures]
        sizes = self.size("train"), self.size("val")
        log.info("pictures: %d; crops: %d an epoch, %d to choose the epoch by", len(paths), *sizes)

    def _held_out(self, pictures: Sequence[Picture]) -> list[int]:
        """Return how many of each picture's lowest rows are held out, which may be all."""
        heights = [picture.samples.shape[2] for picture in pictures]
        crop, whole = self.image_shape[1], round(self.val_share * len(pictures))
        rows = [0 if whole else max(crop, round(self.val_share * height)) for height in heights]
        for number in evenly(whole, len(pictures)).tolist():
            rows[number] = heights[number]
        for picture, held in zip(pictures, rows, strict=True):
            height, width = picture.samples.shape[2:]
            needed = crop + held % height
            if height < needed or width < crop:
                reason = f", {held} rows of which are held out" if held % height else ""
                raise ValueError(
                    f"{picture.path} has {height} x {width} pixels, but at least {needed} x {crop} "
                    f"are needed for crops of {crop}{reason}: give a smaller data.crop"
                )
        return rows

    def noise_of_pictures(self) -> OwnNoise:
        """Estimate the noise of what is learned from, of `JUDGED` planes at most."""
        channels, samples = self.image_shape[0], self._images[False].cpu()
        places = self._places[evenly(min(JUDGED, len(self._places)), len(self._places))]
        return noise_of(
            [
                samples[start : start + channels * height * width]
                .view(channels, height, width)
                .numpy()
                for start, height, width in places.tolist()
            ]
        )

    def _whole_batch(self, batch: Draw) -> Batch:
        return self._batch(batch.split, batch.positions, batch.epoch)  # type: ignore[arg-type]

    def eval_batch(self, split: Split, index: Tensor) -> Batch:
        """Return crops of a split. See `ImageDataModule`."""
        return self._batch(split, index, None)

    def _batch(self, split: Split, index: Tensor, epoch: int | None) -> Batch:
        noisy, label = self._clean(split, index, epoch)
        rows = self._rows_in(split, epoch)[index]
        clean = self._view(REFERENCE, rows)
        if clean is None:
            clean = noisy.new_full((), torch.nan).expand_as(noisy)
        return Batch(noisy, clean, label, self._view(SECOND, rows) if self.second_view else None)

    def _view(self, name: str, rows: Tensor) -> Tensor | None:
        if name not in self._views:
            return None
        self._views[name] = samples = self._views[name].to(rows.device)
        channels, crop, _ = self.image_shape
        return gather(samples, rows, channels, crop)
