"""Garments drawn by code: from a seed, unlike each other, in the format of Fashion-MNIST."""

import pytest
import torch

from datamodules.mnist import FashionMNIST
from tests.helpers.batches import clean
from tests.helpers.models import new_data


def test_procedural_images_follow_from_the_data_seed() -> None:
    first, same, other = (new_data(data_seed=seed) for seed in (3, 3, 4))
    for split in ("train", "val", "test"):
        images = clean(first, split)
        assert torch.equal(clean(same, split), images)
        assert torch.equal(same.labels(split), first.labels(split))
        assert not torch.equal(clean(other, split), images)


def test_no_procedural_image_is_in_two_splits_or_twice_in_one() -> None:
    data = new_data(train_size=400, val_size=200, test_size=600)
    images = torch.cat([clean(data, split) for split in ("train", "val", "test")])
    assert len(images.flatten(1).unique(dim=0)) == len(images) == 1_200


@pytest.mark.parametrize("test", [False, True])
def test_procedural_images_have_the_format_of_fashion_mnist(test: bool) -> None:
    data = new_data(train_size=300, val_size=100, test_size=400)
    images, labels = data.load(test)
    assert images.shape == (400, 1, 28, 28)
    assert images.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert labels.unique().tolist() == list(range(10))
    assert data.class_names == FashionMNIST.class_names
    assert (data.image_shape, data.num_classes) == ((1, 28, 28), 10)


def test_every_procedural_image_shows_something_on_a_black_background() -> None:
    images, labels = new_data(test_size=500).load(test=True)
    pixels = images.flatten(1)
    assert (pixels.max(1).values > 50).all()
    assert ((pixels > 0).sum(1) > 30).all()
    corners = images[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    for label in range(10):
        assert (pixels[labels == label] == 0).double().mean() > 0.1
        assert (corners[labels == label] == 0).double().mean() > 0.8


def test_procedural_classes_differ_more_between_than_within() -> None:
    """The nearest class mean recognises far more than the 10 % of chance."""
    data = new_data(train_size=900, val_size=100, test_size=300)
    train, labels = clean(data, "train").flatten(1), data.labels("train")
    means = torch.stack([train[labels == label].mean(0) for label in range(10)])
    guess = torch.cdist(clean(data, "test").flatten(1), means).argmin(1)
    assert (guess == data.labels("test")).double().mean() > 0.5
