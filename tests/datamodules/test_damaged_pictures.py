"""Picture files that are damaged, too large or of an unknown kind are refused in one line."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torchvision.io import encode_jpeg

from tests.helpers.picture_files import HEIGHT, RGB, WIDTH, bmp, chunk, crc, of, png, samples, tiff
from tests.helpers.pictures import read_picture


def tags_first(pixels: np.ndarray) -> bytes:
    """Encode a TIFF with its tags at the beginning, so that a cut leaves them whole."""
    file = BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb")
    return file.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=f"^{path} ") as caught:
        read_picture(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def refused(folder: Path, content: bytes) -> str:
    (folder / "picture").write_bytes(content)
    return refusal(folder / "picture")


PIXELS = samples(3, 8).astype(np.uint8)
DEEP = samples(3, 16).astype(np.uint16)
WHOLE = {
    "png": png(PIXELS, 8, RGB),
    "deep png": png(DEEP, 16, RGB),
    "tiff": tiff(PIXELS),
    "deep tiff": tiff(DEEP),
    "deep tiff, tags first": tags_first(DEEP),
    "bmp": bmp(PIXELS),
    "jpeg": encode_jpeg(torch.from_numpy(PIXELS).permute(2, 0, 1)).numpy().tobytes(),
}


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_half_a_file_is_refused(whole: bytes, tmp_path: Path) -> None:
    of(tmp_path, whole)
    for length in (0, 1, 8, 20, len(whole) // 2, len(whole) - 30):
        refused(tmp_path, whole[:length])


@pytest.mark.parametrize("kind", ["png", "deep png"])
def test_a_damaged_png_is_refused_or_as_it_was(kind: str, tmp_path: Path) -> None:
    """torchvision's decoder would crash the process on half of these files."""
    right = of(tmp_path, WHOLE[kind])
    for position in range(0, len(WHOLE[kind]), 3):
        content = bytearray(WHOLE[kind])
        content[position] ^= 4
        (tmp_path / "picture").write_bytes(content)
        try:
            found = read_picture(tmp_path / "picture")
        except ValueError:
            continue
        assert torch.equal(found, right)


@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>", b"GIF89a" + bytes(20)])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "not of a kind that is read: PNG, JPEG, TIFF, BMP, WEBP" in refused(tmp_path, content)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"^no picture at {tmp_path}/none.png$"):
        read_picture(tmp_path / "none.png")
    assert "Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["png", "webp", "gif"])
def test_several_frames_are_refused(kind: str, tmp_path: Path) -> None:
    frames = [Image.fromarray(samples(3, 8, seed).astype(np.uint8)) for seed in range(3)]
    path = tmp_path / f"picture.{kind}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert "it has 3 frames, not one" in refusal(path)


@pytest.mark.parametrize("size", [(0, 3), (3, 0)])
def test_no_pixels_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    empty = np.zeros((*size, 3), np.uint8)
    for content in (png(empty, 8, RGB), tiff(empty), tiff(empty.astype(np.uint16)), bmp(empty)):
        refused(tmp_path, content)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    for bits in (8, 16):
        bomb = WHOLE["png"][:16] + struct.pack(">IIBBBBB", 60_000, 60_000, bits, RGB, 0, 0, 0)
        bomb += crc(bomb[12:]) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
        assert "3600000000 pixels" in refused(tmp_path, bomb)


def test_cmyk_without_a_profile_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "picture.jpg")
    assert "CMYK without a colour profile" in refusal(tmp_path / "picture.jpg")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_with_advice(value: float, tmp_path: Path) -> None:
    pixels = np.full((HEIGHT, WIDTH, 1), 0.5, np.float32)
    pixels[3, 4] = value
    assert "NaN or infinite values: replace them" in refused(
        tmp_path, tiff(pixels, sample_format=3)
    )


@pytest.mark.parametrize("value", [-0.002, 1.0001])
def test_floating_point_numbers_may_go_beyond_their_range(value: float, tmp_path: Path) -> None:
    pixels = np.full((HEIGHT, WIDTH, 1), 0.5, np.float32)
    pixels[3, 4] = value
    (tmp_path / "a.tif").write_bytes(tiff(pixels, sample_format=3))
    assert read_picture(tmp_path / "a.tif", "auto")[0, 3, 4].item() == np.float32(value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiff(samples(1, 8).astype(np.complex64), sample_format=6), "numbers are complex64"),
        (tiff(samples(1, 8).astype(np.int64), sample_format=2), "numbers are int64"),
        (tiff(samples(1, 8).astype(np.uint64)), "numbers are uint64"),
        (tiff(samples(4, 16).astype(np.uint16), photometric=5), "16-bit SEPARATED"),
        (tiff(samples(3, 8).astype(np.uint8), photometric=8), "the kind LAB"),
        (tiff(samples(1, 16).astype(np.uint16), photometric=32803), "16-bit CFA"),
        (tiff(samples(4, 16).astype(np.uint16), extra=0), "4 samples a pixel, of which 3"),
        (png(DEEP, 16, RGB, chunk(b"tRNS", bytes(6))), "a transparent colour of 16 bits"),
    ],
    ids=["complex", "int64", "uint64", "CMYK", "Lab", "CFA", "4 samples", "deep tRNS"],
)
def test_other_kinds_of_pixels_are_refused_by_name(
    content: bytes, said: str, tmp_path: Path
) -> None:
    assert said in refused(tmp_path, content)
