"""Picture files of every kind are read to the right pixels, or refused in one line."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import decode_jpeg, encode_jpeg, read_file

from tests.helpers.pictures import read_picture

HEIGHT, WIDTH = 7, 10
GREY, GREY_ALPHA, RGB, RGBA, PALETTE = 0, 4, 2, 6, 3  # PNG's colour types


def samples(channels: int, bits: int, seed: int = 0) -> np.ndarray:
    """Return random samples H W C, with the darkest and the brightest value among them."""
    pixels = np.random.default_rng(seed).integers(2**bits, size=(HEIGHT, WIDTH, channels))
    pixels[0, 0], pixels[0, 1] = 0, 2**bits - 1
    return pixels


def expected(pixels: np.ndarray, bits: int) -> Tensor:
    """Scale samples H W C to the expected picture C H W."""
    scaled = pixels.astype(np.float32) / np.float32(2**bits - 1)
    return torch.from_numpy(scaled).permute(2, 0, 1)


def over_white(pixels: np.ndarray, bits: int) -> Tensor:
    """Blend samples H W C, with alpha as the last channel, over white: C H W."""
    scaled = pixels / (2**bits - 1)
    alpha = scaled[..., -1:]
    return torch.from_numpy(scaled[..., :-1] * alpha + 1 - alpha).permute(2, 0, 1).float()


# These writers follow the formats' specifications, so that no library is tested by itself.


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + crc(kind + content)


def crc(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))


def png(pixels: np.ndarray, bits: int, kind: int, *chunks: bytes) -> bytes:
    """Encode H W C. Further chunks come before the pixels."""
    height, width = pixels.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in pixels]
    else:  # each row is padded to whole bytes
        digits = np.unpackbits(pixels.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
        rows = [np.packbits(row.flatten()).tobytes() for row in digits]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
    return start + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def tiff(
    pixels: np.ndarray,
    order: Literal["<", ">"] = "<",
    photometric: int | None = None,
    sample_format: int = 1,
    **more: int,
) -> bytes:
    """Encode H W C in its own type, uncompressed, in one strip, in byte order "<" or ">"."""
    height, width, channels = pixels.shape
    content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    bits = [8 * pixels.dtype.itemsize] * channels
    if photometric is None:
        photometric = 2 if channels >= 3 else 1
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [1]),
        262: (3, [photometric]),
        273: (4, [8]),
        274: (3, [more.get("orientation", 1)]),
        277: (3, [channels]),
        278: (4, [height]),
        279: (4, [len(content)]),
        339: (3, [sample_format] * channels),
    }
    if "extra" in more:
        tags[338] = (3, [more["extra"]])
    offset = 8 + len(content)
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(packed) > 4:
            values += packed
            place = offset + 2 + 12 * len(tags) + 4 + len(values) - len(packed)
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    count = struct.pack(f"{order}H", len(tags))
    return mark + struct.pack(f"{order}I", offset) + content + count + entries + bytes(4) + values


def tags_first(pixels: np.ndarray) -> bytes:
    """Encode a TIFF with its tags at the beginning, so that a cut leaves them whole."""
    file = BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb")
    return file.getvalue()


def bmp(pixels: np.ndarray) -> bytes:
    """Encode H W 3 with 8 bits."""
    rows = [row[:, ::-1].astype(np.uint8).tobytes() for row in pixels[::-1]]
    content = b"".join(row + bytes(-len(row) % 4) for row in rows)
    height, width = pixels.shape[:2]
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(content), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(content), 0, 0, 54) + header + content


def exif(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def of(folder: Path, content: bytes, name: str = "picture") -> Tensor:
    """Read a file with this content. Its name has no suffix that would tell its kind."""
    (folder / name).write_bytes(content)
    found = read_picture(folder / name)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert 0 <= found.min() <= found.max() <= 1
    return found


# Right pixels


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


# Refusals in one line


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
