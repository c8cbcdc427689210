"""`data=folder`: the crops, the splits, and the files that a folder may have."""

import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor

import train
from cli.messages import is_users_mistake
from datamodules import reading
from datamodules.folder import Folder
from datamodules.images import Split
from datamodules.noise import Gaussian
from datamodules.sampling import DrawSampler
from groundwork.batch import Batch
from tests.helpers.runs import CPU, OPEN, Run, compose, read, resume_in, same, score_in
from training import tensorboard

CROP = 5
SETTINGS: dict[str, Any] = {
    "test_root": None,
    "channels": 1,
    "crop": CROP,
    "range": "auto",
    "symmetries": True,
    "grey_share": 0.0,
    "train_size": 300,
    "val_size": 100,
    "test_size": 100,
    "val_share": 0.2,
    "test_share": 0.2,
    "batch_size": 64,
    "eval_seed": 0,
    "num_workers": 0,
    "seed": 0,
}
SPLITS: tuple[Split, ...] = ("train", "val", "test")
# As a run of train.py calls it.
RUN = (
    *CPU,
    "data=folder",
    "data.crop=12",
    "data.train_size=40",
    "data.val_size=8",
    "data.test_size=8",
    "data.batch_size=16",
)
DENSE = ("model=dense", "model.hidden=[16]")


def pixels(height: int, width: int, *channels: int, seed: int) -> np.ndarray:
    shape = (height, width, *channels)
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def fill(root: Path, count: int = 5) -> dict[str, np.ndarray]:
    """Write random grey pictures of several sizes. No two pixels have the same surroundings."""
    made = {}
    for number in range(count):
        made[f"{number}.png"] = pixels(11 + 2 * number, 20 - number % 9, seed=number)
        save(root / f"{number}.png", made[f"{number}.png"])
    return made


def save(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(samples).save(path)


def new_folder(root: Path, **settings: Any) -> Folder:
    data = Folder(Gaussian(std=0.1, clip=False), root=str(root), **SETTINGS | settings)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def epoch_of(data: Folder, epoch: int) -> list[Batch]:
    """Return the training batches of an epoch."""
    loader = data.train_dataloader()
    assert isinstance(loader.sampler, DrawSampler)
    loader.sampler.set_epoch(epoch)
    return [data.on_after_batch_transfer(draw, 0) for draw in loader]


def trained_on(data: Folder, epoch: int = 0) -> Tensor:
    return torch.cat([batch.clean for batch in epoch_of(data, epoch)])


def clean(data: Folder, split: Split) -> Tensor:
    return data.eval_batch(split, torch.arange(data.size(split))).clean


def bytes_of(crops: Tensor) -> list[bytes]:
    """Return the 8-bit samples of each crop."""
    return [crop.tobytes() for crop in (crops * 255).round().to(torch.uint8).numpy()]


def windows(picture: np.ndarray, size: int = CROP) -> dict[bytes, tuple[int, int, int]]:
    """Map each possible crop of a picture H W to its top, left and symmetry, where 0 is none."""
    found = {}
    for top in range(picture.shape[0] - size + 1):
        for left in range(picture.shape[1] - size + 1):
            crop = picture[top : top + size, left : left + size]
            for turns in range(4):
                turned = np.rot90(crop, turns)
                found[turned.tobytes()] = top, left, turns
                found[turned.T.tobytes()] = top, left, turns + 4
    return found


def sources(data: Folder, split: Split, pictures: dict[str, np.ndarray]) -> list[str]:
    """Return the pictures that a split's crops are from."""
    places = {crop: name for name, picture in pictures.items() for crop in windows(picture)}
    crops = trained_on(data) if split == "train" else clean(data, split)
    return [places[crop] for crop in bytes_of(crops)]


# Crops of training


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


# Splits


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


def only_small(root: Path) -> None:
    save(root / "a.png", pixels(4, 4, seed=0))


def two(root: Path) -> None:
    fill(root, 2)


def damaged(root: Path) -> None:
    fill(root)
    (root / "3.png").write_bytes((root / "3.png").read_bytes()[:-30])


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda root: None, r"^there is no folder .*/root$"),
        (Path.mkdir, r"^there is no picture in .*/root: PNG, .* are looked for$"),
        (only_small, r"^.*/root has no picture of at least 5 x 5 pixels, the crop$"),
        (two, r"^.*/root has too few pictures to train, to validate and to test: 2$"),
        (damaged, r"^.*/root/3\.png cannot be read: "),
    ],
    ids=["none", "empty", "small", "two", "damaged"],
)
def test_a_folder_to_learn_nothing_from_is_refused(tmp_path: Path, make: Any, line: str) -> None:
    make(tmp_path / "root")
    with pytest.raises((FileNotFoundError, ValueError), match=line) as caught:
        new_folder(tmp_path / "root")
    assert is_users_mistake(caught.value)


