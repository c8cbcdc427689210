"""Pictures of dead leaves, drawn by code, to train denoisers for photographs."""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from datamodules.cropped_pictures import Channels, Count, Crop, CroppedPictures, GreyShare
from datamodules.leaf_pictures import draw_picture
from datamodules.noise import Noise
from groundwork import machine
from groundwork.ranges import Seed, require_ranges
from groundwork.seeding import derive_seed

WORKING = 1_000  # bytes for each pixel of a picture that is being drawn
MEMORY_SHARE = 0.8  # of the machine's, that drawing may take

log = logging.getLogger(__name__)


class DeadLeaves(CroppedPictures):
    """Square crops of pictures made of leaves, which train denoisers for photographs.

    A denoiser that has seen such pictures alone comes close to one that has seen photographs
    (Achddou, Gousseau and Ladjal 2021, "Synthetic images as a regularity prior for image
    restoration neural networks"). Each training picture is keyed by (data_seed, number), each of
    validation and test by (eval_seed, split, number). They are drawn before training, on all
    cores, and held in memory.

    Args:
        pictures: How many pictures are drawn to train with. Validation and test have as many as
            their crops fill.
        size: Pixels on a side of a picture.
        channels: 1 for grey, 3 for colour.
        crop: Pixels on a side of a crop, `size` at most.
        min_radius, max_radius: The radii of leaves, in pixels. Their density falls as radius^-3.
        data_seed: Keys the training pictures.
        noise, symmetries, grey_share, train_size, val_size, test_size, batch_size, eval_seed,
            num_workers, seed: See `CroppedPictures`. `eval_seed` keys the pictures too, not just
            their noise.

    Raises:
        ValueError: A setting is out of range. From `setup`: the pictures take more memory than this
            machine has.
    """

    licence = "none needed, the pictures are drawn by code"

    def __init__(
        self,
        noise: Noise,
        pictures: Annotated[int, Field(ge=1, le=1_000_000)],
        size: Annotated[int, Field(ge=32, le=4096)],
        channels: Channels,
        crop: Crop,
        min_radius: Annotated[float, Field(ge=0.2)],
        max_radius: Annotated[float, Field(ge=2)],
        symmetries: bool,
        grey_share: GreyShare,
        train_size: Count,
        val_size: Count,
        test_size: Count,
        data_seed: Seed,
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        require_ranges(DeadLeaves.__init__, locals())
        if crop > size:
            raise ValueError(f"crop must be at most size, which is {size}, got {crop}")
        if not min_radius < max_radius <= size:
            raise ValueError(
                f"max_radius must be above min_radius, which is {min_radius}, and at most size, "
                f"which is {size}, got {max_radius}"
            )
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
        self.pictures = pictures
        self.side = size
        self.radii = min_radius, max_radius
        self.data_seed = data_seed

    def setup(self, stage: str) -> None:
        test = stage == "test"
        if test in self._images:
            return
        crops = (self.side // self.image_shape[1]) ** 2  # side by side in a picture
        held_out, count = ("test", self.test_count) if test else ("val", self.val_size)
        training = 0 if test else self.pictures
        keys: list[tuple[int | str, ...]] = [("train", self.data_seed, n) for n in range(training)]
        keys += [(held_out, self.eval_seed, n) for n in range(-(-count // crops))]
        self._hold(test, *self._draw(keys), training)
        if not test:
            # The settings, not the pixels: in the last of 8 bits, two machines may differ.
            drawn = [keys, self.side, self.image_shape, self.radii, self.val_size]
            self._fingerprint = hashlib.sha256(repr(drawn).encode()).hexdigest()[:16]

    def _draw(self, keys: list[tuple[int | str, ...]]) -> tuple[Tensor, Tensor]:
        """Draw a picture for each key.

        Returns:
            The samples, uint8, and the places of the pictures, as `together` returns them.
        """
        channels, area, threads = self.image_shape[0], self.side**2, machine.cores()
        needed, there = area * (len(keys) * channels + threads * WORKING), machine.memory()
        if needed > MEMORY_SHARE * there:
            raise ValueError(
                f"drawing {len(keys)} pictures takes {needed / 1e9:,.1f} GB of memory, this "
                f"machine or container has {there / 1e9:,.1f} GB: lower data.pictures or data.size"
            )
        log.info("drawing %d pictures of dead leaves", len(keys))
        samples = np.empty((len(keys), channels, self.side, self.side), np.uint8)

        def draw(number: int) -> None:
            random = np.random.default_rng(derive_seed("dead leaves", *keys[number]))
            samples[number] = draw_picture(self.side, channels, *self.radii, random)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(draw, range(len(keys))))  # the list raises what a thread has raised
        starts = torch.arange(len(keys)) * channels * area
        sides = torch.full_like(starts, self.side)
        return torch.from_numpy(samples).flatten(), torch.stack((starts, sides, sides), 1)
