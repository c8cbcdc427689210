"""The validation split depends on no seed, and the parts of a composite must agree on it."""

from functools import partial
from pathlib import Path

import pytest
import torch

import train
from datamodules.images import ImageDataModule
from datamodules.mnist import FashionMNIST
from datamodules.noise import Gaussian
from tests.helpers.runs import (
    CLASSIFIER,
    CPU,
    DENSE,
    compose,
    composite_of,
    json_of,
    train_in,
    trained,
)

QUICK = ("trainer.max_epochs=1", "trainer.limit_train_batches=1")
SMALL = ("model=dense", "model.hidden=[16]")


def train_on_files(directory: Path, *overrides: str) -> Path:
    """Train shortly on real images, and return the best checkpoint."""
    short = (*CPU, *QUICK, "data.val_size=64", "trainer.limit_test_batches=1")
    train.train(compose("train", *short, *overrides), directory)
    return directory / "checkpoints" / "best.ckpt"


def clean(data: ImageDataModule) -> torch.Tensor:
    return data.eval_batch("val", torch.arange(data.size("val"))).clean


def fashion_mnist(root: Path, seed: int, eval_seed: int) -> FashionMNIST:
    data = FashionMNIST(
        Gaussian(0.5, clip=True),
        root=str(root),
        batch_size=128,
        val_size=500,
        eval_seed=eval_seed,
        num_workers=0,
        seed=seed,
    )
    data.setup("fit")
    return data


@pytest.mark.parametrize(("seed", "eval_seed"), [(1, 0), (0, 1), (2**31, 7)])
def test_no_seed_changes_the_split_of_fashion_mnist(
    fashion_mnist_root: Path, seed: int, eval_seed: int
) -> None:
    torch.manual_seed(1)
    first = fashion_mnist(fashion_mnist_root, 0, 0)
    torch.manual_seed(2)
    other = fashion_mnist(fashion_mnist_root, seed, eval_seed)
    assert other.split_fingerprint() == first.split_fingerprint()
    for split in ("train", "val"):
        assert torch.equal(other.labels(split), first.labels(split))  # type: ignore[arg-type]
    assert torch.equal(clean(other), clean(first))


def test_no_seed_changes_the_split_of_a_run(tmp_path: Path) -> None:
    other = train_in(tmp_path, *DENSE, *QUICK, "seed=7", "data.eval_seed=7")
    first = json_of(trained(*DENSE).directory / "run.json")
    assert json_of(other.directory / "run.json")["split"] == first["split"]


@pytest.mark.parametrize(
    "overrides",
    [
        ("data.train_size=255", "data.val_size=65"),  # the same images, another split
        ("data.data_seed=1",),  # as many other images
        ("data.train_size=257",),  # one image more to train with
    ],
    ids=str,
)
def test_parts_that_held_out_other_images_make_no_composite(
    overrides: tuple[str, ...], tmp_path: Path
) -> None:
    other = train_in(tmp_path / "other", *SMALL, *QUICK, *overrides).best
    refused = partial(train_in, tmp_path / "refused")
    parts = composite_of(other, trained(*CLASSIFIER).best)
    with pytest.raises(ValueError, match="different validation images"):
        refused(*parts)
    # The parts agree with each other, but not with the data.
    with pytest.raises(ValueError, match="other validation images"):
        refused(*composite_of(trained(*DENSE).best, trained(*CLASSIFIER).best), *overrides)
    assert not (tmp_path / "refused").exists()


def test_parts_of_two_datasets_of_the_same_shape_make_no_composite(
    fashion_mnist_root: Path, mnist_root: Path, tmp_path: Path
) -> None:
    denoiser = train_on_files(tmp_path / "denoiser", "data=mnist", *SMALL)
    classifier = train_on_files(tmp_path / "classifier", "model=classifier")
    for data in ("mnist", "fashion_mnist"):
        parts = composite_of(denoiser, classifier)
        with pytest.raises(ValueError, match="different validation images"):
            train_on_files(tmp_path / "refused", f"data={data}", *parts)


def test_parts_of_other_seeds_make_a_composite(tmp_path: Path) -> None:
    seeds = ("seed=12", "data.eval_seed=12")
    other = train_in(tmp_path / "other", *SMALL, *QUICK, *seeds).best
    run = train_in(tmp_path / "both", *composite_of(other, trained(*CLASSIFIER).best))
    assert run.metrics["validation"].keys() >= {"psnr", "accuracy"}
