"""`data=folder`: which picture is in which split, and what becomes of colours and bits."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tests.helpers.picture_folder import (
    CROP,
    SPLITS,
    clean,
    fill,
    new_folder,
    pixels,
    sources,
    trained_on,
)
from tests.helpers.pictures import save


def test_no_picture_is_in_two_splits_and_each_is_in_one(tmp_path: Path) -> None:
    pictures = fill(tmp_path, 10)
    data = new_folder(tmp_path)
    found = [set(sources(data, split, pictures)) for split in SPLITS]
    assert [len(names) for names in found] == [6, 2, 2]
    assert set.union(*found) == pictures.keys()


def test_the_split_follows_from_the_contents_alone(tmp_path: Path) -> None:
    pictures = fill(tmp_path / "first")
    for number, name in enumerate(pictures):
        path = tmp_path / "other" / f"folder {number % 2}" / f"{9 - number}.PNG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "first" / name).read_bytes())
    first, other = new_folder(tmp_path / "first"), new_folder(tmp_path / "other", seed=3)
    assert first.split_fingerprint() == other.split_fingerprint()
    for split in ("val", "test"):
        assert torch.equal(clean(first, split), clean(other, split))
    save(tmp_path / "other" / "one more.png", pixels(20, 20, seed=99))
    assert new_folder(tmp_path / "other").split_fingerprint() != first.split_fingerprint()


def test_a_copy_counts_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures = fill(tmp_path)
    first = new_folder(tmp_path)
    for name in pictures:
        (tmp_path / f"copy of {name}").write_bytes((tmp_path / name).read_bytes())
    assert not caplog.records
    assert new_folder(tmp_path).split_fingerprint() == first.split_fingerprint()
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}: 5 copies of other pictures are left out"
    ]


def test_pictures_of_another_folder_can_be_the_test(tmp_path: Path) -> None:
    pictures = fill(tmp_path / "root")
    others = {"test.png": pixels(15, 15, seed=77)}
    save(tmp_path / "others" / "test.png", others["test.png"])
    data = new_folder(tmp_path / "root", test_root=str(tmp_path / "others"))
    assert set(sources(data, "test", others)) == {"test.png"}
    assert len(set(sources(data, "train", pictures))) == 4
    assert len(set(sources(data, "val", pictures))) == 1


def test_a_picture_is_not_both_to_train_and_to_test_with(tmp_path: Path) -> None:
    fill(tmp_path / "root")
    save(tmp_path / "others" / "a.png", pixels(15, 15, seed=77))
    (tmp_path / "others" / "b.png").write_bytes((tmp_path / "root" / "3.png").read_bytes())
    with pytest.raises(ValueError, match=r"others/b.png is to test with, and .*root/3.png"):
        new_folder(tmp_path / "root", test_root=str(tmp_path / "others"))


# Samples


def test_colours_become_the_grey_that_pillow_makes_of_them(tmp_path: Path) -> None:
    """The grey is that of ITU-R BT.601, to the bit."""
    pictures = {}
    for number in range(3):
        image = Image.fromarray(pixels(40, 40, 3, seed=number))
        image.save(tmp_path / f"{number}.png")
        pictures[f"{number}.png"] = np.asarray(image.convert("L"))
    data = new_folder(tmp_path)
    assert {source for split in SPLITS for source in sources(data, split, pictures)} == {
        "0.png",
        "1.png",
        "2.png",
    }


def test_grey_pictures_have_three_equal_channels_among_coloured_ones(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    grey = new_folder(tmp_path)
    colour = new_folder(tmp_path, channels=3)
    assert torch.equal(clean(colour, "val"), clean(grey, "val").expand(-1, 3, -1, -1))


def test_16_bits_are_kept_and_8_are_the_same_beside_them(tmp_path: Path) -> None:
    fill(tmp_path / "root")
    dark = np.random.default_rng(5).integers(1_000, 1_100, size=(20, 20), dtype=np.uint16)
    save(tmp_path / "root" / "dark.png", dark)
    save(tmp_path / "test" / "test.png", pixels(15, 15, seed=77))
    data = new_folder(
        tmp_path / "root", test_root=str(tmp_path / "test"), val_share=0.4, range="dtype"
    )
    crops = torch.cat((trained_on(data), clean(data, "val")))
    values = set(crops.unique().tolist())
    of_8, of_16 = (
        {float(np.float32(value) / np.float32(white)) for value in levels}
        for levels, white in ((range(256), 255), (range(1_000, 1_100), 65_535))
    )
    assert values <= of_8 | of_16
    assert len(values & of_8) > 200
    assert len(values & of_16) > 90


def test_deep_colours_become_grey_without_a_cut_to_8_bits(tmp_path: Path) -> None:
    """A picture with one colour has BT.601's luma as its only value."""
    colour = np.array([1_234, 20_001, 60_002], np.uint16)
    for number in range(3):
        shape = (10 + number, 10, 3)
        tifffile.imwrite(tmp_path / f"{number}.tif", np.broadcast_to(colour, shape))
    luma = (0.299 * 1_234 + 0.587 * 20_001 + 0.114 * 60_002) / 65_535
    for split in SPLITS:
        assert clean(new_folder(tmp_path), split).unique().tolist() == pytest.approx(
            [luma], abs=1 / 65_535
        )


# What a folder may contain


def test_hidden_files_and_what_is_no_picture_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path)
    first = new_folder(tmp_path).split_fingerprint()
    for name in ("._1.png", ".cache/a.png", "notes.txt", "folder.png/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no picture")
    assert new_folder(tmp_path).split_fingerprint() == first


def test_what_is_smaller_than_the_crop_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path)
    first = new_folder(tmp_path).split_fingerprint()
    save(tmp_path / "small" / "low.png", pixels(4, 30, seed=8))
    save(tmp_path / "small" / "narrow.png", pixels(30, 4, seed=9))
    assert new_folder(tmp_path).split_fingerprint() == first
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}: smaller than the crop of 5 pixels, left out: small/low.png, small/narrow.png"
    )


def test_a_picture_of_just_the_crops_size_is_its_only_crop(tmp_path: Path) -> None:
    made = {f"{number}.png": pixels(CROP, CROP, seed=number) for number in range(3)}
    for name, picture in made.items():
        save(tmp_path / name, picture)
    data = new_folder(tmp_path)
    assert {source for split in SPLITS for source in sources(data, split, made)} == made.keys()
    assert [data.size(split) for split in SPLITS] == [300, 1, 1]
