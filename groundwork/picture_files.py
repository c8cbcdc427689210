"""The search for picture files, which are told by their first bytes. Links are followed."""

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from groundwork.folders import is_folder, listing, real_paths, walk

TIFF = (".tif", ".tiff")
# Suffixes of what datamodules/pictures.py reads. A file with one counts as a picture, if damaged.
PICTURES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", *TIFF, ".bmp", ".webp", ".gif"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k", ".jpx", ".jpc", ".avif"),
)
# Suffixes of pictures of other kinds. Raw photographs are TIFFs whose first page is a preview, so
# that their content alone would not tell.
OTHERS = re.compile(
    r"\.(3fr|arw|cr[23w]|dcr|dng|erf|fff|iiq|kdc|mef|mos|nef|nrw|orf|pef|raf|raw|rw[2l]|sr[2fw]|x3f"
    r"|cur|czi|dcm|dds|djvu|emf|eps|exr|fits?|hdr|hei[cf]|ico|jxl|jxr|lif|nd2|pcx|pdf|pfm|psd|qoi"
    r"|sgi|svg|tga|wmf|xcf)"
)
# What denoise.py writes beside a picture: these follow the picture's name.
REPORTS = (".txt", ".json", ".triptych.png")
# The ends of intervals, of the picture's own kind, and the map of their widths.
ENDS, WIDTHS = (".lower", ".upper"), ".widths.png"
WRITTEN = (*REPORTS, WIDTHS, *(end + suffix for end in ENDS for suffix in (".png", ".tif")))
HEAD = 64  # bytes that tell a file's kind
# The keys are Pillow's names. Short signatures check more, since texts may begin with such letters.
SIGNATURES = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "BMP": re.compile(rb"BM.{12}[\x0c(4@8l|]\0\0\0", re.DOTALL),  # its header's sizes
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "PPM": re.compile(rb"P[1-6]\s+(#|\d+\s+(#|\d+\s))"),
    "JPEG2000": re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"),
    "AVIF": re.compile(rb".{4}ftyp(avi[fs]|(mif1|msf1).{4}(.{4})*?avi[fs])", re.DOTALL),
}
KINDS = ", ".join(SIGNATURES)
NAMED = 3  # files that are named of those passed over for one reason


class Found(NamedTuple):
    """A picture's file.

    Attributes:
        path: Its path.
        name: Its path relative to what was searched.
        kind: Pillow's name of its kind. None if only the file's name says that it is a picture. It
            is damaged then, or cannot be opened.
        real: Its path without links.
    """

    path: Path
    name: Path
    kind: str | None
    real: str


class PassedOver:
    """The files that a search has passed over: names by the reason."""

    def __init__(self) -> None:
        self.names: dict[str, set[str]] = {}

    def add(self, reason: str, name: str) -> None:
        self.names.setdefault(reason, set()).add(name)

    def __str__(self) -> str:
        """Describe them in one line. It is empty if there are none."""
        reasons = []
        for reason, names in self.names.items():
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            reasons.append(f"{len(names):,} {reason}: {', '.join(sorted(names)[:NAMED])}{more}")
        line = f"passed over {'; '.join(reasons)}" if reasons else ""
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def search(given: Path, output: Path | None = None) -> tuple[list[Found], PassedOver]:
    """Find the pictures in a folder and the folders in it, or those that a glob matches.

    Links are followed. A file that is found in several ways counts once: at its own place if that
    is searched, otherwise under the name that comes first. A part of a path that exists is taken
    literally, even if it reads like a wildcard. Hidden files and folders are passed over.

    Args:
        given: The folder or the glob.
        output: A folder that is passed over too, unless `given` lies in it.

    Returns:
        The pictures in the order of their names, and the files that were passed over.
    """
    found = _Search(given, output)
    return found.pictures(), found.passed


