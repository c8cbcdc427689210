"""Which evaluations belong to which runs, and which of them can be compared."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from pydantic import AwareDatetime

from comparison.labels import noise_name, short
from comparison.results import Evaluation, LeftOut, Results, Run
from comparison.settings import Settings, settings_of

SCORED, ALL = "the part that was scored", "all"
SAME_IMAGES = 0.01  # dB by which the PSNR of one noisy image may differ between machines


class Entry(NamedTuple):
    """A run with one of its evaluations, or with the scores at the end of training."""

    run: Run
    evaluation: Evaluation | None

    @property
    def directory(self) -> Path:
        return self.evaluation.directory if self.evaluation else self.run.directory

    @property
    def started(self) -> AwareDatetime:
        return (self.evaluation or self.run).started

    @property
    def scored(self) -> int | None:
        """How many images it was tested with. None where an older version has not counted them."""
        if self.evaluation:
            return len(self.evaluation.psnr)
        return self.run.metrics.images.test.scored if self.run.metrics.images else None

    @property
    def of(self) -> int | None:
        """How many images the tested split has, where a file says so."""
        if self.evaluation:
            return self.evaluation.metrics.images.of if self.evaluation.metrics.images else None
        return self.run.metrics.images.test.of if self.run.metrics.images else None

    @property
    def images(self) -> Settings:
        """The settings that say which images it was tested with, apart from how many."""
        data = self.evaluation.metrics.data if self.evaluation else self.run.record.data
        split = self.evaluation.metrics.split if self.evaluation else "test"
        settings = settings_of("data", data) | {"split": split}
        settings["split fingerprint"] = self.run.record.split
        return {name: value for name, value in settings.items() if name != "data.batch_size"}

    @property
    def noise(self) -> str:
        """The name of the noise that it was tested with."""
        node = self.evaluation.metrics.noise if self.evaluation else self.run.record.noise
        return noise_name(settings_of("noise", node))

    @property
    def way(self) -> str:
        """What a label adds to the run's: how images were restored, empty for one pass each."""
        symmetries = self.evaluation.metrics.symmetries if self.evaluation else 1
        return "" if symmetries == 1 else f", symmetries={symmetries}"

    @property
    def scores(self) -> dict[str, float]:
        return (self.evaluation or self.run).metrics.test

    @property
    def accuracy(self) -> float | None:
        """The accuracy of a classifier on the restored images."""
        if self.evaluation:
            return self.evaluation.metrics.accuracy.get("restored")
        return self.run.metrics.test.get("accuracy")

    @property
    def widths(self) -> dict[float, float]:
        """The mean width of intervals by their level, if they were evaluated."""
        intervals = self.evaluation and self.evaluation.metrics.intervals
        return {intervals.level: intervals.width} if intervals else {}

    @property
    def ms_per_image(self) -> float | None:
        return self.evaluation.metrics.timings.ms_per_image if self.evaluation else None


Found = TypeVar("Found", Run, Entry)


def join(results: Results) -> tuple[list[Entry], list[LeftOut]]:
    """Join runs with their evaluations, one for each noise and number of symmetries.

    What was tested with other images than most, and what exists in a newer form, is left out.

    Returns:
        What can be compared, and what was left out.
    """
    left_out = [*results.left_out]
    runs = _newest(results.runs, lambda run: run.run_id, "a copy of another run", left_out)
    evaluated = {evaluation.run_id for evaluation in results.evaluations}
    runs = _newest(
        runs,
        # A run that was only tried on a part of the test images takes no whole one's place.
        lambda run: (
            run.configuration,
            run.record.seed,
            "" if run.run_id in evaluated else run.tested_part,
        ),
        "a newer run has the same settings and seed",
        left_out,
    )
    scored = _joined(runs, results.evaluations, left_out)
    by_noise: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in _with_the_same_images(runs, scored, left_out):
        by_noise[entry.noise].append(entry)
    entries = []
    for group in by_noise.values():
        entries += _evaluated_alike(_with_the_same_noise(group, left_out), left_out)
    return entries, left_out


def _newest(
    found: Iterable[Found],
    key: Callable[[Found], Hashable],
    reason: str,
    left_out: list[LeftOut],
) -> list[Found]:
    """Keep the newest of those with the same key. The others are left out for the reason."""
    kept = dict[Hashable, Found]()
    for one in sorted(found, key=lambda one: one.started):
        if older := kept.get(key(one)):
            left_out.append(LeftOut(older.directory, reason))
        kept[key(one)] = one
    return list(kept.values())


