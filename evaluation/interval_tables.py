"""The tables of an evaluation's intervals."""

from collections.abc import Iterator
from typing import Any

from reporting.tables import Table


def interval_tables(found: dict[str, Any]) -> Iterator[Table]:
    """Yield the tables of what `evaluation.intervals.intervals` has returned."""
    level, images = found["level"], found["images"]
    rows = [
        ("these", f"{found['coverage']:.2%}", f"{found['width']:.4f}"),
        ("constant", f"{found['constant_coverage']:.2%}", f"{found['constant_width']:.4f}"),
    ]
    notes = [
        f"Guarantee: with probability {1 - found['delta']:g} over the {images['calibrated']:,} "
        f"validation images that calibrate, at most {1 - level:.4g} of an image's pixels lie "
        "outside, in expectation over images from the same distribution with the same noise.",
        f"{images['fitted']:,} other validation images fitted the widths. Constant widths were "
        f"calibrated in the same way. Scored on {images['scored']:,} test images.",
    ]
    header = ["half-widths", "pixels inside", "mean width"]
    yield Table(f"Intervals for {level:.4g} of the pixels", header, rows, notes)
    gaps = "The guarantee is for all pixels together: a part may have more outside."
    if found["by_class"]:
        yield _parts("class", found["by_class"], [gaps])
    yield _parts("clean pixel", found["by_brightness"], [gaps])


def _parts(what: str, parts: dict[str, dict[str, float]], notes: list[str]) -> Table:
    rows = [
        (name, f"{part['share']:.1%}", f"{part['coverage']:.2%}", f"{part['width']:.4f}")
        for name, part in parts.items()
    ]
    header = [what, "share of pixels", "inside", "mean width"]
    return Table(f"Intervals by {what}", header, rows, notes)
