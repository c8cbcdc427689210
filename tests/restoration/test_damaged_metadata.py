"""Metadata that is damaged or claims too much does not stop a picture."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoration import png, tiff
from restoration.metadata import metadata_of
from restoration.samples import Kind
from tests.helpers.metadata import COLOURS, EXIF, SRGB, XMP, camera, chunks, restored, saved


def with_chunks(path: Path, *parts: tuple[bytes, bytes]) -> Path:
    content = saved(path).read_bytes()
    added = b"".join(png.chunk(*part) for part in parts)
    path.write_bytes(content[:33] + added + content[33:])
    return path


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
