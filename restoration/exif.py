"""Exif: its directories are read from untrusted bytes, and written again.

An Exif block is a small TIFF. TIFF files have the same directories, BigTIFFs have wider ones.
"""

import struct
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

# By type: bytes of a value, and bytes of the numbers in it that have a byte order.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}
WORDS = SIZES | {5: 4, 10: 4}

EXIF, GPS, INTEROPERABILITY, MAKER_NOTE = 34665, 34853, 40965, 37500
ORIENTATION, WIDTH, HEIGHT = 274, 40962, 40963
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
# Tags that describe how the samples were stored: their number, depth, place and compression.
STRUCTURE = {*range(254, 260), 262, 263, 264, 265, 266, ORIENTATION, 273, 277, 278, 279, 280, 281}
STRUCTURE |= {284, 290, 291, 292, 293, 301, 317, 320, 321, *range(322, 326), 330, 338, 339, 340}
STRUCTURE |= {341, 347, *range(512, 522), *range(529, 533)}
STORED_AS_JPEG = {37121, 37122}  # ComponentsConfiguration, CompressedBitsPerPixel
# Maker notes whose offsets count from their own first byte. Those of others count from the block's.
SELF_CONTAINED = (b"Nikon\0\x02", b"OLYMPUS\0", b"OM SYSTEM\0", b"FUJIFILM", b"Apple iOS\0")


class Bytes(Protocol):
    """A block, or a file that is mapped into memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> bytes: ...


class Layout(NamedTuple):
    """How a directory is laid out.

    Attributes:
        length: The `struct` format of the number of entries.
        entry: That of an entry.
        next: That of an offset.
        inline: The largest number of bytes that a value has in its entry.
        pointer: The type of an offset.
    """

    length: str
    entry: str
    next: str
    inline: int
    pointer: int


SHORT, LONG, RATIONAL, LONG8 = 3, 4, 5, 16
CLASSIC = Layout("H", "HHI4s", "I", 4, LONG)
BIG = Layout("Q", "HHQ8s", "Q", 8, LONG8)


class Entry(NamedTuple):
    """The value of a tag.

    Attributes:
        kind: Its type.
        length: The number of values.
        value: Their bytes.
        offset: Where the bytes lay, if that was not in the directory.
    """

    kind: int
    length: int
    value: bytes
    offset: int = 0


Directory = dict[int, Entry]


@dataclass
class Exif:
    """The directories of an Exif block, without the pointers between them.

    Attributes:
        order: The byte order, "<" or ">".
        passed_over: Tags of the main directory that were not wanted.
        damaged: Whether something could not be read.
    """

    order: str = "<"
    main: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)
    interoperability: Directory = field(default_factory=dict)
    passed_over: set[int] = field(default_factory=set)
    damaged: bool = False

    def __bool__(self) -> bool:
        return bool(self.main or self.exif or self.gps)


def read(block: Bytes, wanted: Container[int] = range(2**16)) -> Exif:
    """Read the directories of the first picture. That of a thumbnail is left out.

    Args:
        block: Exif from its byte order on, or a whole TIFF.
        wanted: The tags to read from the main directory.

    Raises:
        ValueError: The block does not begin as a TIFF does.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    head = block[:16].ljust(16, b"\0")
    if order is None or head[2 if order == "<" else 3] not in (42, 43):
        raise ValueError("it is no Exif")
    big = head[2 if order == "<" else 3] == 43
    layout = BIG if big else CLASSIC
    (start,) = struct.unpack(order + layout.next, head[8:16] if big else head[4:8])
    found = Exif(order)
    pointers = {EXIF, GPS, INTEROPERABILITY}
    budget = min(len(block), 2**26)  # entries may all claim the same bytes
    levels = [("main", start)]
    while levels:  # each is read at most once, so that pointers in a circle do no harm
        name, start = levels.pop()
        tags = wanted if name == "main" else range(2**16)
        directory, whole, budget = _directory(
            block, start, order, layout, tags, budget, found.passed_over
        )
        found.damaged |= not whole
        for tag in pointers & directory.keys():
            entry = directory.pop(tag)
            below = {("main", EXIF): "exif", ("main", GPS): "gps"}
            below[("exif", INTEROPERABILITY)] = "interoperability"
            word = {4: "I", 8: "Q"}.get(len(entry.value))
            if word and (name, tag) in below:
                levels.append((below[name, tag], *struct.unpack(order + word, entry.value)))
        setattr(found, name, directory)
    return found


