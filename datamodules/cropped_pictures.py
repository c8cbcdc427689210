"""The LightningDataModule behind pictures larger than what a model sees of them at a time.

P pictures or planes of H x W pixels; N crops of S x S pixels in a split, B in a batch; C channels.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from datamodules.crops import fixed_crops, gather, random_crops
from datamodules.images import ImageDataModule, Split
from datamodules.noise import Noise
from groundwork.ranges import require_ranges
from groundwork.seeding import generator

Channels = Literal[1, 3]
Crop = Annotated[int, Field(ge=1, le=10_000)]
GreyShare = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]


class CroppedPictures(ImageDataModule):
    """Square crops of pictures. They have no labels.

    An epoch of training has `train_size` crops at random places. A picture is drawn in proportion
    to its pixels. Places and symmetries are keyed by (seed, epoch). The crops of validation and
    test are fixed, lie side by side, and depend on no seed.

    Subclasses define a `setup` that calls `_hold` and fills `_fingerprint`.

    Args:
        channels: C.
        crop: S.
        symmetries: Whether each training crop gets a random one of a square's eight symmetries.
        grey_share: The share of crops that are made grey although C is 3, so that a network learns
            both kinds. Their noise is the same in all channels too.
        train_size: Crops in an epoch of training.
        val_size, test_size: The largest number of fixed crops. No two show the same pixel.
        noise, batch_size, eval_seed, num_workers, seed: See `ImageDataModule`.

    Raises:
        ValueError: A setting is out of range.
    """

    class_names = ()

    def __init__(
        self,
        noise: Noise,
        channels: Channels,
        crop: Crop,
        symmetries: bool,
        grey_share: GreyShare,
        train_size: Count,
        val_size: Count,
        test_size: Count,
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        require_ranges(CroppedPictures.__init__, locals())
        if grey_share and channels == 1:
            raise ValueError(f"grey_share is for channels=3, got {grey_share} for channels=1")
        self.image_shape = channels, crop, crop
        self.train_count = train_size + val_size
        super().__init__(noise, batch_size, val_size, eval_seed, num_workers, seed)
        self.symmetries = symmetries
        self.grey_share = grey_share
        self.train_size = train_size
        self.test_count = test_size
        self._places = torch.empty(0)  # of the training pictures, as `together` gives them
        self._epoch: dict[int, Tensor] = {}  # the rows of training's crops in one epoch

    def _hold(self, test: bool, samples: Tensor, places: Tensor, training: int) -> None:
        """Keep pictures in memory, and lay the crops of their splits.

        Args:
            test: Whether these are the test pictures, not those of training and validation.
            samples, places: As `together` returns them, the training pictures first.
            training: How many of the places are for training.
        """
        self._images[test] = samples
        crop = self.image_shape[1]
        if test:
            self._rows["test"] = fixed_crops(places, crop, self.test_count, self.grey_share)
            self.test_count = self.size("test")
        else:
            self._places, val_places = places[:training], places[training:]
            self._rows["train"] = self._draw_crops(generator("cpu", "crops to fit with"))
            self._rows["val"] = fixed_crops(val_places, crop, self.val_size, self.grey_share)
            self.val_size = self.size("val")
            self.train_count = self.train_size + self.val_size
        self._labels = {split: torch.full((len(rows),), -1) for split, rows in self._rows.items()}

    def _draw_crops(self, random: Generator) -> Tensor:
        crop = self.image_shape[1]
        return random_crops(
            self._places, crop, self.train_size, self.symmetries, self.grey_share, random
        )

    def _noisy(self, clean: Tensor, random: Generator) -> Tensor:
        noisy = super()._noisy(clean, random)
        if not self.grey_share:
            return noisy
        grey = (clean == clean[:, :1]).all(1).all(1).all(1)
        return torch.where(grey[:, None, None, None], noisy[:, :1], noisy)

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
