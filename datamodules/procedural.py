"""A dataset without files: garments drawn by code, in Fashion-MNIST's classes and format."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from datamodules.garments import draw_garments
from datamodules.labelled_images import LabelledImages
from datamodules.noise import Noise
from groundwork.ranges import Seed, require_ranges
from groundwork.seeding import generator

# The largest takes 8 GB, and four times that in the noise of an evaluation.
Count = Annotated[int, Field(ge=1, le=10_000_000)]


class Procedural(LabelledImages):
    """28 x 28 pictures of garments of random shape, size, brightness and texture.

    Args:
        train_size, val_size, test_size: How many images are drawn for each split.
        data_seed: Keys the images. The same seed draws the same bits.
        noise, batch_size, eval_seed, num_workers, seed: See `ImageDataModule`.

    Raises:
        ValueError: A setting is out of range.
    """

    image_shape = (1, 28, 28)
    class_names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )

    def __init__(
        self,
        noise: Noise,
        train_size: Count,
        val_size: Count,
        test_size: Count,
        data_seed: Seed,
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        require_ranges(Procedural.__init__, locals())
        self.train_count = train_size + val_size
        super().__init__(noise, batch_size, val_size, eval_seed, num_workers, seed)
        self.test_count = test_size
        self.data_seed = data_seed

    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        count = self.test_count if test else self.train_count
        random = generator("cpu", "garments", self.data_seed, "test" if test else "train")
        labels = torch.randint(self.num_classes, (count,), generator=random)
        return draw_garments(labels, random), labels