def _directory(
    block: Bytes,
    start: int,
    order: str,
    layout: Layout,
    tags: Container[int],
    budget: int,
    skipped: set[int],
) -> tuple[Directory, bool, int]:
    """Read a directory as far as possible.

    Returns:
        The entries, whether all could be read, and how many bytes may still be read.
    """
    head = struct.Struct(order + layout.length)
    record = struct.Struct(order + layout.entry)
    counted = block[start : start + head.size] if start < len(block) else b""
    if start < 8 or len(counted) < head.size:
        return {}, False, budget
    (count,) = head.unpack(counted)
    found: Directory = {}
    whole = True
    for index in range(min(count, 2**16)):
        at = start + head.size + index * record.size
        content = block[at : at + record.size]
        if len(content) < record.size:
            return found, False, budget
        tag, kind, values, value = record.unpack(content)
        if tag not in tags:
            skipped.add(tag)
            continue
        size, offset = SIZES.get(kind, 0) * values, 0
        if size > layout.inline:
            (offset,) = struct.unpack(order + layout.next, value)
            value = block[offset : offset + size] if size <= budget else b""
            budget -= len(value)
        if not size or len(value) < size:
            whole = False
            continue
        found[tag] = Entry(kind, values, value[:size], offset)
    return found, whole, budget


def turned(entry: Entry, order: str, wanted: str) -> Entry:
    """Return an entry with its numbers in the wanted byte order."""
    if order == wanted:
        return entry
    words = np.frombuffer(entry.value, f"u{WORDS[entry.kind]}").byteswap()
    return entry._replace(value=words.tobytes())


def block_of(exif: Exif) -> bytes:
    """Write Exif as a block. A maker note stays at its old offset, since it may refer to that."""
    mark = struct.pack(exif.order + "2sHI", b"II" if exif.order == "<" else b"MM", 42, 8)
    note = exif.exif.get(MAKER_NOTE)
    if note is None or len(note.value) <= CLASSIC.inline or note.offset % 2 or note.offset < 8:
        main, content = laid_out(exif, 8)
    else:
        main, content = laid_out(exif, 8, note.offset)
        if 8 + len(content) <= note.offset:
            content = content.ljust(note.offset - 8, b"\0") + note.value
        else:
            start = note.offset + len(note.value) + len(note.value) % 2
            main, content = laid_out(exif, start, note.offset)
            before = bytes(note.offset - 8) + note.value
            content = before.ljust(start - 8, b"\0") + content
    return mark[:4] + struct.pack(exif.order + "I", main["main"]) + content


def laid_out(
    exif: Exif, start: int, note: int | None = None, layout: Layout = CLASSIC, main: bool = True
) -> tuple[dict[str, int], bytes]:
    """Lay out the directories one after the other.

    Args:
        exif: The directories.
        start: The offset of the first byte, an even number.
        note: The offset of the maker note, if it lies elsewhere. None lays it out with the rest.
        layout: The layout of the file that they are for.
        main: Whether to write the main directory with its pointers.

    Returns:
        The offset of each directory, and the bytes of all.
    """
    content = b""
    offsets: dict[str, int] = {}
    pointers: dict[str, dict[int, str]] = {
        "interoperability": {},
        "gps": {},
        "exif": {INTEROPERABILITY: "interoperability"},
        "main": {EXIF: "exif", GPS: "gps"},
    }
    for name, below in pointers.items():
        directory: Directory = dict(getattr(exif, name))
        for tag, pointed in below.items():
            if pointed in offsets:
                offset = struct.pack(exif.order + layout.next, offsets[pointed])
                directory[tag] = Entry(layout.pointer, 1, offset)
        if not directory or (name == "main" and not main):
            continue
        offsets[name] = start + len(content)
        content += _laid_out(directory, exif.order, offsets[name], note, layout)
    return offsets, content


def _laid_out(
    directory: Directory, order: str, start: int, note: int | None, layout: Layout
) -> bytes:
    """Write a directory that begins at `start`, and after it its values at even offsets."""
    record = order + layout.entry
    size = struct.calcsize(order + layout.length) + struct.calcsize(order + layout.next)
    size += struct.calcsize(record) * len(directory)
    content = struct.pack(order + layout.length, len(directory))
    values = bytes(size % 2)
    for tag, entry in sorted(directory.items()):
        value = entry.value
        if len(value) > layout.inline:
            offset = start + size + len(values)
            if tag == MAKER_NOTE and note is not None:
                offset = note
            else:
                values += value + bytes(len(value) % 2)
            value = struct.pack(order + layout.next, offset)
        content += struct.pack(record, tag, entry.kind, entry.length, value)
    return content + struct.pack(order + layout.next, 0) + values
