"""The LightningDataModule behind datasets with labels: splits that are stratified by class.

N images in a split, C channels, H x W pixels.
"""

import hashlib
from abc import abstractmethod

import torch
from torch import Tensor

from datamodules.images import ImageDataModule, Split
from groundwork.seeding import generator


class LabelledImages(ImageDataModule):
    """Images of one size in classes. A fixed share of each class is held out for validation.

    Subclasses define `image_shape`, `class_names`, `train_count`, `test_count` and `load`.
    """

    @abstractmethod
    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        """Load images and labels.

        Args:
            test: Load the test images, not those of training and validation together.

        Returns:
            The images, uint8 N C H W, and the labels, int64 N.
        """

    def setup(self, stage: str) -> None:
        test = stage == "test"
        if test in self._images:
            return
        self._images[test], labels = self.load(test)
        if test:
            self._rows["test"], self._labels["test"] = torch.arange(len(labels)), labels
            return
        self._rows["train"], self._rows["val"] = stratified_split(labels, self.val_size)
        for split in ("train", "val"):
            self._labels[split] = labels[self._rows[split]]
        content = b"".join(part.numpy().tobytes() for part in (labels, self._rows["val"]))
        self._fingerprint = hashlib.sha256(content).hexdigest()[:16]

    def _samples(self, split: Split, rows: Tensor) -> Tensor:
        test = split == "test"
        self._images[test] = images = self._images[test].to(rows.device)
        return images[rows]


def stratified_split(labels: Tensor, val_size: int) -> tuple[Tensor, Tensor]:
    """Hold out images for validation, from each class in proportion to its size.

    Each class gives the whole part of its share. The classes with the largest remainders give one
    image more.

    Args:
        labels: int64 N.
        val_size: How many images are held out.

    Returns:
        The rows for training and those for validation, each in ascending order.
    """
    counts = labels.bincount()
    share = counts.double() * val_size / len(labels)
    quota = share.floor().long()
    quota[(share - quota).argsort(descending=True, stable=True)[: val_size - quota.sum()]] += 1
    shuffled = torch.randperm(len(labels), generator=generator("cpu", "validation split"))
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for label, count in enumerate(quota.tolist()):
        held_out[shuffled[labels[shuffled] == label][:count]] = True
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()
