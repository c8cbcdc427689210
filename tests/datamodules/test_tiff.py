"""TIFFs of every type of numbers, and stacks, are read as tifffile has written them."""

from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from datamodules.pictures import open_picture, range_of
from datamodules.stored import Stored
from tests.helpers.pictures import read_picture

HEIGHT, WIDTH = 18, 23


def numbers(dtype: str, *shape: int, most: int = 120) -> np.ndarray:
    """Return random numbers of a type, with negative ones if it has them."""
    low = -most if dtype[0] == "i" else 0
    return np.random.default_rng(0).uniform(low, most, shape).astype(dtype)


def planes_of(path: Path) -> tuple[Stored, np.ndarray]:
    """Open a file, and return its planes too: P C H W."""
    stored = open_picture(path)
    planes = np.stack(list(stored.planes()))
    assert planes.dtype == stored.dtype
    assert len(planes) == stored.count
    assert planes.shape[1:] == (stored.size[0] + stored.alpha, *stored.size[1:])
    return stored, planes


@pytest.mark.parametrize("layout", ["grey", "contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f2", "f4", "f8"])
def test_every_type(dtype: str, order: Any, layout: str, tmp_path: Path) -> None:
    shape = {"grey": (HEIGHT, WIDTH), "contig": (HEIGHT, WIDTH, 3), "separate": (3, HEIGHT, WIDTH)}
    pixels = numbers(dtype, *shape[layout])
    settings: dict[str, Any] = (
        {} if layout == "grey" else {"photometric": "rgb", "planarconfig": layout}
    )
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=order, metadata=None, **settings)
    stored, planes = planes_of(tmp_path / "a.tif")
    right = np.moveaxis(pixels, -1, 0) if layout == "contig" else pixels
    assert np.array_equal(planes.reshape(right.shape), right)
    assert stored.dtype == dtype


def test_int8_is_what_it_was(tmp_path: Path) -> None:
    pixels = np.array([[-100, -5, 0, 5, 100]], np.int8)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    found = read_picture(tmp_path / "a.tif", "auto").flatten().tolist()
    assert found == pytest.approx([0, 0.475, 0.5, 0.525, 1])


@pytest.mark.parametrize(
    ("bits", "channels"), [(1, 1), *((bits, n) for bits in (10, 12, 14) for n in (1, 3))]
)
def test_packed_numbers(bits: int, channels: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(2**bits, size=(HEIGHT, WIDTH, channels))
    pixels[0, 0] = 2**bits - 1
    settings: dict[str, Any] = {"photometric": "rgb" if channels == 3 else "minisblack"}
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels.squeeze().astype(bool if bits == 1 else np.uint16),
        bitspersample=bits,
        **settings,
    )
    right = np.moveaxis(pixels / (2**bits - 1), -1, 0)
    for given in ("auto", "dtype"):
        found = read_picture(tmp_path / "a.tif", given)  # type: ignore[arg-type]
        assert np.allclose(found, right, rtol=0, atol=1e-7)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "lzma", "packbits", "webp"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("more", [{}, {"predictor": True}, {"tile": (16, 16), "bigtiff": True}])
def test_compressed_colours(
    compression: str, dtype: str, more: dict[str, Any], tmp_path: Path
) -> None:
    if compression == "webp" and (dtype != "u1" or "predictor" in more):
        pytest.skip("WebP is of 8 bits")
    pixels = numbers(dtype, HEIGHT, WIDTH, 3)
    args = {"level": -1} if compression == "webp" else {}  # lossless
    settings: dict[str, Any] = {"compressionargs": args, "compression": compression, **more}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **settings)
    _, planes = planes_of(tmp_path / "a.tif")
    right = tifffile.imread(tmp_path / "a.tif")
    assert np.array_equal(planes[0], np.moveaxis(right, -1, 0))
    if compression != "webp":
        assert np.array_equal(right, pixels)


