"""`data=noisy_folder`: pictures as they are, and what of them is held out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.noise import Gaussian
from datamodules.noisy_folder import NoisyFolder
from groundwork.batch import Batch
from tests.helpers.lines import line_for
from tests.helpers.noisy_folder import SETTINGS, new_data, noisy_floats, save, training_batch


def validation_batch(data: NoisyFolder) -> Batch:
    return data.eval_batch("val", torch.arange(data.size("val")))


def test_one_picture_is_enough_and_no_pixel_is_both_learned_from_and_held_out(
    tmp_path: Path,
) -> None:
    picture = noisy_floats(40, 30)
    data = new_data(save(tmp_path / "one.tif", picture))
    learned, held_out = (set(part(data).noisy.flatten().tolist()) for part in PARTS)
    assert learned <= set(picture[:32].flatten().tolist())
    assert held_out <= set(picture[32:].flatten().tolist())
    assert len(learned) > 0.9 * picture[:32].size
    # Values beyond black and white are those of the file: nothing is cut, and no noise is added.
    assert min(learned) < -0.2
    assert max(learned) > 1.2
    assert validation_batch(data).clean.isnan().all()


PARTS = (training_batch, validation_batch)


def test_pictures_are_held_out_as_a_whole_if_there_are_several(tmp_path: Path) -> None:
    pictures = {n: noisy_floats(20, 20, seed=n) for n in range(10)}
    for number, picture in pictures.items():
        save(tmp_path / f"{number}.tif", picture)
    data = new_data(tmp_path, val_share=0.2)
    found = [
        {n for n, p in pictures.items() if np.isin(p, part(data).noisy.numpy()).any()}
        for part in PARTS
    ]
    assert [len(numbers) for numbers in found] == [8, 2]
    assert not found[0] & found[1]


@pytest.mark.parametrize(("dtype", "top"), [("u1", 255), ("u2", 4095), ("f4", 1)])
def test_files_of_8_to_16_bits_and_floats_are_scaled_by_their_range(
    dtype: str, top: int, tmp_path: Path
) -> None:
    picture = np.random.default_rng(0).uniform(0, top, (5, 24, 16)).astype(dtype)
    picture[0, 0, 0] = top
    data = new_data(save(tmp_path / "stack.tif", picture))
    batch = validation_batch(data)
    expected = picture[:, 16:].astype(np.float64) / top
    found = batch.noisy.reshape(5, 2, 8, 8).permute(0, 2, 1, 3).reshape(5, 8, 16).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    halved = new_data(tmp_path / "stack.tif", range=[0, top / 2] if dtype == "f4" else top // 2)
    assert validation_batch(halved).noisy.max() > 1.9


def test_second_takes_and_references_show_the_same_crop(tmp_path: Path) -> None:
    for number in range(3):
        picture = noisy_floats(24, 20, 3, seed=number)
        save(tmp_path / "first" / f"{number}.tif", picture)
        save(tmp_path / "second" / f"{number}.tif", picture + 1)
        save(tmp_path / "clean" / f"{number}.tiff", picture + 2)
    others = {"second_root": str(tmp_path / "second"), "reference": str(tmp_path / "clean")}
    settings = others | {"channels": 3, "symmetries": True, "range": [0, 1]}
    data = new_data(tmp_path / "first", **settings)
    data.second_view = True
    for part in PARTS:
        batch = part(data)
        assert batch.second is not None
        torch.testing.assert_close(batch.second, batch.noisy + 1)
        torch.testing.assert_close(batch.clean, batch.noisy + 2)


def test_colour_becomes_grey_by_its_luminance(tmp_path: Path) -> None:
    picture = noisy_floats(24, 20, 3)
    data = new_data(save(tmp_path / "one.tif", picture), val_size=1)
    grey = picture @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(validation_batch(data).noisy[0, 0], grey[16:, 2:10], atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"crop": 20}, "at least 40 x 20 are needed for crops of 20, 20 rows of which are held"),
        ({"second_root": "first"}, "two.tif has no picture of the same name in"),
        ({"reference": "small"}, "differ in size"),
        ({"range": [1.0, 0.0]}, "BLACK below WHITE"),
    ],
)
def test_what_cannot_be_learned_from_is_one_line(
    settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    for number, name in enumerate(("one", "two")):
        save(tmp_path / "root" / f"{name}.tif", noisy_floats(24, 20, seed=number))
        save(tmp_path / "small" / f"{name}.tif", noisy_floats(24, 19, seed=number))
    save(tmp_path / "first" / "one.tif", noisy_floats(24, 20))
    own = {k: str(tmp_path / v) if isinstance(v, str) else v for k, v in settings.items()}
    assert reason in line_for(lambda: new_data(tmp_path / "root", **own))


def test_the_names_of_files_are_kept_as_a_checkpoint_may_hold_them(tmp_path: Path) -> None:
    for number, name in enumerate(("a${b}.tif", "in/c\n.tif")):
        save(tmp_path / name, noisy_floats(24, 20, seed=number))
    assert new_data(tmp_path).learned_from == ["a$ {b}.tif", "in/c?.tif"]


def test_noise_on_top_of_noisy_pictures_is_refused(tmp_path: Path) -> None:
    line = line_for(lambda: NoisyFolder(Gaussian(0.1, False), root=str(tmp_path), **SETTINGS))
    assert "leave noise out" in line
