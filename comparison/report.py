"""A comparison as tables and words: on the terminal, as Markdown, CSV and a page with plots."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from rich.markup import escape

from comparison import figures
from comparison.figures import Style
from comparison.leaderboard import FEWEST, Comparison, Ranking, Row
from comparison.results import MODEL
from groundwork.files import write_whole
from groundwork.measures import BY_IMAGE, MEASURES
from reporting import html as page
from reporting.statistics import RESAMPLES
from reporting.tables import Table
from reporting.terminal import Terminal

TITLE = "Leaderboard"
NOT_EVALUATED = "†"
LONGEST = 150  # characters of a noise in a file name
WIDTH = 170  # characters, of the table in a file or a pipe


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _configuration(row: Row) -> str:
    return row.label if row.evaluations else f"{row.label}\N{NO-BREAK SPACE}{NOT_EVALUATED}"


def _over_seeds(row: Row) -> str:
    return f"{_number(row.psnr_std, '.2f')}\N{NO-BREAK SPACE}({len(row.entries)})".strip()


def _training(row: Row) -> str:
    """What it took, and of how much."""
    given = "" if row.budget is None else f"\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{row.budget:,.0f}"
    return f"{row.seconds:,.0f}{given}"


def _to_the_best(row: Row) -> str:
    """Written so that a browser does not break the line."""
    if row.difference is None:
        return ""
    mean, low, high = (f"{value:+.3f}".replace("-", "−") for value in row.difference)
    return f"{mean}\N{NO-BREAK SPACE}[{low},\N{NO-BREAK SPACE}{high}]"


def _score(name: str) -> Callable[[Row], str]:
    return lambda row: _number(row.scores[name], MEASURES[name].form)


COLUMNS: dict[str, Callable[[Row], str]] = {
    "configuration": _configuration,
    "images": lambda row: _number(row.images, ","),
    "PSNR (dB)": lambda row: f"{row.psnr:.2f}",
    "± over seeds (n)": _over_seeds,
    "to the best (dB)": _to_the_best,
    **{MEASURES[name].title: _score(name) for name in BY_IMAGE if name != "psnr"},
    "accuracy": lambda row: _number(row.accuracy, ".2%"),
    "parameters": lambda row: f"{row.parameters:,}",
    "training (s)": _training,
    "epochs": lambda row: f"{row.epochs:g}",
    "ms/image": lambda row: _number(row.ms_per_image, ".3f"),
}


class Picture(NamedTuple):
    file: str
    caption: str


class Section(NamedTuple):
    """A table and the picture that belongs to it."""

    table: Table
    picture: Picture


def write(compared: Comparison, directory: Path) -> None:
    """Write `leaderboard.csv`, `.md`, `.html` and the plots, and print the tables."""
    style = figures.styles(row.label for table in compared.tables for row in table.rows)
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
    """number: of the ranking, for a file whose name the noise would make too long."""
    words = re.sub(r"[^\w.]+", "-", ranking.noise)
    name = f"cost_{words}" if len(words) <= LONGEST else f"cost_{words[:LONGEST]}_{number}"
    figure = figures.costs(ranking.rows, style)
    described = Table(
        f"Tested with {ranking.noise}",
        header=[*COLUMNS],
        rows=[[form(row) for form in COLUMNS.values()] for row in ranking.rows],
        notes=[*_notes(ranking)],
        bold_first=ranking.has_winner,
    )
    return Section(described, _save(figure, directory, name, "PSNR over the time it takes"))


def _time(rows: Sequence[Row]) -> Iterator[str]:
    """Whether they had the same time, where any was given a limit."""
    budgets = {row.budget for row in rows}
    others = [row.label for row in rows if not row.ended_by_time]
    if len(rows) < 2 or budgets == {None}:
        return
    if len(budgets) > 1:
        yield (
            "Not at equal time: trainer.max_time is not the same for all, see the column of "
            "training."
        )
    elif others:
        yield (
            "Not at equal time: early stopping, trainer.max_epochs or max_steps could end before "
            f"their time {'; '.join(others)}."
        )
    else:
        yield (
            f"At equal time, if on the same machine: each was given {rows[0].budget:,.0f} s "
            "(trainer.max_time). Whole epochs count; validation and the epoch that was cut off "
            "took the rest."
        )


def _parts(rows: Sequence[Row]) -> Iterator[str]:
    """What was measured on a part of the images only."""
    entries = [entry for row in rows for entry in row.entries]
    total = max((entry.of or 0 for entry in entries), default=0)
    if any(row.images is not None and row.images < total for row in rows):
        yield f"Scored on a part of the images: the first of {total:,}."
    for row in rows:
        parts = {e.run.metrics.images.validation.part for e in row.entries if e.run.metrics.images}
        if any(parts):
            part = " or ".join(sorted(filter(None, parts)))
            yield (
                f"The best epoch of {row.label} was chosen by {part} validation images "
                "(trainer.limit_val_batches)."
            )


def _notes(table: Ranking) -> Iterator[str]:
    """What a reader has to know of a table."""
    if table.best and any(row.difference for row in table.rows):
        count = len(table.best.evaluations[0].psnr)
        yield (
            f"To the best: the mean difference in PSNR on the same {count:,} noisy images, its "
            f"95 % interval over images (paired bootstrap, {RESAMPLES:,} resamples). It holds for "
            "these trained networks: what other seeds would change is in the column beside it."
        )
    elif sum(bool(row.evaluations) for row in table.rows) > 1:
        yield f"Fewer than {FEWEST} images: too few to tell how far a difference could be chance."
    if table.has_winner:
        yield "The best is in bold: every other is significantly worse, with an interval below 0."
    elif table.best and table.as_good:
        names = "; ".join(row.label for row in table.as_good)
        yield f"None is in bold: not known to be worse than {table.best.label}: {names}."
    yield from _parts(table.rows)
    yield from _time(table.rows)
    if any(not row.evaluations for row in table.rows):
        yield (
            f"{NOT_EVALUATED} not scored by eval.py: these are the scores at the end of training, "
            "without an interval."
        )
    judges = {
        f"{evaluation.metrics.accuracy['clean']:.2%}"
        for row in table.rows
        for evaluation in row.evaluations
        if "restored" in evaluation.metrics.accuracy
    }
    if judges:
        several = "not of the same classifier in each row, but of classifiers that are"
        which = several if len(judges) > 1 else "of a classifier that is"
        right = " and ".join(sorted(judges))
        yield f"Accuracy: on the restored images, {which} right about {right} of the clean ones."


def _pictures(compared: Comparison, style: Style, directory: Path) -> Iterator[Picture]:
    """The plots that are not of one noise."""
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
    """The numbers as they are: psnr in dB, accuracy in [0, 1]."""
    text = io.StringIO()
    rows = [_record(table, row) for table in tables for row in table.rows]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(file, text.getvalue())


def _record(table: Ranking, row: Row) -> dict[str, Any]:
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
        **{name: score for name, score in row.scores.items() if name != "psnr"},
        "accuracy": row.accuracy,
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
