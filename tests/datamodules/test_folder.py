"""`data=folder`: the crops of training, and the fixed ones of evaluation."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.images import Split
from groundwork.batch import Batch
from tests.helpers.picture_folder import (
    SPLITS,
    bytes_of,
    clean,
    fill,
    new_folder,
    pixels,
    sources,
    trained_on,
    windows,
)
from tests.helpers.pictures import save


def test_training_sees_every_place_of_a_picture_in_all_eight_symmetries(tmp_path: Path) -> None:
    pictures = fill(tmp_path)
    data = new_folder(tmp_path, train_size=20_000)
    places = {c: (n, *at) for n, picture in pictures.items() for c, at in windows(picture).items()}
    seen = Counter(places[crop] for crop in bytes_of(trained_on(data)))
    training = {name for name, *_ in seen}
    assert len(training) == 3
    symmetries = Counter(at[3] for at in seen.elements())
    assert all(symmetries[kind] == pytest.approx(20_000 / 8, rel=0.1) for kind in range(8))
    area = {name: pictures[name].size for name in training}
    for name in training:
        share = sum(count for at, count in seen.items() if at[0] == name) / 20_000
        assert share == pytest.approx(area[name] / sum(area.values()), rel=0.1)
        everywhere = {at[:2] for at in windows(pictures[name]).values()}
        assert {at[1:3] for at in seen if at[0] == name} == everywhere


def test_without_symmetries_crops_are_as_in_the_picture(tmp_path: Path) -> None:
    pictures = fill(tmp_path)
    upright = {c for p in pictures.values() for c, at in windows(p).items() if at[2] == 0}
    assert set(bytes_of(trained_on(new_folder(tmp_path, symmetries=False)))) <= upright


@pytest.mark.parametrize("symmetries", [False, True])
def test_the_channels_of_a_crop_are_from_the_same_place(tmp_path: Path, symmetries: bool) -> None:
    for number in range(3):
        base = pixels(9, 8 + number, seed=number) // 2
        save(tmp_path / f"{number}.png", np.stack((base, base + 100, 255 - base), 2))
    data = new_folder(tmp_path, channels=3, symmetries=symmetries)
    for crops in (trained_on(data), clean(data, "val"), clean(data, "test")):
        red, green, blue = (crops * 255).round().unbind(1)
        assert torch.equal(green, red + 100)
        assert torch.equal(blue, 255 - red)
        assert len(red.unique()) > 20


def test_grey_crops_are_those_of_pillow_with_one_noise_for_all_channels(tmp_path: Path) -> None:
    for number in range(10):
        colours = pixels(30, 30, 3, seed=number)
        save(tmp_path / "colour" / f"{number}.png", colours)
    settings = {"channels": 3, "train_size": 2_000}
    colour = new_folder(tmp_path / "colour", **settings)
    data = new_folder(tmp_path / "colour", grey_share=0.3, **settings)
    for split in SPLITS:
        crops, plain = (
            trained_on(each) if split == "train" else clean(each, split) for each in (data, colour)
        )
        grey = (crops == crops[:, :1]).flatten(1).all(1)
        assert grey.float().mean() == pytest.approx(0.3, abs=0.04)
        assert torch.equal(crops[~grey], plain[~grey])
        pictures = (plain[grey].movedim(1, -1) * 255).round().byte().numpy()
        by_pillow = np.stack([np.asarray(Image.fromarray(p).convert("L")) for p in pictures])
        assert np.array_equal((crops[grey, 0] * 255).round().byte().numpy(), by_pillow)
    index = torch.arange(data.size("val"))
    batch, whole = (each.eval_batch("val", index) for each in (data, colour))
    grey = (batch.clean == batch.clean[:, :1]).flatten(1).all(1)
    noise, expected = batch.noisy - batch.clean, whole.noisy - whole.clean
    assert torch.equal(batch.noisy[grey], batch.noisy[grey, :1].expand(-1, 3, -1, -1))
    torch.testing.assert_close(noise[grey, 0], expected[grey, 0])
    assert torch.equal(batch.noisy[~grey], whole.noisy[~grey])


def test_grey_crops_need_three_channels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"grey_share is for channels=3, got 0.5 for channels=1"):
        new_folder(tmp_path, grey_share=0.5)


def test_crops_follow_from_seed_and_epoch_alone(tmp_path: Path) -> None:
    fill(tmp_path)

    def crops(epoch: int, **settings: Any) -> list[bytes]:
        torch.manual_seed(9)
        return bytes_of(trained_on(new_folder(tmp_path, **settings), epoch))

    first = crops(2, seed=1)
    for settings in ({"eval_seed": 3}, {"batch_size": 7}, {"num_workers": 2}):
        assert crops(2, seed=1, **settings) == first
    for other in (crops(3, seed=1), crops(2, seed=2)):
        assert len(set(other) & set(first)) < len(first) / 2


def test_an_epochs_crops_do_not_depend_on_the_epochs_before(tmp_path: Path) -> None:
    fill(tmp_path)
    data = new_folder(tmp_path)
    first = trained_on(data, 1)
    fitting = data.fitting_batch()
    trained_on(data, 0)
    assert torch.equal(trained_on(data, 1), first)
    assert torch.equal(data.fitting_batch().noisy, fitting.noisy)
    assert torch.equal(new_folder(tmp_path, seed=5).fitting_batch().noisy, fitting.noisy)


# Crops of validation and test


@pytest.mark.parametrize("split", ["val", "test"])
def test_fixed_crops_cover_a_held_out_picture_side_by_side(tmp_path: Path, split: Split) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", pixels(13, 22, seed=number))
    data = new_folder(tmp_path)
    found = bytes_of(clean(data, split))
    (picture,) = (
        picture
        for number in range(3)
        if found[0] in windows(picture := pixels(13, 22, seed=number))
    )
    places = [windows(picture)[crop] for crop in found]
    # 2 x 4 crops of 5 x 5 pixels fit into 13 x 22, around the middle
    assert places == [(top, left, 0) for top in (1, 6) for left in (1, 6, 11, 16)]


def test_of_too_many_fixed_crops_some_from_all_pictures_are_taken(tmp_path: Path) -> None:
    pictures = fill(tmp_path, 10)
    everything = new_folder(tmp_path, val_share=0.4)
    some = new_folder(tmp_path, val_share=0.4, val_size=12)
    assert (everything.size("val"), some.size("val")) == (everything.val_size, 12)
    assert everything.size("val") > 24
    assert set(bytes_of(clean(some, "val"))) < set(bytes_of(clean(everything, "val")))
    assert len(set(sources(some, "val", pictures))) == 4


@pytest.mark.parametrize("split", ["val", "test"])
def test_evaluation_is_the_same_bits_for_any_seed_batches_and_workers(
    tmp_path: Path, split: Split
) -> None:
    fill(tmp_path)

    def batch(**settings: Any) -> Batch:
        torch.manual_seed(9)
        data = new_folder(tmp_path, **settings)
        return data.eval_batch(split, torch.arange(data.size(split)))

    first = batch()
    for settings in ({"seed": 4}, {"batch_size": 3}, {"num_workers": 2}, {"train_size": 7}):
        other = batch(**settings)
        assert torch.equal(other.clean, first.clean)
        assert torch.equal(other.noisy, first.noisy)