def kind_of_file(path: str | Path) -> str | None:
    """Tell the kind of a picture by the first bytes of its file.

    Returns:
        Pillow's name of the kind. None if it is no picture.

    Raises:
        OSError: The file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        head = os.read(descriptor, HEAD)
    finally:
        os.close(descriptor)
    return next((kind for kind, begins in SIGNATURES.items() if begins.match(head)), None)


def is_other_kind(name: str, kind: str | None) -> bool:
    """Return whether a file is a picture of a kind that is not read.

    Args:
        name: The file's name.
        kind: What `kind_of_file` says of it.
    """
    return kind in (None, "TIFF") and OTHERS.fullmatch(_suffix(name)) is not None


def _is_report(path: str) -> bool:
    """Whether denoise.py wrote a file beside the picture that it restored."""
    return any(path.endswith(end) and os.path.exists(path.removesuffix(end)) for end in WRITTEN)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


class _Search:
    def __init__(self, given: Path, output: Path | None) -> None:
        self.passed = PassedOver()
        self.root, self.pattern = _fixed_part(given)
        self.real_path = real_paths()
        self.output = None if output is None else os.path.realpath(output)
        if self._in_output(self.real_path(self.root)):
            self.output = None

    def pictures(self) -> list[Found]:
        if self.pattern:
            paths = self._matching(self.root, self.pattern)
        else:
            paths = self._files_below(self.root)
        root = self.real_path(self.root)
        places = []  # by links or not, the name, the path without links, and the one with them
        for path in set(paths):
            name, real = self._name(path), self.real_path(path)
            places.append((real != os.path.join(root, name), name, real, path))
        found: dict[str, Found] = {}
        for _, name, real, path in sorted(places):
            if real not in found and (picture := self._picture(path, name, real)):
                found[real] = picture
        return sorted(found.values(), key=lambda picture: picture.name)

    def _picture(self, path: str, name: str, real: str) -> Found | None:
        """Open a file, and note the reason if it is passed over."""
        kind, reason = None, None
        named = _suffix(name) in PICTURES
        try:
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                reason = "that only /** would search"
            elif os.path.basename(name).startswith("."):
                reason = "hidden"
            elif self._in_output(real):
                reason = "linked into the output"
            elif _is_report(path):
                return None
            elif stat.S_ISREG(mode):
                kind = kind_of_file(path)
                if is_other_kind(name, kind):
                    reason = "of a kind that is not read"
                elif kind is None and not named:
                    reason = "without a picture"
            else:  # opening a pipe would wait for its other end
                reason = "not a file"
        except OSError as error:
            if os.path.islink(path) and not os.path.exists(path):
                reason, name = "behind a broken link", f"{name} -> {os.readlink(path)}"
            elif not named:  # for a named one, the error comes when it is read
                reason, name = "unreadable", f"{name}: {error.strerror}"
        if reason is None:
            return Found(Path(path), Path(name), kind, real)
        self.passed.add(reason, name)
        return None

    def _matching(self, folder: str, pattern: Sequence[str]) -> Iterator[str]:
        """Find what a pattern, given by its parts, matches in a folder."""
        if not pattern:
            yield folder
            return
        part, rest = pattern[0], pattern[1:]
        path = os.path.join(folder, part)
        if os.path.lexists(path):
            yield from self._matching(path, rest)
        elif part == "**" and rest:
            for below, _ in self._walk(folder):
                yield from self._matching(below, rest)
        elif part == "**":
            yield from self._files_below(folder)
        elif glob.has_magic(part):
            fits = re.compile(fnmatch.translate(part)).match
            try:
                entries = listing(folder)
            except OSError as error:
                self._unreadable(error)
                return
            for entry in entries:
                hidden = entry.name.startswith(".") and not part.startswith(".")
                if hidden or not fits(entry.name):
                    continue
                if self._enters(entry) if is_folder(entry) else not rest:
                    yield from self._matching(entry.path, rest)

    def _files_below(self, folder: str) -> Iterator[str]:
        for _, entries in self._walk(folder):
            yield from (entry.path for entry in entries if not is_folder(entry))

    def _walk(self, folder: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        return walk(folder, self._enters, self._unreadable)

    def _enters(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith("."):
            self.passed.add("hidden", self._name(entry.path))
            return False
        is_output = self._in_output(self.real_path(entry.path))
        if is_output and entry.is_symlink():
            self.passed.add("linked into the output", self._name(entry.path))
        return not is_output

    def _unreadable(self, error: OSError) -> None:
        self.passed.add("unreadable", f"{self._name(error.filename)}: {error.strerror}")

    def _in_output(self, real: str) -> bool:
        """Return whether a path without links is the output or inside it."""
        return self.output is not None and f"{real}/".startswith(f"{self.output}/")

    def _name(self, path: str) -> str:
        return path.removeprefix(os.path.join(self.root, "")) or path


def _fixed_part(given: Path) -> tuple[str, tuple[str, ...]]:
    """Split a path into the part that exists and the parts after that."""
    fixed = Path()
    for index, part in enumerate(given.parts):
        if not os.path.lexists(fixed / part):
            return str(fixed), given.parts[index:]
        fixed /= part
    return str(fixed), ()