def _joined(
    runs: Iterable[Run], evaluations: Iterable[Evaluation], left_out: list[LeftOut]
) -> list[Entry]:
    by_id = {run.run_id: run for run in runs}
    entries = []
    for evaluation in evaluations:
        if evaluation.run_id in by_id:
            entries.append(Entry(by_id[evaluation.run_id], evaluation))
        else:
            reason = f"its run {evaluation.run_id} is left out, or not below the given directories"
            left_out.append(LeftOut(evaluation.directory, reason))
    return entries


def _with_the_same_images(
    runs: Iterable[Run], scored: Iterable[Entry], left_out: list[LeftOut]
) -> list[Entry]:
    """Keep the evaluations, and the runs without one, that had the images that most entries had.

    If a run was evaluated several times with the same noise and symmetries, the newest evaluation
    is kept.
    """
    unscored = [Entry(run, None) for run in runs]
    images = _with_counts([*scored, *unscored])
    counts = Counter(frozenset(settings.items()) for settings in images.values())
    # Of two that are as frequent, rather all of the images than a part of them.
    order = sorted(counts, key=lambda found: (counts[found], (SCORED, ALL) in found), reverse=True)
    most = dict(order[0]) if order else {}

    def alike(entry: Entry) -> bool:
        if others := _differences(images[entry.directory], most):
            left_out.append(LeftOut(entry.directory, f"tested with other images: {others}"))
        return not others

    entries = _newest(
        filter(alike, scored),
        lambda entry: (entry.run.run_id, entry.noise, entry.way),
        "the same run was scored again later",
        left_out,
    )
    done = {entry.run.run_id for entry in entries}
    return entries + [e for e in unscored if e.run.run_id not in done and alike(e)]


def _with_counts(entries: Sequence[Entry]) -> dict[Path, Settings]:
    """Return which images each entry was tested with, and how many of them, by directory.

    Files of older versions have no count. All images were scored then, unless the run's record
    limits the test.
    """
    totals: defaultdict[Hashable, int] = defaultdict(int)
    for entry in entries:
        key = frozenset(entry.images.items())
        totals[key] = max(totals[key], entry.scored or 0, entry.of or 0)
    found = {}
    for entry in entries:
        total = totals[frozenset(entry.images.items())]
        count = ALL
        if entry.scored is not None and entry.scored < total:
            count = f"the first {entry.scored:,} of {total:,}"
        elif entry.scored is None:
            count = entry.run.tested_part or ALL
        found[entry.directory] = entry.images | {SCORED: count}
    return found


def _differences(settings: Settings, most: Settings) -> str:
    return ", ".join(
        f"{name} is {_said(name, settings)} and not {_said(name, most)}"
        for name in settings | most
        if settings.get(name) != most.get(name)
    )


def _said(name: str, settings: Settings) -> str:
    value = settings.get(name, "absent")
    return value if name == SCORED else short(name, value)


def _with_the_same_noise(entries: Sequence[Entry], left_out: list[LeftOut]) -> list[Entry]:
    """Keep the evaluations whose noisy images score alike, as the settings say they should."""
    noisy = {e.directory: e.evaluation.noisy_psnr for e in entries if e.evaluation}
    if not noisy:
        return [*entries]
    counts = Counter(len(psnr) for psnr in noisy.values())
    count = counts.most_common(1)[0][0]
    usual = np.median([psnr for psnr in noisy.values() if len(psnr) == count], axis=0)
    kept = []
    for entry in entries:
        psnr = noisy.get(entry.directory, usual)
        if len(psnr) == count and np.allclose(psnr, usual, rtol=0, atol=SAME_IMAGES):
            kept.append(entry)
        else:
            reason = "its noisy images do not score as those of the other evaluations"
            left_out.append(LeftOut(entry.directory, reason))
    return kept


def _evaluated_alike(entries: Sequence[Entry], left_out: list[LeftOut]) -> list[Entry]:
    """Keep the seeds of a configuration that were evaluated, or all where none was."""
    evaluated = {entry.run.configuration for entry in entries if entry.evaluation}
    kept = []
    for entry in entries:
        if entry.evaluation or entry.run.configuration not in evaluated:
            kept.append(entry)
        else:
            left_out.append(LeftOut(entry.directory, "not evaluated, as its other seeds are"))
    return kept
