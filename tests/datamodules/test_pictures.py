"""Picture files of every kind are read to the right pixels, or refused in one line."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import decode_jpeg, encode_jpeg, read_file

from tests.helpers.picture_files import (
    GREY,
    GREY_ALPHA,
    HEIGHT,
    PALETTE,
    RGB,
    RGBA,
    WIDTH,
    bmp,
    chunk,
    of,
    png,
    samples,
    tiff,
)
from tests.helpers.pictures import read_picture


def expected(pixels: np.ndarray, bits: int) -> Tensor:
    """Scale samples H W C to the expected picture C H W."""
    scaled = pixels.astype(np.float32) / np.float32(2**bits - 1)
    return torch.from_numpy(scaled).permute(2, 0, 1)


def over_white(pixels: np.ndarray, bits: int) -> Tensor:
    """Blend samples H W C, with alpha as the last channel, over white: C H W."""
    scaled = pixels / (2**bits - 1)
    alpha = scaled[..., -1:]
    return torch.from_numpy(scaled[..., :-1] * alpha + 1 - alpha).permute(2, 0, 1).float()


def exif(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_png(bits: int, tmp_path: Path) -> None:
    pixels = samples(1, bits)
    assert torch.equal(of(tmp_path, png(pixels, bits, GREY)), expected(pixels, bits))


@pytest.mark.parametrize("bits", [8, 16])
def test_rgb_png(bits: int, tmp_path: Path) -> None:
    pixels = samples(3, bits)
    assert torch.equal(of(tmp_path, png(pixels, bits, RGB)), expected(pixels, bits))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_is_looked_up(bits: int, tmp_path: Path) -> None:
    index, colours = samples(1, bits), np.random.default_rng(1).integers(256, size=(2**bits, 3))
    palette = chunk(b"PLTE", colours.astype(np.uint8).tobytes())
    found = of(tmp_path, png(index, bits, PALETTE, palette))
    assert torch.equal(found, expected(colours[index[..., 0]], 8))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("kind", "channels"), [(GREY_ALPHA, 2), (RGBA, 4)])
def test_transparency_is_blended_over_white(
    kind: int, channels: int, bits: int, tmp_path: Path
) -> None:
    pixels = samples(channels, bits)
    found = of(tmp_path, png(pixels, bits, kind))
    assert len(found) == channels - 1
    assert torch.allclose(found, over_white(pixels, bits), rtol=0, atol=2e-7)
    opaque = pixels.copy()
    opaque[..., -1] = 2**bits - 1
    found = of(tmp_path, png(opaque, bits, kind))
    assert torch.equal(found, expected(opaque[..., :-1], bits))


def test_a_transparent_colour_is_white(tmp_path: Path) -> None:
    for kind, bits, channels in ((GREY, 8, 1), (GREY, 1, 1), (RGB, 8, 3)):
        pixels = samples(channels, bits)
        key = pixels[0, 0]
        found = of(tmp_path, png(pixels, bits, kind, chunk(b"tRNS", key.astype(">u2").tobytes())))
        white = np.where((pixels == key).all(-1, keepdims=True), 2**bits - 1, pixels)
        assert torch.equal(found, expected(white, bits))


def test_transparent_palette_entries_are_blended(tmp_path: Path) -> None:
    index, colours = samples(1, 4), np.random.default_rng(1).integers(256, size=(16, 4))
    palette = chunk(b"PLTE", colours[:, :3].astype(np.uint8).tobytes())
    alpha = chunk(b"tRNS", colours[:, 3].astype(np.uint8).tobytes())
    found = of(tmp_path, png(index, 4, PALETTE, palette, alpha))
    assert torch.allclose(found, over_white(colours[index[..., 0]], 8), rtol=0, atol=2e-7)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff(channels: int, bits: int, order: Literal["<", ">"], tmp_path: Path) -> None:
    pixels = samples(channels, bits)
    content = tiff(pixels.astype(f"u{bits // 8}"), order)
    assert torch.equal(of(tmp_path, content), expected(pixels, bits))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_zero_is_white(bits: int, tmp_path: Path) -> None:
    pixels = samples(1, bits)
    content = tiff(pixels.astype(f"u{bits // 8}"), photometric=0)
    found, right = of(tmp_path, content), expected(2**bits - 1 - pixels, bits)
    assert torch.allclose(found, right, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("channels", "bits"), [(2, 8), (4, 8), (4, 16)])
def test_a_tiff_with_alpha(channels: int, bits: int, tmp_path: Path) -> None:
    pixels = samples(channels, bits)
    content = tiff(pixels.astype(f"u{bits // 8}"), extra=2)
    found = of(tmp_path, content)
    assert torch.allclose(found, over_white(pixels, bits), rtol=0, atol=2e-7)


@pytest.mark.parametrize(
    "settings", [{"compression": "zlib"}, {"planarconfig": "separate"}, {"tile": (16, 16)}], ids=str
)
def test_a_16_bit_tiff_in_other_layouts(settings: dict[str, Any], tmp_path: Path) -> None:
    pixels = samples(3, 16).astype(np.uint16)
    stored = pixels.transpose(2, 0, 1) if "planarconfig" in settings else pixels
    tifffile.imwrite(tmp_path / "picture.tif", stored, photometric="rgb", **settings)
    assert torch.equal(read_picture(tmp_path / "picture.tif"), expected(pixels, 16))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_a_compressed_tiff(channels: int, bits: int, compression: str, tmp_path: Path) -> None:
    pixels = samples(channels, bits)
    image = Image.fromarray(pixels.astype(f"u{bits // 8}").squeeze())
    image.save(tmp_path / "picture.tif", compression=compression)
    assert torch.equal(read_picture(tmp_path / "picture.tif"), expected(pixels, bits))


def test_12_bits_are_scaled_as_such(tmp_path: Path) -> None:
    pixels = samples(1, 12)
    digits = np.unpackbits(pixels.astype(">u2").view(np.uint8).reshape(HEIGHT, WIDTH, 2), axis=2)
    packed = np.packbits(digits[..., 4:].reshape(HEIGHT, -1), axis=1)
    content = bytearray(tiff(packed[..., None]))
    content = content.replace(struct.pack("<HHII", 256, 4, 1, packed.shape[1]), b"w" * 12)
    content = content.replace(b"w" * 12, struct.pack("<HHII", 256, 4, 1, WIDTH))
    content = content.replace(
        struct.pack("<HHIHH", 258, 3, 1, 8, 0), struct.pack("<HHIHH", 258, 3, 1, 12, 0)
    )
    assert torch.equal(of(tmp_path, bytes(content)), expected(pixels, 12))


def test_floating_point_tiff(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((HEIGHT, WIDTH, 1), np.float32)
    pixels[0, 0], pixels[0, 1] = 0, 1
    found = of(tmp_path, tiff(pixels, sample_format=3))
    assert torch.equal(found, torch.from_numpy(pixels).permute(2, 0, 1))


def test_bmp(tmp_path: Path) -> None:
    pixels = samples(3, 8)
    assert torch.equal(of(tmp_path, bmp(pixels)), expected(pixels, 8))


@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_webp(channels: int, tmp_path: Path) -> None:
    pixels = samples(channels, 8)
    image = Image.fromarray(pixels.astype(np.uint8))
    image.save(tmp_path / "picture.webp", lossless=True, exact=True)
    found = read_picture(tmp_path / "picture.webp")
    right = over_white(pixels, 8) if channels == 4 else expected(pixels, 8)
    assert torch.allclose(found, right, rtol=0, atol=2e-7)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_torchvision_reads(channels: int, tmp_path: Path) -> None:
    pixels = torch.from_numpy(samples(channels, 8)).permute(2, 0, 1).to(torch.uint8)
    pixels = pixels.repeat_interleave(8, 1).repeat_interleave(8, 2)
    (tmp_path / "picture.jpg").write_bytes(encode_jpeg(pixels).numpy().tobytes())
    found = read_picture(tmp_path / "picture.jpg")
    right = decode_jpeg(read_file(str(tmp_path / "picture.jpg"))) / 255
    assert found.shape == right.shape == pixels.shape
    assert (found - right).abs().max() <= 1.01 / 255
    assert (found - pixels / 255).abs().mean() < 0.05


def test_the_first_frame_of_a_cameras_mpo_is_the_photograph(tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (200, 10))
    first.save(tmp_path / "picture.jpg", "MPO", save_all=True, append_images=[second])
    assert (read_picture(tmp_path / "picture.jpg") * 255 - 200).abs().max() < 2


def lab_of_black_ink() -> bytes:
    """Return an ICC profile (ICC.1:2010) by which only black counts: L* = 100 (1 - K)."""
    ramp = bytes(range(256))
    grid = b"".join(bytes([255 * (1 - corner % 2), 128, 128]) for corner in range(16))  # K is last
    matrix = struct.pack(
        ">9i", *(65536 * (row == column) for row in range(3) for column in range(3))
    )
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + grid + ramp * 3
    table += bytes(-len(table) % 4)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    start = 128 + 4 + 2 * 12
    tags = struct.pack(">I", 2)
    tags += b"wtpt" + struct.pack(">II", start, len(white))
    tags += b"A2B0" + struct.pack(">II", start + len(white), len(table))
    size = start + len(white) + len(table)
    header = struct.pack(">I4xI4s4s4s", size, 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + tags + white + table


@pytest.mark.parametrize("black", [0, 64, 128, 192, 255])
def test_cmyk_is_converted_by_its_profile(black: int, tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 16), (90, 40, 10, black))
    image.save(tmp_path / "picture.jpg", quality=100, icc_profile=lab_of_black_ink())
    found = read_picture(tmp_path / "picture.jpg")
    lightness = 100 * (1 - black / 255)
    f = (lightness + 16) / 116  # L* to luminance by CIE 15, and that to sRGB by IEC 61966-2-1
    luminance = f**3 if lightness > 8 else lightness * 27 / 24389
    grey = 12.92 * luminance if luminance < 0.0031308 else 1.055 * luminance ** (1 / 2.4) - 0.055
    assert found.shape == (3, 16, 16)
    assert (found - grey).abs().max() < 3 / 255


STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    # By Exif's orientation. Comments name the sides that are stored as first row and first column.
    1: lambda upright: upright,  # top, left
    2: lambda upright: upright[:, ::-1],  # top, right
    3: lambda upright: upright[::-1, ::-1],  # bottom, right
    4: lambda upright: upright[::-1],  # bottom, left
    5: lambda upright: upright.swapaxes(0, 1),  # left, top
    6: lambda upright: upright[:, ::-1].swapaxes(0, 1),  # right, top
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),  # right, bottom
    8: lambda upright: upright[::-1].swapaxes(0, 1),  # left, bottom
}


@pytest.mark.parametrize("orientation", STORED)
def test_pictures_stand_upright(orientation: int, tmp_path: Path) -> None:
    for bits in (8, 16):
        for channels, kind in ((1, GREY), (3, RGB)):
            upright = samples(channels, bits)
            stored = STORED[orientation](upright)
            right = expected(upright, bits)
            content = png(stored, bits, kind, chunk(b"eXIf", exif(orientation)))
            assert torch.equal(of(tmp_path, content), right)
            content = tiff(stored.astype(f"u{bits // 8}"), orientation=orientation)
            assert torch.equal(of(tmp_path, content), right)
    smooth = np.add.outer(np.arange(32) * 2, np.arange(48) * 3)[..., None].repeat(3, 2)
    jpeg = encode_jpeg(
        torch.from_numpy(STORED[orientation](smooth).astype(np.uint8).copy()).permute(2, 0, 1), 100
    )
    content = jpeg.numpy().tobytes()
    segment = b"Exif\0\0" + exif(orientation)
    segment = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    found = of(tmp_path, content[:2] + segment + content[2:])
    assert (found - expected(smooth, 8)).abs().max() < 4 / 255


def test_one_pixel(tmp_path: Path) -> None:
    pixels = np.array([[[51, 102, 153]]])
    assert of(tmp_path, png(pixels, 8, RGB)).flatten().tolist() == pytest.approx([0.2, 0.4, 0.6])
