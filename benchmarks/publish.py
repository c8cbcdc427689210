"""Publish scores: keep a benchmark's results, and render its tables in README and docs.

    python -m benchmarks.photographs photo --root pictures/ --output outputs/photo
    python -m benchmarks.publish photographs outputs/photo/results.json
    python -m benchmarks.real_noise --root pictures/ --output outputs/real
    python -m benchmarks.publish real_noise outputs/real/results.json

A table, or a sentence with numbers, stands between two comments in a page, which say where it is
from. `python -m benchmarks.results` publishes its stages by itself.
"""

import argparse
import json
import statistics
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import intervals
from benchmarks.photographs.published import psnr_of
from benchmarks.real_noise import BM3D, NOISY, beside
from benchmarks.results.tables import PLACES
from benchmarks.time_to_quality import report as time_to_quality
from denoisers import pretrained
from groundwork.files import REPOSITORY, expand, write_whole
from reporting.tables import Table

NAME = "photo"  # of the weights
CARD = pretrained.FOLDER / f"{NAME}.md"
CAMERA = pretrained.FOLDER / "camera.md"
PAGE = REPOSITORY / "docs" / "photographs.md"
STAGES = REPOSITORY / "docs" / "results"  # the stored results of the stages of benchmarks.results
WIDTH = 120  # characters of a line in a page
Results = dict[str, Any]


def scores(stored: Results) -> Table:
    """Return the model card's table: a row for each test set and sigma."""
    rows = []
    for result in stored["results"]:
        numbers = result["methods"][NAME]
        psnr, (low, high) = numbers["psnr"]["mean"], numbers["psnr"]["interval"]
        row = [result["set"], f"{result['sigma']:g}", f"{psnr:.2f}", f"{low:.2f} to {high:.2f}"]
        rows.append([*row, f"{numbers['ssim']['mean']:.4f}", *_published(result)])
    header = ("set", "σ", "PSNR (dB)", "95 %", "SSIM", "BM3D, published", "FFDNet, published")
    return Table("Scores", header, rows)


def summary(stored: Results) -> Table:
    """Return a row for each test set, with the PSNR at each sigma."""
    rows = []
    for name in dict.fromkeys(result["set"] for result in stored["results"]):
        found = [result for result in stored["results"] if result["set"] == name]
        measured = [f"{result['methods'][NAME]['psnr']['mean']:.2f}" for result in found]
        others = zip(*map(_published, found), strict=True)
        rows.append([name, *(" / ".join(values) for values in (measured, *others))])
    sigmas = " / ".join(f"{s:g}" for s in dict.fromkeys(r["sigma"] for r in stored["results"]))
    header = (f"PSNR (dB), σ {sigmas}", "measured here", "BM3D, published", "FFDNet, published")
    return Table("Weights that ship", header, rows)


def real_noise(stored: Results) -> Table:
    """Return a row for each set of real noise and method, with paired differences."""
    header = ["set", "method", "PSNR (dB)", f"over {NOISY}", "95 %", f"over {BM3D}", "95 %"]
    rows = [
        [result["set"], method, f"{statistics.fmean(found):.2f}", *beside(result["psnr"], method)]
        for result in stored["results"]
        for method, found in result["psnr"].items()
    ]
    return Table("Real noise", header, rows)


def interval_coverage(stored: Results) -> Table:
    """Return a row for each model and level of noise, with how the table was made below it."""
    table = intervals.table_of(stored["results"], stored["level"])
    splits = len(stored["results"][0]["splits"])
    note = (
        f"Means over {splits} splits of the validation images. The networks are one run each, with "
        f"seed 0. Measured on {stored['processor']}, by `{stored['command']}`."
    )
    return table._replace(notes=[note])


def _published(result: Results) -> list[str]:
    """Return what BM3D, or CBM3D for colours, and FFDNet have."""
    published = psnr_of(result["set"], len(result["pictures"]), result["sigma"])
    colour = "C" if result["channels"] == 3 else ""
    numbers = [published.get(f"{colour}BM3D"), published.get("FFDNet")]
    return ["–" if number is None else f"{number:.2f}" for number in numbers]


class Kind(NamedTuple):
    """A benchmark whose results are published.

    Attributes:
        stored: The file that keeps the results.
        pages: By the page, what makes its table, or its sentence.
    """

    stored: Path
    pages: Mapping[Path, Callable[[Results], Table | str]]


KINDS = {
    "photographs": Kind(pretrained.FOLDER / "photographs.json", {CARD: scores, PAGE: summary}),
    "real_noise": Kind(
        pretrained.FOLDER / "real_noise.json", {CAMERA: real_noise, PAGE: real_noise}
    ),
    "intervals": Kind(
        REPOSITORY / "docs" / "intervals.json",
        {REPOSITORY / "docs" / "evaluation.md": interval_coverage},
    ),
    "time_to_quality": Kind(
        REPOSITORY / "docs" / "time_to_quality.json",
        {REPOSITORY / "docs" / "speed.md": time_to_quality.table},
    ),
    **{kind: Kind(STAGES / f"{stage}.json", pages) for kind, (stage, pages) in PLACES.items()},
}


def with_table(page: str, kind: str, table: Table | str) -> str:
    """Return a page with a table, and its notes, in place of what is between the comments.

    Args:
        page: The page's text.
        kind: The name in the comments.
        table: The table, or a sentence.

    Raises:
        ValueError: The page lacks the comments.
    """
    opening, closing = f"<!-- {kind}: written by benchmarks.publish -->", f"<!-- {kind}: end -->"
    before, begin, rest = page.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"a page has no table between {opening} and {closing}")
    notes = [table] if isinstance(table, str) else table.notes
    wrapped = [
        textwrap.fill(note, WIDTH, break_long_words=False, break_on_hyphens=False) for note in notes
    ]
    parts = wrapped if isinstance(table, str) else [table.as_markdown(), *wrapped]
    return "\n\n".join([f"{before}{opening}", *parts, f"{closing}{after}"])


def publish(kind: str, results: Path) -> None:
    """Store a benchmark's results, and write its tables.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: The results are not those of the benchmark, or a page has no place for a table.
    """
    content = results.read_text()
    stored, made = KINDS[kind].stored, {}
    try:
        for page, table in KINDS[kind].pages.items():
            made[page] = with_table(page.read_text(), kind, table(json.loads(content)))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{results} has no results of benchmarks.{kind}: {error}") from None
    for page, text in made.items():
        write_whole(page, text)
    write_whole(stored, content)


def publish_stage(stage: str, results: Path) -> None:
    """Store the results of a stage of benchmarks.results, and write all that is made of them.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: A page has no place for a table.
    """
    for kind, (name, _) in PLACES.items():
        if name == stage:
            publish(kind, results)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("results", type=expand, help="results.json of that benchmark")
    given = parser.parse_args()
    try:
        publish(given.kind, given.results)
    except (ValueError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
