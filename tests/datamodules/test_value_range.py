"""The numbers that are black and white: pictures are restored and written in their own range."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from datamodules.value_range import Numbers, value_range
from tests.helpers.picture_folder import new_folder
from tests.helpers.restoring import pixels, restore
from tests.helpers.runs import json_of


def restored(folder: Path, picture: np.ndarray, *overrides: str, **settings: Any) -> Any:
    """Restore a file, and return the report and the written numbers."""
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / "a.tif", picture, **settings)
    (report,) = restore(f"input={folder}/a.tif", f"output={folder}/out", *overrides)
    return report, tifffile.imread(report.task.restored)


def test_12_bits_in_16_restore_as_16_bits_do(tmp_path: Path) -> None:
    full = pixels(1, np.uint16)
    full[0, 0] = 65520
    twelve = full // 16
    report, found = restored(tmp_path / "12", twelve)
    other, right = restored(tmp_path / "16", twelve * 16)
    assert report.values[:2] == (0, 4095)
    assert other.values[:2] == (0, 65535)
    assert found.dtype == np.uint16
    assert found.max() <= 4095
    assert np.abs(found.astype(int) - right / 16).max() <= 2
    assert report.noise_std == pytest.approx(other.noise_std, rel=0.01)
    content = json_of(tmp_path / "12" / "out" / "a.tif.json")
    assert content["range"]["high"] == 4095
    assert content["noise_std_in_numbers"] == pytest.approx(report.noise_std * 4095)
    assert "Black to white: 0 to 4,095 (the largest number is 4,095: 12 bits)" in report.as_text()
    given, same = restored(tmp_path / "given", twelve, "range=4095")
    assert np.array_equal(same, found)
    assert given.values.reason == "as given"
    wrong, _ = restored(tmp_path / "dtype", twelve, "range=dtype")
    assert wrong.values[:2] == (0, 65535)


@pytest.mark.parametrize("dtype", ["i1", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("colour", [False, True])
def test_the_type_and_the_numbers_come_back(dtype: str, colour: bool, tmp_path: Path) -> None:
    smooth = pixels(3 if colour else 1, np.float32)
    picture = (smooth * 200 - (100 if dtype[0] == "i" else 0)).astype(dtype)
    report, found = restored(tmp_path, picture)
    assert found.dtype == dtype
    assert found.shape == picture.shape
    low, high = report.values[:2]
    scaled = (picture.astype(float) - low) / (high - low)
    tifffile.imwrite(tmp_path / "b.tif", scaled.astype(np.float32))
    (other,) = restore(f"input={tmp_path}/b.tif", f"output={tmp_path}/out")
    right = tifffile.imread(other.task.restored) * (high - low) + low
    assert np.allclose(found, right, rtol=2e-3, atol=0.51)


@pytest.mark.parametrize(("channels", "dtype"), [(2, "u1"), (4, "u1"), (4, "u2")])
def test_transparency_stays(channels: int, dtype: str, tmp_path: Path) -> None:
    picture = pixels(channels, np.dtype(dtype).type)
    photometric = "rgb" if channels == 4 else "minisblack"
    settings = {"photometric": photometric, "extrasamples": ["unassalpha"]}
    report, found = restored(tmp_path / "with", picture, **settings)
    plain = picture[..., 0] if channels == 2 else picture[..., :3]
    _, right = restored(tmp_path / "without", np.ascontiguousarray(plain))
    assert np.array_equal(found[..., -1], picture[..., -1])
    assert np.array_equal(found[..., :-1].squeeze(), right)
    assert "its transparency is as it was" in report.as_text()
    if dtype == "u1":
        Image.fromarray(picture).save(tmp_path / "a.png")
        (other,) = restore(f"input={tmp_path}/a.png", f"output={tmp_path}/out")
        assert np.array_equal(np.asarray(Image.open(other.task.restored)), found)


@pytest.mark.parametrize("form", [{"imagej": True}, {"ome": True}])
def test_a_stack_is_restored_plane_by_plane(form: dict[str, bool], tmp_path: Path) -> None:
    planes = np.stack([pixels(1, np.uint16) // 16 + 100 * n for n in range(3)])
    report, found = restored(tmp_path, planes, metadata={"axes": "ZYX"}, **form)
    with tifffile.TiffFile(report.task.restored) as file:
        assert (file.series[0].kind, file.series[0].axes) == (next(iter(form)), "ZYX")
    for plane, right in zip(planes, found, strict=True):
        _, single = restored(
            tmp_path / "one", plane, f"range={report.values.high}", "overwrite=true"
        )
        assert np.array_equal(single, right)
    assert len(report.planes.noise_stds) == 3
    assert "a stack of 3 Z" in report.as_text()


def test_a_folder_has_one_range_and_keeps_stacks_together(tmp_path: Path) -> None:
    dark = np.random.default_rng(0).integers(100, size=(3, 20, 20)).astype(np.uint16)
    for n in range(4):
        tifffile.imwrite(tmp_path / f"{n}.tif", dark + n, photometric="minisblack")
    tifffile.imwrite(tmp_path / "bright.tif", dark[0] + np.uint16(3900))
    data = new_folder(tmp_path, range="auto")
    levels = torch.cat([data._images[False].double(), data._images[True].double()]) / 65535 * 4095
    assert (levels - levels.round()).abs().max() < 0.1
    assert levels.max() > 3900
    assert len(data._places) % 3 in (0, 1)


def test_dark_files_are_judged_with_the_others() -> None:
    def of(high: float) -> Numbers:
        return Numbers(np.dtype(np.uint16), 16, None, 0, high, False)

    assert value_range("auto", [of(900)]).high == 1023
    assert value_range("auto", [of(900), of(3000)]).high == 4095
