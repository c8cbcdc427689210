"""Configurations side by side, the best first: a table for each noise they were tested with."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from comparison.joining import Entry, join
from comparison.labels import labels
from comparison.results import Evaluation, LeftOut, Results
from groundwork.measures import BY_IMAGE
from reporting.statistics import paired_intervals

FEWEST = 6  # images for an interval: of 5 pairs, even if all agree, the sign test's p is 0.0625


class Difference(NamedTuple):
    """The difference in mean PSNR to the best, in dB, with its 95 % interval over images."""

    mean: float
    low: float
    high: float


class Row(NamedTuple):
    """A configuration: means over its seeds.

    Attributes:
        label: The configuration.
        entries: One a seed.
        images: How many were scored; None where that is not known.
        psnr, psnr_std: The mean in dB, and its deviation over seeds; None for a single one.
        scores: By measure of single images; None where a seed lacks it.
        accuracy: Of a classifier, on the restored images.
        widths: The mean width of calibrated intervals by their level, where all seeds have them.
        parameters: Of the model.
        seconds: Of training.
        budget: The seconds that training was given; None for no limit.
        epochs: The mean number.
        ms_per_image: Of restoring.
        difference: To the best; None for the best itself, for what was not evaluated, and where
            there are fewer than 6 images.
    """

    label: str
    entries: Sequence[Entry]
    images: int | None
    psnr: float
    psnr_std: float | None
    scores: dict[str, float | None]
    accuracy: float | None
    widths: dict[float, float]
    parameters: int
    seconds: float
    budget: float | None
    epochs: float
    ms_per_image: float | None
    difference: Difference | None

    @property
    def evaluations(self) -> list[Evaluation]:
        return [entry.evaluation for entry in self.entries if entry.evaluation]

    @property
    def ended_by_time(self) -> bool:
        """Whether nothing but its budget could end its training."""
        return all(entry.run.ended_by_time for entry in self.entries)


class Ranking(NamedTuple):
    """Rows that were tested with the same noisy images, the best first.

    Attributes:
        noise: Its name, such as "Gaussian, std=0.5".
        rows: The configurations.
    """

    noise: str
    rows: list[Row]

    @property
    def best(self) -> Row | None:
        """The best of those that were evaluated."""
        return next((row for row in self.rows if row.evaluations), None)

    @property
    def as_good(self) -> list[Row]:
        """The rows beside the best that are not known to be worse."""
        return [
            row
            for row in self.rows
            if row is not self.best and (row.difference is None or row.difference.high >= 0)
        ]

    @property
    def has_winner(self) -> bool:
        """Whether all others are significantly worse than the best, the first row."""
        return self.best is not None and len(self.rows) > 1 and not self.as_good


class Comparison(NamedTuple):
    """All that a comparison has found.

    Attributes:
        tables: One for each noise of testing.
        labels: The names of the configurations, by run_id.
        families: The same without the noise of training.
        left_out: What is not compared.
    """

    tables: list[Ranking]
    labels: dict[str, str]
    families: dict[str, str]
    left_out: list[LeftOut]


def compare(results: Results) -> Comparison:
    """Rank the configurations; the seeds of each are one row."""
    entries, left_out = join(results)
    runs = list({entry.run.run_id: entry.run for entry in entries}.values())
    names = labels(runs)
    by_noise: defaultdict[str, defaultdict[str, list[Entry]]]
    by_noise = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        by_noise[entry.noise][names[entry.run.run_id] + entry.way].append(entry)
    tables = [
        Ranking(noise, _ranked([_row(label, seeds) for label, seeds in by_noise[noise].items()]))
        for noise in sorted(by_noise)
    ]
    return Comparison(tables, names, labels(runs, without="noise"), left_out)


def _row(label: str, entries: list[Entry]) -> Row:
    psnr = [entry.scores["psnr"] for entry in entries]
    return Row(
        label=label,
        entries=entries,
        images=next((entry.scored for entry in entries if entry.scored is not None), None),
        psnr=statistics.fmean(psnr),
        psnr_std=statistics.stdev(psnr) if len(psnr) > 1 else None,
        scores={n: _mean(entry.scores.get(n) for entry in entries) for n in BY_IMAGE},
        accuracy=_mean(entry.accuracy for entry in entries),
        widths={
            level: width
            for level in entries[0].widths
            if (width := _mean(entry.widths.get(level) for entry in entries)) is not None
        },
        parameters=entries[0].run.metrics.parameters,
        seconds=statistics.fmean(entry.run.metrics.seconds.training for entry in entries),
        budget=entries[0].run.budget,
        epochs=statistics.fmean(entry.run.metrics.epochs for entry in entries),
        ms_per_image=_mean(entry.ms_per_image for entry in entries),
        difference=None,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Return the mean, or None where a value is None."""
    known = [*values]
    present = [value for value in known if value is not None]
    return statistics.fmean(present) if present == known else None


def _ranked(rows: Iterable[Row]) -> list[Row]:
    """Sort rows, the best first, and compute the differences to the best.

    An image's PSNR is its mean over seeds, so that the intervals are over images.
    """
    rows = sorted(rows, key=lambda row: -row.psnr)
    images = {
        row.label: np.mean([evaluation.psnr for evaluation in row.evaluations], axis=0)
        for row in rows
        if row.evaluations
    }
    if len(images) < 2 or len(next(iter(images.values()))) < FEWEST:
        return rows
    best, *others = images
    differences = np.stack([images[label] - images[best] for label in others], axis=1)
    lows, highs = paired_intervals(differences, seed=0).tolist()
    means = differences.mean(0).tolist()
    found = dict(zip(others, map(Difference, means, lows, highs), strict=True))
    return [row._replace(difference=found.get(row.label)) for row in rows]
