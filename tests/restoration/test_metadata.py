"""Metadata is read, adapted to the restored picture, and written."""

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from datamodules.stored import Form
from restoration import png, tiff
from restoration.about import Metadata
from restoration.metadata import metadata_of
from restoration.samples import Kind
from tests.helpers.metadata import (
    COLOURS,
    EXIF,
    GPS,
    INTEROPERABILITY,
    NIKON,
    SRGB,
    XMP,
    camera,
    chunks,
    restored,
    saved,
)

GREY = SRGB[:16] + b"GRAY" + SRGB[20:]
CANON = b"Canon\0" + bytes(range(41))


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png", "avif"])
@pytest.mark.parametrize("end", ["png", "tif"])
def test_exif_is_that_of_the_upright_picture(suffix: str, end: str, tmp_path: Path) -> None:
    source = saved(tmp_path / f"a.{suffix}", exif=camera())
    upright = np.ascontiguousarray(COLOURS.swapaxes(0, 1))
    output, _ = restored(source, tmp_path / f"b.{end}", upright)
    image = Image.open(output)
    exif = image.getexif()
    assert 274 not in exif
    assert 531 not in exif
    assert (exif[271], exif[306], exif[315]) == ("Nikon", "2020:01:01 00:00:00", "A")
    if end == "png":
        assert (exif[282], exif[283], exif[296]) == (200, 300, 2)
    tags = exif.get_ifd(EXIF)
    assert Fraction(tags[33434].numerator, tags[33434].denominator) == Fraction(1, 125)
    assert (tags[40962], tags[40963]) == (20, 30)
    assert tags[36867] == "2019:01:01 00:00:00"
    assert tags[37500] == NIKON
    assert 37121 not in tags
    assert exif.get_ifd(INTEROPERABILITY) == {1: "R98"}
    assert exif.get_ifd(GPS)[1] == "N"
    assert [float(part) for part in exif.get_ifd(GPS)[2]] == [52, 31, 12.345]
    assert not exif.get_ifd(1)  # no thumbnail
    resolution = image.info["dpi"]
    expected = (200, 300)
    assert resolution == pytest.approx(expected, rel=1e-4) or suffix == "png"


