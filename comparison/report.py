"""A comparison on the terminal, as Markdown, as CSV, and as a page with plots."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from rich.markup import escape

from comparison import figures
from comparison.figures import Style
from comparison.leaderboard import Comparison, Ranking, Row
from comparison.results import MODEL
from comparison.tables import levels_in, measures_in, table_of
from groundwork.files import write_whole
from reporting import html as page
from reporting.tables import Table
from reporting.terminal import Terminal

TITLE = "Leaderboard"
LONGEST = 150  # characters of a noise in a file name
WIDTH = 170  # characters, of the table in a file or a pipe


class Picture(NamedTuple):
    file: str
    caption: str


class Section(NamedTuple):
    """A table and the picture that belongs to it."""

    table: Table
    picture: Picture


def write(compared: Comparison, directory: Path) -> None:
    """Write `leaderboard.csv`, `.md`, `.html` and the plots, and print the tables."""
    rows = [row.label for table in compared.tables for row in table.rows]
    style = figures.styles([*rows, *compared.labels.values()])  # learning curves are of runs
    sections = [
        _section(table, style, directory, number) for number, table in enumerate(compared.tables, 1)
    ]
    pictures = [*_pictures(compared, style, directory)]
    _write_csv(compared.tables, directory / "leaderboard.csv")
    left_out = [f"{left.directory}: {left.reason}" for left in compared.left_out]
    write_whole(directory / "leaderboard.md", _markdown(sections, pictures, left_out))
    write_whole(directory / "leaderboard.html", _page(sections, pictures, left_out, directory))
    _show(sections, left_out)
    print(f"Everything is in {directory}")


def _section(ranking: Ranking, style: Style, directory: Path, number: int) -> Section:
    """Describe a ranking and draw its costs.

    The number replaces the end of the noise's name where that is too long for a file's name.
    """
    words = re.sub(r"[^\w.]+", "-", ranking.noise)
    name = f"cost_{words}" if len(words) <= LONGEST else f"cost_{words[:LONGEST]}_{number}"
    figure = figures.costs(ranking.rows, style)
    return Section(table_of(ranking), _save(figure, directory, name, "PSNR over the time it takes"))


def _pictures(compared: Comparison, style: Style, directory: Path) -> Iterator[Picture]:
    """Draw the plots that are not about a single noise of testing."""
    drawn: list[Any] = []
    for table in compared.tables:
        curves = {row.label: figures.curve(row, MODEL) for row in table.rows}
        if curves in drawn:  # the test of a model at another level has the same curve
            continue
        drawn.append(curves)
        suffix = f"_{len(drawn)}" if len(drawn) > 1 else ""
        if figure := figures.noise_curves(table.rows, style):
            yield _save(figure, directory, f"noise_curves{suffix}", "PSNR over the noise level")
        if figure := figures.noise_transfer(table.rows, compared.families):
            caption = "Trained with one noise, tested with others"
            yield _save(figure, directory, f"noise_transfer{suffix}", caption)
    rows = [row for table in compared.tables for row in table.rows]
    runs = {entry.run.run_id: entry.run for row in rows for entry in row.entries}
    if figure := figures.learning_curves(runs.values(), compared.labels, style):
        yield _save(figure, directory, "learning_curves", "Learning curves, a line for each seed")


def _save(figure: Figure, directory: Path, name: str, caption: str) -> Picture:
    figure.savefig(directory / f"{name}.png", dpi=120)
    return Picture(f"{name}.png", caption)


def _write_csv(tables: Sequence[Ranking], file: Path) -> None:
    """Write the numbers without rounding: psnr in dB, accuracy in [0, 1]."""
    text = io.StringIO()
    every = [row for table in tables for row in table.rows]
    measures, levels = measures_in(every), levels_in(every)
    rows = [_record(table, row, measures, levels) for table in tables for row in table.rows]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(file, text.getvalue())


def _record(
    table: Ranking, row: Row, measures: Sequence[str], levels: Sequence[float]
) -> dict[str, Any]:
    mean, low, high = row.difference or (None, None, None)
    return {
        "test_noise": table.noise,
        "configuration": row.label,
        "evaluated": bool(row.evaluations),
        "seeds": len(row.entries),
        "images": row.images,
        "psnr": row.psnr,
        "psnr_std_over_seeds": row.psnr_std,
        "difference": mean,
        "difference_low": low,
        "difference_high": high,
        **{name: row.scores[name] for name in measures if name != "psnr"},
        "accuracy": row.accuracy,
        **{f"width_at_{level:g}": row.widths.get(level) for level in levels},
        "parameters": row.parameters,
        "training_seconds": row.seconds,
        "budget_seconds": row.budget,
        "epochs": row.epochs,
        "ms_per_image": row.ms_per_image,
        "run_ids": " ".join(entry.run.run_id for entry in row.entries),
    }


def _show(sections: Sequence[Section], left_out: Sequence[str]) -> None:
    console = Terminal(highlight=False)
    if not console.is_terminal:
        console = Terminal(highlight=False, width=WIDTH)
    for table, _ in sections:
        title = f"\n[bold]{escape(table.title)}[/bold]"
        console.print(title, table.for_terminal(), *map(escape, table.notes), sep="\n")
    if left_out:
        console.print("\n[bold]Left out[/bold]", *map(escape, left_out), sep="\n")


def _markdown(
    sections: Sequence[Section], pictures: Sequence[Picture], left_out: Sequence[str]
) -> str:
    lines = [f"# {TITLE}"]
    for table, picture in sections:
        lines += ["", f"## {table.title}", "", table.as_markdown()]
        lines += [line for note in table.notes for line in ("", note)]
        lines += ["", f"![{picture.caption}]({picture.file})"]
    for picture in pictures:
        lines += ["", f"## {picture.caption}", "", f"![{picture.caption}]({picture.file})"]
    if left_out:
        lines += ["", "## Left out", "", *(f"- {line}" for line in left_out)]
    return "\n".join(lines) + "\n"


def _page(
    sections: Sequence[Section],
    pictures: Sequence[Picture],
    left_out: Sequence[str],
    directory: Path,
) -> str:
    parts = []
    for table, picture in sections:
        parts += [page.heading(table.title), table.as_html()]
        parts += map(page.paragraph, table.notes)
        parts.append(page.picture(directory / picture.file, picture.caption))
    parts += [page.picture(directory / each.file, each.caption) for each in pictures]
    if left_out:
        parts += [page.heading("Left out"), *map(page.paragraph, left_out)]
    return page.page(TITLE, parts)
