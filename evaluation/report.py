"""An evaluation's results as tables and in words: on the terminal and as `report.html`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.table import Table as RichTable

from evaluation.interval_tables import interval_tables
from evaluation.task_accuracy import INPUTS, p_value, verdict
from groundwork.files import write_whole
from groundwork.measures import BY_IMAGE, MEASURES, title_of
from groundwork.measures import NOISY as NOISY_INPUT
from reporting import html, summary
from reporting.figures import NOISY
from reporting.tables import Table

# The pictures that an evaluation may have made, in the order of the page. Others come after them.
PICTURES = {
    "strip": "Examples: the first scored image of each class, where there are classes",
    "extremes": "The scored images with the best, the median and the worst PSNR",
    "noise_curve": "Scores over the noise level",
    "intervals": "The ends and the width of each pixel's interval, and the pixels outside",
    "vae_latents": "The KL divergence of each latent",
    "vae_calibration": "The error of pixels against the predicted one",
    "vae_uncertainty": "Where draws from the posterior differ, where the image is wrong",
    "vae_samples": "Drawn from the prior",
    "vae_interpolation": "Between the codes of two images",
}
FIRST = ("strip", "extremes")  # of these, the pictures that the page begins with
INFORMATIVE = 0.5  # nats


def show(metrics: dict[str, Any], directory: Path) -> None:
    """Print an evaluation's tables, what they say in words, and where its files are."""
    shown: list[RichTable | str] = []
    for table in tables(metrics):
        shown += [table.title, table.for_terminal(), *table.notes]
    summary.show(_title(metrics), [*shown, *sentences(metrics)], directory)


def write_page(metrics: dict[str, Any], directory: Path) -> None:
    """Write `report.html`, which needs no other file.

    Args:
        metrics: What metrics.json holds.
        directory: The evaluation's, with its pictures.
    """
    content = html.page(_title(metrics), _parts(metrics, directory))
    write_whole(directory / "report.html", content)


def _parts(metrics: dict[str, Any], directory: Path) -> Iterator[str]:
    made = {path.stem: path for path in sorted(directory.glob("*.png"))}
    order = [*(n for n in PICTURES if n in made), *(n for n in made if n not in PICTURES)]
    pictures = {name: html.picture(made[name], PICTURES.get(name, _words(name))) for name in order}
    yield from (pictures.pop(name) for name in FIRST if name in pictures)
    for sentence in sentences(metrics):
        yield html.paragraph(sentence)
    for table in tables(metrics):
        yield html.heading(table.title)
        yield table.as_html()
        for note in table.notes:
            yield html.paragraph(note)
    if pictures:
        yield html.heading("More pictures")
        yield from pictures.values()
    yield html.heading("What was run")
    yield html.code(metrics["command"])
    names = (
        "run_id",
        "checkpoint",
        "split",
        "images",
        "data",
        "noise",
        "trained_noise",
        "versions",
    )
    yield html.code(OmegaConf.to_yaml({name: metrics[name] for name in names}))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _title(metrics: dict[str, Any]) -> str:
    return f"{_model(metrics)} on the {_images(metrics)}"


def _images(metrics: dict[str, Any]) -> str:
    split = "test" if metrics["split"] == "test" else "validation"
    return summary.which_images(metrics["images"], split)


def _model(metrics: dict[str, Any]) -> str:
    name: str = metrics["model"].rpartition(".")[2]
    symmetries = metrics["symmetries"]
    return name if symmetries == 1 else f"{name} (over {symmetries} symmetries)"


def sentences(metrics: dict[str, Any]) -> list[str]:
    """Say in words what restoring gains, also for the task if a classifier has judged it."""
    if not metrics["noisy_input"]:
        return []
    noisy, restored = metrics["noisy_input"]["psnr"], metrics["test"]["psnr"]
    found = verdict(metrics["task"], noisy, restored)
    if not found:
        change = f"the images' mean PSNR from {noisy:.2f} to {restored:.2f} dB"
        found = [f"{_model(metrics)} changes {change}."]
    found.append(f"That is on the {_images(metrics)}.")
    if of_intervals := metrics["intervals"]:
        found.append(
            f"{of_intervals['checkpoint']} has the intervals: denoise.py takes it as checkpoint=, "
            f"with intervals={of_intervals['level']}."
        )
    return found


def tables(metrics: dict[str, Any]) -> Iterator[Table]:
    """Yield all the tables of an evaluation."""
    if metrics["noisy_input"]:
        yield _restoration(metrics)
    own = {
        name: value for name, value in metrics["test"].items() if name not in metrics["noisy_input"]
    }
    rows = [(title_of(n), f"{value:.4f}") for n, value in own.items()]
    scored = f"Scored on the {_images(metrics)}."
    alone = (
        []
        if metrics["symmetries"] == 1
        else ["Losses and latents are of one pass, without symmetries."]
    )
    yield Table("The model's own measures", ("measure", ""), rows, [scored, *alone])
    if metrics["accuracy"]:
        yield from (table._replace(notes=[scored]) for table in _task(metrics["task"]))
    for name in (*BY_IMAGE, "accuracy"):
        if curve := [row for row in metrics["noise_curve"] if name in row]:
            yield _curve(name, curve, scored)
    if metrics["intervals"]:
        yield from interval_tables(metrics["intervals"])
    if metrics["vae"]:
        yield _vae(metrics["vae"], [scored, *alone])
    if metrics["by_class"]:
        yield _by_class(metrics["by_class"])