@pytest.mark.parametrize("order", [">", "<"])
def test_a_maker_note_stays_where_its_offsets_lead(order: str, tmp_path: Path) -> None:
    """A TIFF has other offsets, so a note that needs its old ones is left out there."""
    mark = b"MM\0*\0\0\0\x08" if order == ">" else b"II*\0\x08\0\0\0"
    gap = bytes(300)
    note = 8 + 18 + 18 + len(gap)
    main = struct.pack(order + "HHHIII", 1, EXIF, 4, 1, 26, 0)
    tags = struct.pack(order + "HHHIII", 1, 37500, 7, len(CANON), note, 0)
    thumbnail = b"a thumbnail"
    block = mark + main + tags + gap + CANON + thumbnail
    source = saved(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    output, lost = restored(source, tmp_path / "a.png", COLOURS)
    (written,) = chunks(output)["eXIf"]
    assert written[note : note + len(CANON)] == CANON
    assert thumbnail not in written
    assert Image.open(output).getexif().get_ifd(EXIF)[37500] == CANON
    assert lost == ()
    output, lost = restored(source, tmp_path / "a.tif", COLOURS)
    assert 37500 not in Image.open(output).getexif().get_ifd(EXIF)
    assert lost == ("the camera's maker note",)


@pytest.mark.parametrize(
    ("suffix", "settings", "expected"),
    [
        ("jpg", {"dpi": (72, 96)}, (2835, 3780, 1)),
        ("png", {"dpi": (300, 300)}, (11811, 11811, 1)),
        ("bmp", {"dpi": (300, 150)}, (11811, 5906, 1)),
        ("tif", {"resolution": ((1181, 10), (590, 5)), "resolutionunit": 3}, (11810, 11800, 1)),
        ("tif", {"resolution": ((300, 1), (200, 1)), "resolutionunit": 2}, (11811, 7874, 1)),
        ("tif", {"resolution": ((3, 1), (5, 2)), "resolutionunit": 1}, (6, 5, 0)),
    ],
)
def test_resolution_of_png(
    suffix: str, settings: dict[str, Any], expected: tuple[int, int, int], tmp_path: Path
) -> None:
    source = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(source, COLOURS, photometric="rgb", **settings)
    else:
        saved(source, **settings)
    output, _ = restored(source, tmp_path / "b.png", COLOURS)
    assert chunks(output)["pHYs"] == [struct.pack(">IIB", *expected)]


@pytest.mark.parametrize("unit", [1, 2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_tags_of_tiff_stay(unit: int, order: Any, bigtiff: bool, tmp_path: Path) -> None:
    source, places = tmp_path / "a.tif", (13.5, 52.25, 0.0)
    tifffile.imwrite(
        source,
        COLOURS,
        photometric="rgb",
        byteorder=order,
        bigtiff=bigtiff,
        resolution=((1181, 10), (59, 5)),
        resolutionunit=unit,
        description="a slide",
        datetime="2020:01:01 00:00:00",
        software="a microscope",
        iccprofile=SRGB,
        metadata=None,
        extratags=[
            (700, 1, len(XMP), XMP, True),
            (33723, 7, 8, b"\x1c\x02\x05\0\x03abc", True),
            (33550, "d", 3, places, True),
            (34412, 1, 4, b"LSM!", True),
        ],
    )
    output, lost = restored(source, tmp_path / "b.tif", COLOURS)
    assert lost == ("the tags CZ_LSMINFO",)
    with tifffile.TiffFile(output) as file:
        tags = file.pages.first.tags
        assert (tags[282].value, tags[283].value, tags[296].value) == ((1181, 10), (59, 5), unit)
        assert (tags[270].value, tags[306].value) == ("a slide", "2020:01:01 00:00:00")
        assert (tags[305].value, tags[33550].value) == ("a microscope", places)
        assert tags[700].value == XMP.replace(b'Orientation="6"', b'Orientation="1"')
        assert bytes(tags[33723].value)[:8] == b"\x1c\x02\x05\0\x03abc"
        assert tags[34675].value == SRGB
        assert 34412 not in tags
        codes = [tag.code for tag in tags]
        assert codes == sorted(set(codes))


def test_exif_inside_a_tiff_stays(tmp_path: Path) -> None:
    exif = camera()
    del exif[274]
    del exif.get_ifd(EXIF)[
        INTEROPERABILITY
    ]  # Pillow writes this tag of TIFFs without the directory that it points to
    source = saved(tmp_path / "a.tif", exif=exif.tobytes())
    output, lost = restored(source, tmp_path / "b.tif", COLOURS)
    found = Image.open(output).getexif()
    assert found.get_ifd(EXIF)[36867] == "2019:01:01 00:00:00"
    assert found.get_ifd(EXIF)[37500] == NIKON
    assert [float(part) for part in found.get_ifd(GPS)[2]] == [52, 31, 12.345]
    assert lost == ()


def test_imagejs_unit_and_pixel_size_stay(tmp_path: Path) -> None:
    grey, source = COLOURS[..., 0], tmp_path / "a.tif"
    said = {"unit": "um", "spacing": 0.5, "min": 3.0, "max": 200.0}
    tags = {"Info": "a\nb", "Labels": ["one"]}
    tifffile.imwrite(source, grey, imagej=True, resolution=(4, 4), metadata=said | tags)
    output, lost = restored(source, tmp_path / "b.tif", grey)
    assert lost == ()
    with tifffile.TiffFile(output) as file:
        assert file.is_imagej
        found = file.imagej_metadata
        assert found is not None
        assert {name: found[name] for name in said} == said
        assert (found["Info"], found["Labels"]) == ("a\nb", "one")
        assert file.pages.first.tags[282].value == (4, 1)


def test_a_stack_keeps_its_axes(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 2**16, (3, 2, 8, 9), np.uint16)
    source = tmp_path / "a.tif"
    forms: tuple[tuple[Form, dict[str, Any]], ...]
    forms = ("imagej", {"unit": "um"}), ("ome", {"PhysicalSizeX": 0.5})
    for form, metadata in forms:
        settings: Any = {form: True}
        kind = Kind(stack.dtype, axes="ZC", shape=(3, 2), form=form)
        tifffile.imwrite(source, stack, metadata={"axes": "ZCYX"} | metadata, **settings)
        content, written = tiff.encoded(stack, metadata_of(source), kind)
        assert written.lost == ()
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            assert getattr(file, f"is_{form}")
            assert file.series[0].axes == "ZCYX"
            np.testing.assert_array_equal(file.asarray(), stack)
        one, written = tiff.encoded(stack[0, 0], metadata_of(source), Kind(stack.dtype))
        assert tifffile.imread(io.BytesIO(one)).shape == (8, 9)
        assert len(written.lost) == (form == "ome")
    content, _ = tiff.encoded(stack, Metadata(), kind._replace(form="shaped"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.series[0].axes == "ZCYX"


def test_physical_sizes_of_ome_stay_where_they_are_true(tmp_path: Path) -> None:
    grey, source = COLOURS[..., 0], tmp_path / "a.tif"
    tifffile.imwrite(source, grey, ome=True, metadata={"PhysicalSizeX": 0.25})
    description = tifffile.TiffFile(source).ome_metadata
    output, lost = restored(source, tmp_path / "b.tif", grey)
    assert lost == ()
    assert tifffile.TiffFile(output).ome_metadata == description
    for other in (grey[1:], grey.astype(np.uint16)):
        output, lost = restored(source, tmp_path / "b.tif", other)
        assert lost == ("the OME-XML, which tells of other pixels",)
        assert not tifffile.TiffFile(output).is_ome


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_keeps_its_chunks(dtype: type, channels: int, tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Ä", zip=True)
    texts.add_itxt("Name", "\u65e5\u672c", "ja", "\u984c", zip=True)
    source = saved(tmp_path / "a.png", pnginfo=texts)
    content = source.read_bytes()
    carried = {"gAMA": struct.pack(">I", 45455), "cHRM": struct.pack(">8I", *range(8))}
    carried |= {"cICP": b"\x09\x10\0\1", "sCAL": b"\x010.5\x000.25", "pHYs": b"\0\0\0\3\0\0\0\2\0"}
    left = {"bKGD": bytes(6), "tIME": bytes(7), "prVt": b"x"}
    added = b"".join(png.chunk(k.encode(), v) for k, v in (carried | left).items())
    source.write_bytes(content[:33] + added + content[33:])
    picture = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (5, 7, channels), dtype)
    encoded, written = png.encoded(picture, metadata_of(source))
    (tmp_path / "b.png").write_bytes(encoded)
    found = chunks(tmp_path / "b.png")
    assert {name: content for name, (content,) in found.items() if name in carried} == carried
    assert not left.keys() & found.keys()
    assert found["IHDR"][0][8:10] == bytes(
        [8 * np.dtype(dtype).itemsize, (0, 4, 2, 6)[channels - 1]]
    )
    assert found["tEXt"] == [b"Title\0\xc4"]
    image: Any = Image.open(tmp_path / "b.png")
    image.load()
    assert (image.text["Name"], image.text["Name"].lang) == ("\u65e5\u672c", "ja")
    assert image.text["Name"].tkey == "\u984c"
    assert written.lost == ("the chunk prVt",)


def test_comments_xmp_and_iptc_of_a_jpeg(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", xmp=XMP, comment="h\u00e4", icc_profile=SRGB)
    iptc = b"\x1c\x02\x05\0\x03abc"
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", 8) + iptc
    content = source.read_bytes()
    segment = b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource
    source.write_bytes(content[:2] + segment + content[2:])
    output, lost = restored(source, tmp_path / "b.png", COLOURS)
    image: Any = Image.open(output)
    assert image.info["Comment"] == "h\u00e4"
    assert image.info["icc_profile"] == SRGB
    assert image.info["xmp"] == XMP.replace(b'Orientation="6"', b'Orientation="1"')
    lines = image.info["Raw profile type iptc"].split("\n")
    assert lines[:3] == ["", "iptc", "      20"]
    assert bytes.fromhex("".join(lines[3:])) == b"8BIM\x04\x04\0\0\0\0\0\x08" + iptc
    assert lost == ()
    again, lost = restored(output, tmp_path / "c.png", COLOURS)
    assert again.read_bytes() == output.read_bytes()


@pytest.mark.parametrize(("channels", "profile"), [(1, GREY), (3, SRGB)])
def test_a_profile_is_for_the_pictures_colours(
    channels: int, profile: bytes, tmp_path: Path
) -> None:
    picture = COLOURS[..., 0] if channels == 1 else COLOURS
    for end in ("png", "tif"):
        for given in (GREY, SRGB):
            source = saved(tmp_path / "a.png", picture, icc_profile=given)
            output, lost = restored(source, tmp_path / f"b.{end}", picture)
            kept = given if given == profile else None
            assert Image.open(output).info.get("icc_profile") == kept
            assert len(lost) == (given != profile)
