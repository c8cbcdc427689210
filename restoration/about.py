"""What a file says beside its pixels, as the writers of all formats take it."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

INCH, CENTIMETRE = Fraction(254, 10000), Fraction(1, 100)  # in metres
UNITS = {2: INCH, 3: CENTIMETRE}  # by their numbers in TIFF and Exif
XMP, IPTC, DESCRIPTION = 700, 33723, 270  # tags of TIFF
LARGEST_TEXT = 2**20  # bytes that Pillow reads of a PNG's text


class Resolution(NamedTuple):
    """Pixels to a unit of length, across and down, each as a numerator and a denominator.

    unit: in metres, or None where only the ratio of the two counts, or the unit is said elsewhere.
    """

    x: tuple[int, int]
    y: tuple[int, int]
    unit: Fraction | None


class Text(NamedTuple):
    keyword: str
    text: str
    language: str = ""
    translated: str = ""  # the keyword


@dataclass(frozen=True)
class Metadata:
    """All that is true of the restored picture too.

    profile: the ICC profile. exif: a block, which begins with its byte order; of TIFFs, their tags.
    png: chunks of PNG that others don't have, as they were. imagej: what `tifffile` knows of
    ImageJ's two tags. lost: what was left behind, in a reader's words.
    """

    profile: bytes | None = None
    resolution: Resolution | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[Text, ...] = ()
    png: dict[str, bytes] = field(default_factory=dict)
    imagej: dict[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    def without(self, what: str, **changes: Any) -> "Metadata":
        """The same after a loss."""
        words = "".join(letter if letter.isprintable() else "?" for letter in what)
        return replace(self, lost=(*self.lost, words), **changes)
