"""The real Fashion-MNIST and MNIST: their images, as torchvision reads them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision import datasets

from datamodules.images import Split
from datamodules.labelled_images import stratified_split
from datamodules.mnist import MNIST, FashionMNIST, MNISTFormat
from tests.helpers.batches import clean, order, rows_per_class
from tests.helpers.mnist import new_mnist


@pytest.fixture(scope="module")
def fashion_mnist(fashion_mnist_root: Path) -> MNISTFormat:
    data = new_mnist(FashionMNIST, fashion_mnist_root)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_fashion_mnist_has_its_60_000_and_10_000_images(fashion_mnist: MNISTFormat) -> None:
    sizes = [fashion_mnist.size(split) for split in ("train", "val", "test")]
    assert sizes == [55_000, 5_000, 10_000]
    assert rows_per_class(fashion_mnist.labels("train")).tolist() == [5_500] * 10
    assert rows_per_class(fashion_mnist.labels("val")).tolist() == [500] * 10
    assert rows_per_class(fashion_mnist.labels("test")).tolist() == [1_000] * 10


def test_fashion_mnist_is_what_torchvision_reads(fashion_mnist: MNISTFormat) -> None:
    train = datasets.FashionMNIST(fashion_mnist.root, train=True)
    test = datasets.FashionMNIST(fashion_mnist.root, train=False)
    training, validation = stratified_split(train.targets, 5_000)
    expected: dict[Split, tuple[Tensor, Tensor]] = {
        "train": (train.data[training], train.targets[training]),
        "val": (train.data[validation], train.targets[validation]),
        "test": (test.data, test.targets),
    }
    for split, (images, labels) in expected.items():
        index = torch.arange(0, len(images), 7)
        batch = fashion_mnist.eval_batch(split, index)
        assert torch.equal(batch.clean[:, 0], images[index] / 255)
        assert torch.equal(batch.label, labels[index])
    assert fashion_mnist.class_names == tuple(train.classes)


def test_fashion_mnist_trains_on_each_image_once(fashion_mnist: MNISTFormat) -> None:
    assert sorted(order(fashion_mnist, "train")) == list(range(55_000))


def test_mnist_has_its_60_000_and_10_000_images(mnist_root: Path) -> None:
    data = new_mnist(MNIST, mnist_root, val_size=6_000)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert [data.size(split) for split in ("train", "val", "test")] == [54_000, 6_000, 10_000]
    first = datasets.MNIST(mnist_root, train=False).data[0]
    assert torch.equal(clean(data, "test")[0, 0], first / 255)
