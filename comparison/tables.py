"""A ranking as a table: its columns, and the notes that a reader needs."""

from collections.abc import Callable, Iterator, Sequence

from comparison.leaderboard import FEWEST, Ranking, Row
from groundwork.measures import MEASURES, by_image
from reporting.statistics import RESAMPLES
from reporting.tables import Table

NOT_EVALUATED = "†"
SPACE = "\N{NO-BREAK SPACE}"  # where a browser must not break the line

Cell = Callable[[Row], str]


def table_of(ranking: Ranking) -> Table:
    """Describe a ranking, its best row in bold where the lead is significant."""
    columns = _columns(ranking.rows)
    return Table(
        f"Tested with {ranking.noise}",
        header=[*columns],
        rows=[[cell(row) for cell in columns.values()] for row in ranking.rows],
        notes=[*_notes(ranking)],
        bold_first=ranking.has_winner,
    )


def measures_in(rows: Sequence[Row]) -> list[str]:
    """Return the measures that have a column. Those by choice need a row that has them."""
    return by_image({n for row in rows for n, score in row.scores.items() if score is not None})


def levels_in(rows: Sequence[Row]) -> list[float]:
    """Return the levels of intervals that have a column."""
    return sorted({level for row in rows for level in row.widths})


def _columns(rows: Sequence[Row]) -> dict[str, Cell]:
    """Return the columns by their headers: each writes the cell of a row."""
    return {
        "configuration": _configuration,
        "images": lambda row: _number(row.images, ","),
        "PSNR (dB)": lambda row: f"{row.psnr:.2f}",
        "± over seeds (n)": _over_seeds,
        "to the best (dB)": _to_the_best,
        **{MEASURES[name].title: _score(name) for name in measures_in(rows) if name != "psnr"},
        "accuracy": lambda row: _number(row.accuracy, ".2%"),
        **{f"width at {100 * level:.4g} %": _width(level) for level in levels_in(rows)},
        "parameters": lambda row: f"{row.parameters:,}",
        "training (s)": _training,
        "epochs": lambda row: f"{row.epochs:g}",
        "ms/image": lambda row: _number(row.ms_per_image, ".3f"),
    }


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _configuration(row: Row) -> str:
    return row.label if row.evaluations else f"{row.label}{SPACE}{NOT_EVALUATED}"


def _over_seeds(row: Row) -> str:
    return f"{_number(row.psnr_std, '.2f')}{SPACE}({len(row.entries)})".strip()


def _to_the_best(row: Row) -> str:
    if row.difference is None:
        return ""
    mean, low, high = (f"{value:+.3f}".replace("-", "−") for value in row.difference)
    return f"{mean}{SPACE}[{low},{SPACE}{high}]"


def _score(name: str) -> Cell:
    return lambda row: _number(row.scores[name], MEASURES[name].form)


def _width(level: float) -> Cell:
    return lambda row: _number(row.widths.get(level), ".4f")


def _training(row: Row) -> str:
    """Write the seconds that training took, and how many it was given."""
    given = "" if row.budget is None else f"{SPACE}of{SPACE}{row.budget:,.0f}"
    return f"{row.seconds:,.0f}{given}"


def _notes(ranking: Ranking) -> Iterator[str]:
    """Yield what a reader has to know of the table."""
    best, rows = ranking.best, ranking.rows
    if best and any(row.difference for row in rows):
        count = len(best.evaluations[0].psnr)
        yield (
            f"To the best: the mean difference in PSNR on the same {count:,} noisy images, its "
            f"95 % interval over images (paired bootstrap, {RESAMPLES:,} resamples). It holds for "
            "these trained networks: what other seeds would change is in the column beside it."
        )
    elif sum(bool(row.evaluations) for row in rows) > 1:
        yield f"Fewer than {FEWEST} images: too few to tell how far a difference could be chance."
    if ranking.has_winner:
        yield "The best is in bold: every other is significantly worse, with an interval below 0."
    elif best and ranking.as_good:
        names = "; ".join(row.label for row in ranking.as_good)
        yield f"None is in bold: not known to be worse than {best.label}: {names}."
    yield from _notes_on_images(rows)
    yield from _notes_on_time(rows)
    if any(not row.evaluations for row in rows):
        yield (
            f"{NOT_EVALUATED} not scored by eval.py: these are the scores at the end of training, "
            "without an interval."
        )
    yield from _notes_on_accuracy(rows)
    if levels := levels_in(rows):
        yield (
            f"Width at {' and '.join(f'{100 * level:.4g} %' for level in levels)}: the mean width "
            "of intervals that were calibrated to hold this share of the pixels, from black (0) to "
            "white (1). Smaller is better."
        )


def _notes_on_images(rows: Sequence[Row]) -> Iterator[str]:
    """Say where only a part of the images was scored, or chose the best epoch."""
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


def _notes_on_time(rows: Sequence[Row]) -> Iterator[str]:
    """Say whether all had the same time to train, if any was given a limit."""
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


def _notes_on_accuracy(rows: Sequence[Row]) -> Iterator[str]:
    """Say which classifiers judged the restored images, if any did."""
    judges = {
        f"{evaluation.metrics.accuracy['clean']:.2%}"
        for row in rows
        for evaluation in row.evaluations
        if "restored" in evaluation.metrics.accuracy
    }
    if judges:
        several = "not of the same classifier in each row, but of classifiers that are"
        which = several if len(judges) > 1 else "of a classifier that is"
        right = " and ".join(sorted(judges))
        yield f"Accuracy: on the restored images, {which} right about {right} of the clean ones."
