"""How the numbers of results are written: means, deviations, differences, how they were made."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import fmean, stdev
from typing import Any

Results = dict[str, Any]  # what is stored of a stage
Row = dict[str, Any]

MINUS = "\N{MINUS SIGN}"
PERCENT = 100.0
COUNTS = {1: "One seed", 2: "Two seeds", 3: "Three seeds", 4: "Four seeds", 5: "Five seeds"}


def score(row: Row, name: str, form: str = ".2f", scale: float = 1.0, unit: str = "") -> str:
    """Write a score: 19.96 ± 0.03. What is the same for all seeds has no deviation."""
    if name not in row["mean"]:
        return ""
    text = format(scale * row["mean"][name], form)
    if deviation := row["std"].get(name):
        text += f" ± {format(scale * deviation, form)}"
    return text + unit


def over_seeds(values: Sequence[float], form: str = ".2f") -> str:
    """Write the mean and the deviation of the values of seeds."""
    std = {"": stdev(values)} if len(values) > 1 else {}
    return score({"mean": {"": fmean(values)}, "std": std}, "", form)


def accuracy(row: Row, name: str) -> str:
    return score(row, name, ".2f", PERCENT, " %")


def parameters(row: Row) -> str:
    return f"{row['mean']['parameters']:,.0f}"


def training(row: Row) -> str:
    """Write how long an epoch took, and how many there were: 4.1 s × 15.

    The time is that of the fastest seed, since other work on a machine only adds to it.
    """
    seconds = min(seed["scores"]["seconds_per_epoch"] for seed in row["seeds"])
    epochs = row["mean"]["epochs"]
    form = ".0f" if seconds >= 10 else ".1f"
    return f"{seconds:{form}} s × {epochs:.3g}"


def interval(row: Row) -> str:
    """Write the interval of the mean PSNR over images."""
    low, high = row["interval"]
    return f"{low:.2f} to {high:.2f}"


def signed(value: float, form: str = ".2f") -> str:
    return format(value, f"+{form}").replace("-", MINUS)


def difference(results: Results, of: str, minus: str) -> dict[str, Any]:
    """Return the tested difference of two rows."""
    (found,) = (d for d in results["differences"] if (d["of"], d["minus"]) == (of, minus))
    result: dict[str, Any] = found
    return result


def said(found: dict[str, Any], name: str, what: str, form: str = ".2f", scale: float = 1.0) -> str:
    """Write a difference in one score with its 95 % intervals.

    Args:
        found: The difference of two rows.
        name: The score.
        what: Its unit or name; "" for none.
        form: Of the numbers.
        scale: A factor of the numbers.
    """
    one = found[name]
    ends = {
        kind: " to ".join(signed(scale * end, form) for end in one[kind])
        for kind in ("over_images", "over_seeds")
        if one.get(kind)
    }
    intervals = "; ".join(f"95 % {kind.replace('_', ' ')} {text}" for kind, text in ends.items())
    words = [signed(scale * one["mean"], form), what, f"({intervals})" if intervals else ""]
    return " ".join(filter(None, words))


def seeds(results: Results) -> str:
    """Say how many seeds each row of a stage has."""
    count = len(results["made"]["seeds"])
    spread = ", mean ± standard deviation over seeds" if count > 1 else ""
    return f"{COUNTS.get(count, f'{count} seeds')}{spread}"


def made(results: Results) -> str:
    """Say how a stage's numbers were made."""
    how = results["made"]
    machines = _listed(f"{each['processor']}, {each['cores']} cores" for each in how["with"])
    versions = _listed(
        f"{name.capitalize() if name == 'python' else name} {' and '.join(found)}"
        for name, found in how["versions"].items()
        if name in ("python", "torch", "pytorch-lightning")
    )
    commits = _listed(each["commit"] for each in how["with"] if each["commit"])
    took = timedelta(seconds=round(how["seconds"]))
    return (
        f"{seeds(results)}, on {how['images']:,} test images. Machine: {machines}. {versions}. "
        f"Commit: {commits or 'unknown'}. Date: {how['ended']}. Training and scoring: {took}. "
        f"Command: `{how['command']}`."
    )


def _listed(words: Iterable[str]) -> str:
    """Join different words by commas."""
    return ", ".join(dict.fromkeys(words))