def _restoration(metrics: dict[str, Any]) -> Table:
    """Describe the model beside the noisy input and the baselines, the best first."""
    accuracy = metrics["accuracy"]
    methods = {
        NOISY: metrics["noisy_input"] | _named(accuracy, "noisy"),
        _model(metrics): metrics["test"] | _named(accuracy, "restored"),
        **metrics["baselines"],
    }
    milliseconds = {_model(metrics): metrics["timings"]["ms_per_image"]}
    milliseconds |= metrics["timings"]["baselines_ms_per_image"]
    compared = [name for name, m in MEASURES.items() if m.least_side or name == "accuracy"]
    names = [name for name in compared if any(name in found for found in methods.values())]
    rows = []
    for method, found in sorted(methods.items(), key=lambda item: -item[1]["psnr"]):
        cells = [format(found[n], MEASURES[n].form) if n in found else "" for n in names]
        images = f"{found.get('images', metrics['images']['scored']):,}"
        took = f"{milliseconds[method]:.3f}" if method in milliseconds else ""
        rows.append([method, *cells, images, took])
    header = ["method", *(title_of(name) for name in names), "images", "ms/image"]
    notes = [f"Scored on the {_images(metrics)}, or on as many of the first as the table says."]
    if (timed := metrics["timings"]["timed_images"]) < metrics["images"]["scored"]:
        notes.append(f"{_model(metrics)} was timed on the first {timed:,}.")
    if metrics["baselines"]:
        notes += [
            "Baselines are fitted to training and tuned on validation images, for this noise."
        ]
    return Table("Restoration", header, rows, notes)


def _named(accuracy: dict[str, float], name: str) -> dict[str, float]:
    return {"accuracy": accuracy[name]} if name in accuracy else {}


def _task(task: dict[str, Any]) -> Iterator[Table]:
    rows = [
        (INPUTS[name], f"{found['accuracy']:.2%}", f"{found['low']:.2%} to {found['high']:.2%}")
        for name, found in task["accuracy"].items()
    ]
    yield Table("Does restoring help the task", ("accuracy on", "", "95 % interval"), rows)
    if task["tests"]:
        tests = [
            (pair, str(found["only_first"]), str(found["only_second"]), p_value(found["p"]))
            for pair, found in task["tests"].items()
        ]
        header = ("images classified rightly", "only the first", "only the second", "McNemar")
        yield Table("Paired tests", header, tests)


def _curve(name: str, curve: Sequence[dict[str, Any]], scored: str) -> Table:
    """Describe one measure over the noise: a row for each method, a column for each level.

    Args:
        name: The measure.
        curve: The rows of the curve that have it.
        scored: The note that says how many images most methods were scored on.
    """
    title, form = MEASURES[name].title, MEASURES[name].form
    levels = sorted({row["level"] for row in curve})
    methods: dict[str, dict[float, str]] = {}
    for row in curve:
        methods.setdefault(row["method"], {})[row["level"]] = format(row[name], form)
    rows = [[method, *(found[level] for level in levels)] for method, found in methods.items()]
    header = ["noise level", *(f"{level:g}" for level in levels)]
    counts = {row["method"]: row["images"] for row in curve}
    fewer = [method for method in methods if counts[method] < max(counts.values())]
    notes = [scored]
    if fewer:
        notes.append(f"On the first {counts[fewer[0]]:,} alone: {', '.join(fewer)}.")
    return Table(f"Noise curve: {title}", header, rows, notes)


def _by_class(found: dict[str, dict[str, Any]]) -> Table:
    keys = [key for name in (*BY_IMAGE, "accuracy") for key in (f"{NOISY_INPUT}{name}", name)]
    names = ["images", *(key for key in keys if any(key in row for row in found.values()))]
    rows = [[name, *(_cell(key, row[key]) for key in names)] for name, row in found.items()]
    header = ["class", *(_by_class_title(key) for key in names)]
    return Table("By class", header, rows)


def _by_class_title(key: str) -> str:
    name = key.removeprefix(NOISY_INPUT)
    return title_of(name) if name == key else f"noisy {title_of(name)}"


def _cell(key: str, value: float) -> str:
    name = key.removeprefix(NOISY_INPUT)
    return format(value, MEASURES[name].form) if name in MEASURES else str(value)


def _vae(found: dict[str, Any], notes: Sequence[str]) -> Table:
    psnr = found["psnr"]
    informative = sum(nats > INFORMATIVE for nats in found["kl_by_latent"])
    rows = [
        ("KL divergence", f"{sum(found['kl_by_latent']):.1f} nats per image"),
        ("active units", f"{found['active_units']} of {len(found['kl_by_latent'])}"),
        (f"latents of more than {INFORMATIVE} nats", str(informative)),
        ("PSNR with the posterior mean", f"{psnr['mean']:.2f} dB"),
        (f"PSNR of the average of {found['draws']} draws", f"{psnr['average']:.2f} dB"),
        ("PSNR of one draw", f"{psnr['single']:.2f} dB"),
        ("RMS error of a pixel", f"{found['rms_error']:.4f}"),
        ("RMS of its predicted standard deviation", f"{found['rms_std']:.4f}"),
        ("pixels within the 68.3 % interval", f"{found['coverage_68']:.1%}"),
        ("pixels within the 95 % interval", f"{found['coverage_95']:.1%}"),
    ]
    note = f"From PSNR on, of the first {found['images']:,} images."
    return Table("The posterior", ("measure", ""), rows, [*notes, note])