def test_more_than_memory_is_refused_before_a_picture_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(tmp_path)  # reading the file would refuse it
    monkeypatch.setattr(reading, "MEMORY_SHARE", 1e-9)
    with pytest.raises(ValueError, match=r"takes 0\.0 GB of memory, this machine or container has"):
        new_folder(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("crop", 0),
        ("crop", 10_001),
        ("train_size", 0),
        ("val_size", 0),
        ("test_size", 0),
        ("train_size", 10_000_001),
        ("val_size", 10_000_001),
        ("test_size", 10_000_001),
        ("val_share", 0.0),
        ("test_share", float("nan")),
        ("val_share", 0.8),
        ("batch_size", 0),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(
    tmp_path: Path, setting: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=rf"\b{setting}\b.* must be .*{value}"):
        new_folder(tmp_path, **{setting: value})


def test_reading_leaves_pythons_warnings_as_they_were(tmp_path: Path) -> None:
    """Each thread sets the filters of warnings, which belong to the process."""
    fill(tmp_path, 40)
    before = list(warnings.filters)
    new_folder(tmp_path)
    assert warnings.filters == before


# Runs


def run_in(directory: Path, root: Path, *overrides: str) -> Run:
    cfg = compose("train", *RUN, f"data.root={root}", *overrides)
    return Run(directory, train.train(cfg, directory))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        save(root / f"{number}.png", pixels(30, 40 + number, seed=number))
    return root


def test_a_run_on_pictures_resumes_bit_for_bit(tmp_path: Path, root: Path) -> None:
    settings = (*DENSE, OPEN, "data.num_workers=2")
    whole = run_in(tmp_path / "whole", root, *settings, "trainer.max_epochs=2")
    first = run_in(tmp_path / "first", root, *settings, "trainer.max_epochs=1")
    second = resume_in(tmp_path / "second", first.last, "trainer.max_epochs=2", *CPU)
    assert same(read(second.last)["state_dict"], read(whole.last)["state_dict"])
    assert second.metrics["test"] == whole.metrics["test"]


def test_a_run_does_not_go_on_with_other_pictures(tmp_path: Path) -> None:
    fill(tmp_path / "root", 8)
    settings = ("data.crop=8", *DENSE, OPEN)
    first = run_in(tmp_path / "first", tmp_path / "root", *settings, "trainer.max_epochs=1")
    (tmp_path / "root" / "1.png").unlink()
    with pytest.raises(ValueError, match="held out other validation images"):
        resume_in(tmp_path / "second", first.last, "trainer.max_epochs=2", *CPU)
    assert not (tmp_path / "second").exists()


def test_pictures_are_scored_without_labels(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run and an evaluation write and draw everything, also a VAE's own figures."""
    monkeypatch.setattr(tensorboard, "CODE_VALUES", 2 * 64 + 1)
    settings = ("model=vae", "model.hidden=[16]", "trainer.max_epochs=1", "trainer.logger=true")
    run = run_in(tmp_path / "run", root, *settings)
    assert (run.directory / "samples.png").is_file()
    (codes,) = (run.directory / "tensorboard").rglob("tensors.tsv")
    assert len(codes.read_text().splitlines()) == 2  # with 64 numbers each
    scores = score_in(tmp_path / "scores", run.best, "baselines=fast", "levels=[0.2]")
    assert scores["by_class"] == scores["accuracy"] == {}
    assert scores["baselines"].keys() >= {"total variation", "PCA", "linear (Wiener)"}
    assert {row["method"] for row in scores["noise_curve"]} > {"noisy input", "model"}
    made = {path.name for path in (tmp_path / "scores").iterdir()}
    assert made >= {
        "strip.png",
        "extremes.png",
        "noise_curve.png",
        "vae_samples.png",
        "report.html",
    }
    rows = (tmp_path / "scores" / "per_image.csv").read_text().splitlines()
    assert len(rows) == 1 + 6  # 30 x 40 pixels have room for 2 x 3 crops
    assert all(row.split(",")[1] == "-1" for row in rows[1:])


def test_examples_are_from_all_over_a_split(tmp_path: Path) -> None:
    fill(tmp_path)
    data = new_folder(tmp_path)
    assert data.examples("train", 1).tolist() == list(range(0, 300, 30))
    assert data.examples("train", 2).tolist() == list(range(0, 300, 15))
    few = new_folder(tmp_path, val_size=3)
    assert few.examples("val", 1).tolist() == [0, 1, 2]
    assert few.labels("val").tolist() == [-1] * 3


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (("model=classifier",), "model.num_classes must be at least 1, got 0"),
        (("data.channels=2",), "data.channels=2: "),
        (("data.root=1",), "data.root=1: "),
        # 64 crops are 4 batches. The picture for validation has room for 6 crops.
        (
            ("data.batch_size=4", "data.val_size=64", "trainer.limit_val_batches=0.5"),
            "less than one of 1 batches",
        ),
    ],
    ids=["classifier", "channels", "root", "batches"],
)
def test_what_does_not_fit_pictures_is_refused(
    tmp_path: Path, root: Path, overrides: tuple[str, ...], line: str
) -> None:
    refused = partial(run_in, tmp_path / "run", root)
    with pytest.raises(ValueError, match=line) as caught:
        refused(*overrides)
    assert is_users_mistake(caught.value)
    assert not (tmp_path / "run").exists()
