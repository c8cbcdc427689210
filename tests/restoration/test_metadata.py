"""Metadata is read, adapted to the restored picture, and written."""

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from datamodules.stored import Form
from restoration import png, tiff
from restoration.about import Metadata
from restoration.metadata import metadata_of
from restoration.samples import Kind
from restoration.writing import write_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY = SRGB[:16] + b"GRAY" + SRGB[20:]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" b="2"/></x:xmpmeta>'
NIKON = b"Nikon\0\x02\x10\0\0" + bytes(range(40))
CANON = b"Canon\0" + bytes(range(41))
EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
COLOURS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def camera(note: bytes = NIKON) -> Image.Exif:
    """Return the Exif of a photograph of 30 x 20 pixels, stored on its side, with a thumbnail."""
    exif = Image.Exif()
    exif.update({271: "Nikon", 274: 6, 306: "2020:01:01 00:00:00", 315: "A", 531: 1})
    exif.update({282: IFDRational(300), 283: IFDRational(200), 296: 2})
    exif.get_ifd(EXIF).update({33434: IFDRational(1, 125), 36867: "2019:01:01 00:00:00"})
    exif.get_ifd(EXIF).update({37500: note, 40962: 30, 40963: 20, 37121: b"\1\2\3\0"})
    exif.get_ifd(EXIF)[INTEROPERABILITY] = {1: "R98"}
    place = tuple(IFDRational(*pair) for pair in ((52, 1), (31, 1), (12345, 1000)))
    exif.get_ifd(GPS).update({1: "N", 2: place})
    return exif


def saved(path: Path, picture: np.ndarray = COLOURS, **settings: Any) -> Path:
    Image.fromarray(picture).save(path, **settings)
    return path


def restored(source: Path, output: Path, picture: np.ndarray) -> tuple[Path, tuple[str, ...]]:
    """Write a picture H W C with the metadata of `source`. All readers read the same pixels."""
    planes = np.moveaxis(np.atleast_3d(picture), -1, 0)
    lost = write_picture(output, planes[None], Kind(picture.dtype), metadata_of(source))
    np.testing.assert_array_equal(np.asarray(Image.open(output)), picture)
    if output.suffix == ".tif":
        np.testing.assert_array_equal(tifffile.imread(output), picture)
    return output, lost


def chunks(path: Path) -> dict[str, list[bytes]]:
    content, at = path.read_bytes(), 8
    found: dict[str, list[bytes]] = {}
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        data = content[at + 8 : at + 8 + length]
        assert content[at + 8 + length :][:4] == struct.pack(">I", zlib.crc32(name + data))
        found.setdefault(name.decode(), []).append(data)
        at += 12 + length
    assert next(iter(found)) == "IHDR"
    assert list(found)[-2:] == ["IDAT", "IEND"]
    return found


def with_chunks(path: Path, *parts: tuple[bytes, bytes]) -> Path:
    content = saved(path).read_bytes()
    added = b"".join(png.chunk(*part) for part in parts)
    path.write_bytes(content[:33] + added + content[33:])
    return path


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


BOMB = zlib.compress(bytes(2**21))
BAD_CHUNKS = [
    ((b"zTXt", b"a\0\0" + BOMB), "huge chunk zTXt"),
    ((b"iTXt", b"a\0\1\0\0\0" + BOMB), "huge chunk iTXt"),
    ((b"iTXt", b"a\0\0\0\0\0\xff\xfe"), "damaged or huge chunk iTXt"),
    ((b"iTXt", b"a\0"), "chunk iTXt"),
    ((b"tEXt", b"no keyword"), "chunk tEXt"),
    ((b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzz"), "damaged text Raw profile type exif"),
    ((b"iCCP", b"a\0\0" + BOMB), "huge chunk iCCP"),
    ((b"iCCP", b"a\0\0" + zlib.compress(b"short")), "a damaged colour profile"),
    ((b"pHYs", b"12"), "chunk pHYs"),
    ((b"gAMA", b"12345"), "chunk gAMA"),
    ((b"eXIf", b"neither"), "damaged Exif"),
]


@pytest.mark.parametrize(("part", "reason"), BAD_CHUNKS)
def test_a_bad_chunk_is_left_out(part: tuple[bytes, bytes], reason: str, tmp_path: Path) -> None:
    source = with_chunks(tmp_path / "a.png", part, (b"tEXt", b"Title\0good"))
    found = png.metadata_of_png(source)
    if part[0] in (b"eXIf", b"iCCP") and "huge" not in reason:
        found = metadata_of(source)
    assert reason in "; ".join(found.lost)
    assert [text.text for text in found.texts] == ["good"]
    content, _ = png.encoded(COLOURS, found if part[0] != b"eXIf" else metadata_of(source))
    (tmp_path / "b.png").write_bytes(content)
    assert part[0].decode() not in chunks(tmp_path / "b.png").keys() - {"tEXt"}


def test_exif_that_leads_in_a_circle_or_claims_too_much(tmp_path: Path) -> None:
    circle = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 2, EXIF, 4, 1, 8)
    circle += struct.pack("<HHII", 315, 2, 2, ord("A")) + bytes(4)
    entries = [struct.pack("<HHII", tag, 7, 20_000, 8) for tag in range(40_100, 44_100)]
    greedy = b"II*\0\x08\0\0\0" + struct.pack("<H", 4000) + b"".join(entries) + bytes(4)
    for block in (circle, greedy):
        source = saved(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
        output, lost = restored(source, tmp_path / "b.png", COLOURS)
        assert len(chunks(output).get("eXIf", [b""])[0]) < 2 * len(block)
        if block is greedy:
            assert "damaged parts of the Exif" in lost
        else:
            assert Image.open(output).getexif()[315] == "A"


def test_any_byte_of_the_metadata_may_be_wrong(tmp_path: Path) -> None:
    """The written file is whole and can be read."""
    random = np.random.default_rng(0)
    block = b"Exif\0\0" + camera().tobytes()[6:]
    jpeg = saved(tmp_path / "a.jpg", exif=block, xmp=XMP, icc_profile=SRGB).read_bytes()
    tif = saved(tmp_path / "a.tif", exif=camera().tobytes(), icc_profile=SRGB).read_bytes()
    pixels = COLOURS.tobytes()
    start = tif.index(pixels)
    places = {"jpg": np.arange(20, jpeg.index(b"\xff\xdb"))}
    places["tif"] = np.r_[8:start, start + len(pixels) : len(tif)]
    source = tmp_path / "source"
    for suffix, content in (("jpg", jpeg), ("tif", tif)):
        for _ in range(150):
            damaged = bytearray(content)
            for place in random.choice(places[suffix], 3):
                damaged[place] = random.choice([0, 1, 255, int(random.integers(256))])
            source.write_bytes(damaged)
            found = metadata_of(source)
            of_tiff = tiff.encoded(COLOURS, found, Kind(COLOURS.dtype))
            for end, (written, _) in (("png", png.encoded(COLOURS, found)), ("tif", of_tiff)):
                image = Image.open(io.BytesIO(written))
                np.testing.assert_array_equal(np.asarray(image), COLOURS, err_msg=end)
