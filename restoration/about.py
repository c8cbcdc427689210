"""The metadata of a picture, in the form that the writers of all formats take."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

INCH, CENTIMETRE = Fraction(254, 10000), Fraction(1, 100)  # in metres
UNITS = {2: INCH, 3: CENTIMETRE}  # by their numbers in TIFF and Exif
XMP, IPTC, DESCRIPTION = 700, 33723, 270  # tags of TIFF
LARGEST_TEXT = 2**20  # bytes; Pillow reads no longer text in a PNG


class Resolution(NamedTuple):
    """Pixels per unit of length.

    Attributes:
        x: Numerator and denominator, across.
        y: Numerator and denominator, down.
        unit: The unit in metres. None if only the ratio of x and y counts, or if the unit is stated
            elsewhere.
    """

    x: tuple[int, int]
    y: tuple[int, int]
    unit: Fraction | None


class Text(NamedTuple):
    """A text with its keyword.

    Attributes:
        translated: The keyword in the text's language.
    """

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True)
class Metadata:
    """The metadata of an original that is also true of the restored picture.

    Attributes:
        profile: The ICC profile.
        resolution: Pixels per unit of length.
        exif: A block that begins with its byte order. For TIFFs it holds the tags.
        xmp: An XMP packet.
        iptc: IPTC records.
        texts: Texts of a PNG, or comments.
        png: Chunks that only PNG has, by name.
        imagej: The contents of ImageJ's two tags, as `tifffile` reads them.
        lost: What was left out, in words for the user.
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
        """Return a copy that adds `what` to `lost` and has the changes."""
        words = "".join(letter if letter.isprintable() else "?" for letter in what)
        return replace(self, lost=(*self.lost, words), **changes)