def test_jpeg_in_a_tiff_is_what_pillow_reads(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32) * 3, np.arange(48) * 3)[..., None].repeat(3, 2)
    Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / "a.tif", compression="jpeg")
    _, planes = planes_of(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        right = np.moveaxis(np.asarray(image.convert("RGB")), -1, 0)
    assert np.abs(planes[0].astype(int) - right).max() <= 2


def test_alpha_that_colours_are_multiplied_by_is_undone(tmp_path: Path) -> None:
    alpha = np.linspace(1000, 65535, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    colours = np.random.default_rng(0).integers(65536, size=(3, HEIGHT, WIDTH))
    stored = np.rint(np.stack([*(colours * alpha / 65535), alpha], -1)).astype(np.uint16)
    extra: dict[str, Any] = {"photometric": "rgb", "extrasamples": ["assocalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", stored, **extra)
    _, (plane,) = planes_of(tmp_path / "a.tif")
    assert np.array_equal(plane[3], stored[..., 3])
    assert (np.abs(plane[:3] - colours) <= 65535 / alpha + 1).all()


STACKS: dict[str, tuple[tuple[int, ...], dict[str, Any], tuple[str, tuple[int, ...], str]]] = {
    "imagej": ((4, 2), {"imagej": True, "metadata": {"axes": "ZCYX"}}, ("ZC", (4, 2), "imagej")),
    "imagej of one page": (
        (4, 2),
        {"imagej": True, "metadata": {"axes": "ZCYX"}, "truncate": True},
        ("ZC", (4, 2), "imagej"),
    ),
    "ome": ((3, 2, 2), {"ome": True, "metadata": {"axes": "TCZYX"}}, ("TCZ", (3, 2, 2), "ome")),
    "shaped": ((4, 2), {}, ("QQ", (4, 2), "shaped")),
    "shaped of one page": ((4, 2), {"truncate": True}, ("QQ", (4, 2), "shaped")),
    "volumetric": ((4,), {"volumetric": True, "metadata": None}, ("Z", (4,), "pages")),
    "volumetric tiles": ((4,), {"volumetric": True, "tile": (2, 16, 16)}, ("Z", (4,), "shaped")),
    "pages": ((5,), {"metadata": None, "compression": "zlib"}, ("I", (5,), "pages")),
}


@pytest.mark.parametrize(("shape", "settings", "told"), STACKS.values(), ids=STACKS)
def test_stacks(shape: Any, settings: Any, told: Any, tmp_path: Path) -> None:
    pixels = numbers("u2", *shape, HEIGHT, WIDTH, most=4000)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **settings)
    stored, planes = planes_of(tmp_path / "a.tif")
    assert (stored.axes, stored.shape, stored.form) == told
    assert np.array_equal(planes[:, 0].reshape(pixels.shape), pixels)


@pytest.mark.parametrize("imagej", [True, False])
def test_a_stack_of_colours(imagej: bool, tmp_path: Path) -> None:
    pixels = numbers("u1", 4, HEIGHT, WIDTH, 3)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", imagej=imagej)
    stored, planes = planes_of(tmp_path / "a.tif")
    assert stored.shape == (4,)
    assert np.array_equal(planes, np.moveaxis(pixels, -1, 1))


def test_samples_that_are_no_colours_are_channels(tmp_path: Path) -> None:
    pixels = numbers("u2", HEIGHT, WIDTH, 5)
    settings: dict[str, Any] = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **settings)
    stored, planes = planes_of(tmp_path / "a.tif")
    assert (stored.axes, stored.shape) == ("C", (5,))
    assert np.array_equal(planes[:, 0], np.moveaxis(pixels, -1, 0))


def written(path: Path, *pages: tuple[np.ndarray, int]) -> Path:
    with tifffile.TiffWriter(path) as file:
        for pixels, subfile in pages:
            file.write(pixels, subfiletype=subfile, metadata=None)
    return path


def test_thumbnails_are_no_planes(tmp_path: Path) -> None:
    large, small = numbers("u2", 40, 40), numbers("u2", 10, 10)
    for pages in ([(large, 0), (small, 1)], [(small, 1), (large, 0)]):
        stored, planes = planes_of(written(tmp_path / "a.tif", *pages))
        assert stored.shape == ()
        assert np.array_equal(planes[0, 0], large)
    two = written(tmp_path / "b.tif", (small, 1), (large, 0), (large + 1, 0))
    assert np.array_equal(planes_of(two)[1][:, 0], np.stack([large, large + 1]))
    with tifffile.TiffWriter(tmp_path / "c.tif") as file:
        file.write(large, subifds=1, metadata=None)
        file.write(small, subfiletype=1, metadata=None)
    assert planes_of(tmp_path / "c.tif")[0].size == (1, 40, 40)
    with pytest.raises(ValueError, match="no picture but reduced ones"):
        open_picture(written(tmp_path / "d.tif", (small, 1)))


@pytest.mark.parametrize("places", [(4,), (0,), (2,), (1, 3)])
def test_pages_that_differ_are_refused(places: tuple[int, ...], tmp_path: Path) -> None:
    pages = [(numbers("u2", *((10, 12) if i in places else (20, 24))), 0) for i in range(5)]
    with pytest.raises(ValueError, match=r"pages differ in size or type \(.*10 x 12 of uint16"):
        open_picture(written(tmp_path / "a.tif", *pages))


@pytest.mark.parametrize(("shape", "settings", "told"), STACKS.values(), ids=STACKS)
def test_a_stack_that_was_cut_is_refused_or_whole(
    shape: Any, settings: Any, told: Any, tmp_path: Path
) -> None:
    file = BytesIO()
    pixels = numbers("u2", *shape, HEIGHT, WIDTH, most=4000)
    tifffile.imwrite(file, pixels, photometric="minisblack", **settings)
    content = file.getvalue()
    for length in range(100, len(content) - 100, len(content) // 23):
        (tmp_path / "a.tif").write_bytes(content[:length])
        try:
            found = np.stack(list(open_picture(tmp_path / "a.tif").planes()))
        except ValueError:
            continue
        # Only OME's description is cut off, which is the last in the file.
        assert told[2] == "ome"
        assert np.array_equal(found.reshape(pixels.shape), pixels)


# More than 8 bits in other files


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ascii_numbers", [True, False])
def test_pgm_and_ppm_of_12_bits(channels: int, ascii_numbers: bool, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(4096, size=(HEIGHT, WIDTH, channels))
    kind = {1: 2, 3: 3}[channels] + 3 * (not ascii_numbers)
    header = f"P{kind}\n# by hand\n{WIDTH} {HEIGHT}\n4095\n".encode()
    numbers = " ".join(map(str, pixels.ravel())).encode()
    content = header + (numbers if ascii_numbers else pixels.astype(">u2").tobytes())
    (tmp_path / "a.ppm").write_bytes(content)
    found = read_picture(tmp_path / "a.ppm", "auto")
    assert np.allclose(found, np.moveaxis(pixels / 4095, -1, 0), rtol=0, atol=1e-7)
    (tmp_path / "a.ppm").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a.ppm cannot be read"):
        read_picture(tmp_path / "a.ppm")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_2000(bits: int, channels: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(2**bits, size=(HEIGHT, WIDTH, channels))
    samples = pixels.squeeze().astype(np.uint8 if bits == 8 else np.uint16)
    content = imagecodecs.jpeg2k_encode(samples, level=0, bitspersample=bits, reversible=True)
    (tmp_path / "a.jp2").write_bytes(content)
    found = read_picture(tmp_path / "a.jp2", "auto")
    assert np.allclose(found, np.moveaxis(pixels / (2**bits - 1), -1, 0), rtol=0, atol=1e-6)


def test_avif_of_10_bits(tmp_path: Path) -> None:
    pixels = np.full((32, 32, 3), 514, np.uint16)  # 128.1 with 8 bits
    content = imagecodecs.avif_encode(pixels, level=100, bitspersample=10, pixelformat="yuv444")
    (tmp_path / "a.avif").write_bytes(content)
    stored = open_picture(tmp_path / "a.avif")
    assert stored.dtype == np.uint16
    assert range_of(tmp_path / "a.avif", stored, "auto")[:2] == (0, 1023)
    assert abs(next(stored.planes()).astype(int) - 514).max() <= 1


@pytest.mark.parametrize("kind", ["gif", "pgm", "ppm", "avif", "apng", "jfif"])
def test_kinds_of_8_bits(kind: str, tmp_path: Path) -> None:
    grey = kind in ("gif", "pgm")
    smooth = np.add.outer(np.arange(32) * 2, np.arange(48) * 3).astype(np.uint8)
    image = Image.fromarray(smooth if grey else smooth[..., None].repeat(3, 2))
    name = {"pgm": "PPM", "apng": "PNG", "jfif": "JPEG"}.get(kind, kind.upper())
    image.save(tmp_path / f"a.{kind}", name)
    found = read_picture(tmp_path / f"a.{kind}")
    assert found.shape[1:] == (32, 48)
    assert np.abs(found.numpy() * 255 - smooth).max() < (8 if kind in ("avif", "jfif") else 1e-4)
