"""Splits, order and noise: what is in a batch, and what it depends on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from datamodules.images import ImageDataModule, Split
from datamodules.labelled_images import stratified_split
from datamodules.mnist import FashionMNIST
from datamodules.noise import Gaussian
from groundwork.batch import Batch
from tests.helpers.batches import clean, draws, order, rows_per_class
from tests.helpers.mnist import new_mnist
from tests.helpers.models import new_data, new_model, quiet_trainer

EVALUATION: tuple[Split, ...] = ("val", "test")


def batches(data: ImageDataModule, split: Split, epoch: int = 0) -> list[Batch]:
    return [data.on_after_batch_transfer(draw, 0) for draw in draws(data, split, epoch)]


def noisy(data: ImageDataModule, split: Split, epoch: int = 0) -> Tensor:
    return torch.cat([batch.noisy for batch in batches(data, split, epoch)])


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_batch_holds_float_images_and_integer_labels(split: Split) -> None:
    for batch in batches(new_data(), split):
        size = len(batch.label)
        assert batch.noisy.shape == batch.clean.shape == (size, 1, 28, 28)
        assert batch.label.shape == (size,)
        assert batch.noisy.dtype == batch.clean.dtype == torch.float32
        assert batch.label.dtype == torch.int64
        assert batch.second is None


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_clean_images_are_the_datasets_pixels_over_255_with_their_labels(split: Split) -> None:
    data = new_data(val_size=23)
    images, labels = data.load(test=split == "test")
    if split != "test":
        training, validation = stratified_split(labels, 23)
        rows = training if split == "train" else validation
        images, labels = images[rows], labels[rows]
    expected = images.numpy().astype(np.float32) / np.float32(255)
    index = torch.tensor(order(data, split))
    found = batches(data, split)
    assert np.array_equal(torch.cat([batch.clean for batch in found]).numpy(), expected[index])
    assert torch.equal(torch.cat([batch.label for batch in found]), labels[index])
    assert torch.equal(data.labels(split), labels)


@pytest.mark.parametrize(
    ("split", "sizes"), [("train", [8] * 8 + [6]), ("val", [32, 32, 6]), ("test", [32, 32, 6])]
)
def test_evaluation_has_larger_batches_and_the_last_shorter_one_is_kept(
    split: Split, sizes: list[int]
) -> None:
    data = new_data(train_size=70, val_size=70, test_size=70, batch_size=8)
    assert [len(batch.label) for batch in batches(data, split)] == sizes


# Training order and noise


def test_an_epoch_visits_every_training_image_once() -> None:
    data = new_data()
    for epoch in range(3):
        assert sorted(order(data, "train", epoch)) == list(range(50))


def test_training_order_follows_from_seed_and_epoch() -> None:
    first = order(new_data(seed=1), "train", epoch=2)
    torch.manual_seed(9)
    assert order(new_data(seed=1, eval_seed=4, num_workers=2), "train", epoch=2) == first
    assert order(new_data(seed=1), "train", epoch=3) != first
    assert order(new_data(seed=2), "train", epoch=2) != first


def test_evaluation_is_in_the_order_of_the_split() -> None:
    for split in EVALUATION:
        assert order(new_data(), split, epoch=1) == list(range(20))


def test_training_noise_follows_from_seed_epoch_and_step() -> None:
    data = new_data(seed=1)
    first = noisy(data, "train", epoch=2)
    torch.manual_seed(9)
    noisy(data, "train", epoch=0)
    noisy(data, "val")
    assert torch.equal(noisy(data, "train", epoch=2), first)
    assert torch.equal(noisy(new_data(seed=1, eval_seed=4), "train", epoch=2), first)
    assert torch.equal(noisy(new_data(seed=1, num_workers=2), "train", epoch=2), first)


def test_training_noise_differs_by_seed_epoch_and_step() -> None:
    def noise(seed: int, epoch: int, step: int) -> Tensor:
        data = new_data(Gaussian(0.5, clip=False), batch_size=10, seed=seed)
        batch = batches(data, "train", epoch)[step]
        return batch.noisy - batch.clean

    first = noise(0, 0, 0)
    for other in (noise(1, 0, 0), noise(0, 1, 0), noise(0, 0, 1)):
        correlation = torch.corrcoef(torch.stack((first.flatten(), other.flatten())))[0, 1]
        assert correlation.abs() < 0.1


class Record(Callback):
    """Keeps the training batches, by epoch."""

    def __init__(self) -> None:
        self.noisy: dict[int, list[Tensor]] = {}

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        self.noisy.setdefault(trainer.current_epoch, []).append(batch.noisy.clone())


def test_lightning_trains_on_each_epochs_own_order_and_noise() -> None:
    data, record = new_data(train_size=20), Record()
    quiet_trainer(max_epochs=2, callbacks=[record]).fit(new_model("dense"), data)
    for epoch in range(2):
        assert torch.equal(torch.cat(record.noisy[epoch]), noisy(data, "train", epoch))
    assert not torch.equal(torch.cat(record.noisy[0]), torch.cat(record.noisy[1]))


# Evaluation noise


@pytest.mark.parametrize("split", EVALUATION)
def test_evaluation_noise_is_the_same_for_any_batching_workers_and_training_seed(
    split: Split,
) -> None:
    # More images than a block of noise has.
    sizes: dict[str, Any] = {"train_size": 10, f"{split}_size": 1_030}
    first = noisy(new_data(**sizes, batch_size=1_000), split)
    others: list[dict[str, Any]] = [
        {"batch_size": 1},
        {"batch_size": 7},
        {"batch_size": 1_000, "num_workers": 2},
        {"batch_size": 7, "num_workers": 2},
        {"batch_size": 1_000, "seed": 5},
    ]
    for settings in others:
        torch.manual_seed(9)
        assert torch.equal(noisy(new_data(**sizes, **settings), split), first)


@pytest.mark.parametrize("split", EVALUATION)
def test_evaluation_noise_is_the_same_in_every_epoch_and_after_training(split: Split) -> None:
    data = new_data()
    first = noisy(data, split)
    noisy(data, "train")
    assert torch.equal(noisy(data, split, epoch=3), first)


def test_evaluation_noise_differs_by_eval_seed_split_and_image() -> None:
    def noise(eval_seed: int, split: Split) -> Tensor:
        data = new_data(Gaussian(0.5, clip=False), val_size=1_020, eval_seed=eval_seed)
        return noisy(data, split) - clean(data, split)

    val = noise(0, "val")
    for other in (noise(1, "val"), noise(0, "test"), val[20:], val[1_000:]):
        count = min(len(other), 20)
        pairs = torch.stack((val[:count].flatten(), other[:count].flatten()))
        assert torch.corrcoef(pairs)[0, 1].abs() < 0.1


def test_evaluation_noise_has_the_level_of_the_setting() -> None:
    data = new_data(Gaussian(0.25, clip=False), val_size=200)
    error = noisy(data, "val") - clean(data, "val")
    assert error.std().item() == pytest.approx(0.25, rel=0.02)


# Splits


@pytest.mark.parametrize("val_size", [1, 9, 100, 333, 999])
def test_the_split_is_disjoint_complete_and_of_the_given_size(val_size: int) -> None:
    labels = torch.randint(10, (1_000,), generator=torch.Generator().manual_seed(0))
    training, validation = stratified_split(labels, val_size)
    assert len(validation) == val_size
    assert sorted(training.tolist() + validation.tolist()) == list(range(1_000))


@pytest.mark.parametrize("val_size", [10, 123, 500, 777])
@pytest.mark.parametrize(
    "weights", [[1.0] * 10, [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 55], [1.0] * 9 + [500]]
)
def test_every_class_is_held_out_in_proportion(val_size: int, weights: list[float]) -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.multinomial(torch.tensor(weights), 1_000, replacement=True, generator=random)
    _, validation = stratified_split(labels, val_size)
    expected = rows_per_class(labels) * val_size / 1_000
    assert (rows_per_class(labels[validation]) - expected).abs().max() <= 1


def test_the_split_does_not_follow_the_order_of_the_images() -> None:
    _, validation = stratified_split(torch.arange(10).repeat(100), 100)
    assert 400 < validation.double().mean() < 600
    assert len((validation // 100).unique()) > 5


def test_the_split_depends_on_no_seed() -> None:
    torch.manual_seed(1)
    first = new_data(seed=0, eval_seed=0)
    torch.manual_seed(2)
    other = new_data(seed=1, eval_seed=1)
    assert torch.equal(clean(first, "val"), clean(other, "val"))
    assert first.split_fingerprint() == other.split_fingerprint()


def test_the_fingerprint_tells_splits_apart() -> None:
    settings: list[dict[str, Any]] = [
        {},
        {"train_size": 49, "val_size": 21},  # the same images, another split
        {"data_seed": 1},
    ]
    assert len({new_data(**setting).split_fingerprint() for setting in settings}) == len(settings)


def test_examples_are_the_first_of_each_class() -> None:
    data = new_data(test_size=200)
    labels = data.labels("test").tolist()
    positions = data.examples("test", 3).tolist()
    of_class = [[i for i, label in enumerate(labels) if label == c] for c in range(10)]
    assert positions == [i for members in of_class for i in members[:3]]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("batch_size", 0),
        ("val_size", 0),
        ("train_size", 0),
        ("test_size", 0),
        ("data_seed", -1),
        ("eval_seed", -1),
        ("seed", -1),
        ("num_workers", -1),
        ("batch_size", 1_000_001),
        ("train_size", 10_000_001),
        ("test_size", 10_000_001),
        ("data_seed", 2**32),
        ("eval_seed", 2**32),
        ("seed", 2**32),
        ("num_workers", 257),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"\b{argument}\b.* must be .*{value}"):
        new_data(**{argument: value})


def test_the_validation_split_must_leave_training_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^val_size must be .* 60000"):
        new_mnist(FashionMNIST, tmp_path, val_size=60_000)
