"""The tables and sentences of the results in README and docs."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.results.cells import (
    PERCENT,
    Results,
    accuracy,
    difference,
    interval,
    made,
    over_seeds,
    parameters,
    said,
    score,
    seeds,
    training,
)
from benchmarks.results.stages import DOCS
from groundwork.files import REPOSITORY
from reporting.tables import Table

README, RESULTS = REPOSITORY / "README.md", DOCS / "results.md"
EVALUATION, OBJECTIVES = DOCS / "evaluation.md", DOCS / "objectives.md"
Content = Callable[[Results], Table | str]
NETWORKS = ("vae", "dense", "conv_upsample", "conv_transposed")


def summary(results: Results) -> Table:
    """Return the README's table of the four autoencoders."""
    return _networks(results, whole=False)


def comparison(results: Results) -> Table:
    """Return the same table with the intervals over images and the commands."""
    return _networks(results, whole=True)


def _networks(results: Results, whole: bool) -> Table:
    rows, first = results["rows"], results["rows"][NETWORKS[0]]
    cells = [_noisy(first, whole)]
    for name in NETWORKS:
        row = rows[name]
        over_images = [interval(row)] if whole else []
        scores = [score(row, "psnr"), *over_images, score(row, "ssim", ".3f")]
        restored = accuracy(row, "accuracy_restored")
        command = [f"`python train.py model={name}`"] if whole else []
        cells.append([f"`{name}`", parameters(row), training(row), *scores, restored, *command])
    over_images, command = (["95 % over images"], ["command"]) if whole else ([], [])
    header = ["model", "parameters", "training", "PSNR (dB)", *over_images, "SSIM"]
    right = f"is right about {accuracy(first, 'accuracy_clean')} of the clean images."
    classifier = rows["classifier"]
    notes = [f"{seeds(results)}, by `{results['made']['command']}`. The classifier {right}"]
    if whole:
        notes = [
            f"The classifier, of the same seed as the model, {right} It has "
            f"{parameters(classifier)} parameters and trains for {training(classifier)}. The times "
            "of epochs are those of the fastest seed.",
            made(results),
        ]
    return Table("Results", [*header, "restored accuracy", *command], cells, notes)


def _noisy(row: dict[str, dict[str, float]], whole: bool) -> list[str]:
    """Return the cells of the noisy input."""
    scores = [
        score(row, "noisy_psnr"),
        *([""] if whole else []),
        score(row, "noisy_ssim", ".3f"),
    ]
    restored = accuracy(row, "accuracy_noisy")
    return ["noisy input", "", "", *scores, restored, *([""] if whole else [])]


def decoders(results: Results) -> str:
    """Return what is said of the two decoders."""
    found = difference(results, "conv_transposed", "conv_upsample")
    scores = [
        said(found, "psnr", "dB"),
        said(found, "ssim", "of SSIM", ".3f"),
        said(found, "accuracy_restored", "points of restored accuracy", ".1f", PERCENT),
    ]
    return f"`conv_transposed` minus `conv_upsample`: {', '.join(scores)}."


def vae_and_dense(results: Results) -> str:
    """Return what is said of the VAE beside the autoencoder of the same size."""
    found = said(difference(results, "vae", "dense"), "psnr", "dB")
    return f"Its PSNR minus that of `dense` is {found}."


def vae_beta(results: Results) -> Table:
    """Return a row for each β."""
    cells = []
    for beta, row in results["rows"].items():
        found = {d["of"]: d for d in results["differences"]}.get(beta)
        change = said(found, "psnr", "") if found else ""
        scores = [score(row, "psnr"), change, score(row, "kl", ".1f")]
        cells.append([f"{float(beta):g}", *scores, score(row, "active_units", ".1f")])
    header = ("β", "PSNR (dB)", "minus β = 1 (dB)", "KL (nats per image)", "active units of 64")
    return Table("The VAE's β", header, cells, [made(results)])


def published(results: Results) -> Table:
    """Return the accuracies beside those of the published table."""
    rows = results["rows"]
    frozen, tuned, control = (rows[name] for name in ("frozen", "finetuned", "control"))
    parts = "model=composite model.denoiser=D model.classifier=C"
    cells = [
        ("clean", accuracy(frozen, "accuracy_clean"), "", "`python train.py model=classifier`"),
        (
            "noisy",
            accuracy(frozen, "accuracy_noisy"),
            score(frozen, "noisy_psnr"),
            "`python eval.py checkpoint=C noise.std=0.4`",
        ),
        (
            "restored, frozen parts",
            accuracy(frozen, "accuracy_restored"),
            score(frozen, "psnr"),
            f"`python train.py experiment=published {parts}`",
        ),
        (
            "restored, fine-tuned together",
            accuracy(tuned, "accuracy_restored"),
            score(tuned, "psnr"),
            "the same with `model.finetune=true trainer.max_epochs=4`",
        ),
        (
            "noisy, by the control",
            accuracy(control, "accuracy"),
            "",
            "`python train.py experiment=published model=classifier model.input=noisy`",
        ),
    ]
    words = [
        f"{name} minus the control: "
        + said(difference(results, row, "control"), "accuracy", "points", ".2f", PERCENT)
        for name, row in (("Frozen parts", "frozen"), ("Fine-tuned parts", "finetuned"))
    ]
    header = ("images", "accuracy", "PSNR (dB)", "command")
    return Table("The published table", header, cells, [f"{'. '.join(words)}.", made(results)])


def supervision(results: Results) -> Table:
    """Return the ladder of objectives, the best first."""
    cells = []
    for name, row in _best_first(results):
        change = ""
        if name != "supervised":
            change = said(difference(results, name, "supervised"), "psnr", "")
        scores = [score(row, "psnr"), change, score(row, "ssim", ".3f")]
        cells.append([f"`{name}`", *scores, score(row, "best_epoch", ".1f")])
    header = ("objective", "PSNR (dB)", "minus supervised (dB)", "SSIM", "best epoch")
    return Table("What it costs", header, cells, [made(results)])


def baselines(results: Results) -> Table:
    """Return the classical methods beside the model, the best first."""
    (name, model), *others = results["rows"].items()
    named = [(f"`{name}`", model, "accuracy_restored"), *((n, r, "accuracy") for n, r in others)]
    cells = [
        [
            method,
            score(row, "psnr"),
            score(row, "ssim", ".3f"),
            accuracy(row, judged),
            format(row["mean"]["ms_per_image"], ".2f"),
        ]
        for method, row, judged in sorted(named, key=lambda one: -one[1]["mean"]["psnr"])
    ]
    noisy = [score(model, "noisy_psnr"), score(model, "noisy_ssim", ".3f")]
    cells.append(["noisy input", *noisy, accuracy(model, "accuracy_noisy"), ""])
    header = ("method", "PSNR (dB)", "SSIM", "accuracy", "ms/image")
    return Table("Baselines", header, cells, [_at_weak_noise(name, model), made(results)])


def _at_weak_noise(name: str, row: dict[str, dict[str, float]]) -> str:
    restored, noisy = score(row, "psnr_at_0.1"), score(row, "noisy_psnr_at_0.1")
    return (
        f"`{name}` was trained at std 0.5. At std 0.1 it has {restored} dB, and the noisy input "
        f"{noisy} dB."
    )


def best_baseline(results: Results) -> str:
    """Return the README's sentence on the best classical method."""
    _, *others = results["rows"].items()
    name, row = max(others, key=lambda one: float(one[1]["mean"]["psnr"]))
    return f"The best classical baseline is {name}, with {score(row, 'psnr')} dB."


def ceiling(results: Results) -> Table:
    """Return the networks with skip connections, with the budget of the autoencoders."""
    cells = [
        [
            f"`{name}`",
            parameters(row),
            training(row),
            score(row, "psnr"),
            score(row, "ssim", ".3f"),
            accuracy(row, "accuracy_restored"),
        ]
        for name, row in _best_first(results)
    ]
    header = ("model", "parameters", "training", "PSNR (dB)", "SSIM", "restored accuracy")
    return Table("Networks with skip connections", header, cells, [made(results)])


def equal_time(results: Results) -> Table:
    """Return the networks that were trained for the same time, the best first."""
    cells = [
        [
            f"`{name}`",
            parameters(row),
            score(row, "epochs", ".1f"),
            score(row, "psnr"),
            interval(row),
            score(row, "ssim", ".3f"),
        ]
        for name, row in _best_first(results)
    ]
    header = ("model", "parameters", "epochs", "PSNR (dB)", "95 % over images", "SSIM")
    return Table("At equal time", header, cells, [made(results)])


def bottleneck(results: Results) -> Table:
    """Return PSNR by the noise and the method, a column for each size of a code."""
    points = results["points"]
    sizes = sorted({point["size"] for point in points if point["size"] is not None})
    found = {(p["std"], p["method"], p["size"]): p["psnr"] for p in points}
    cells: list[list[str]] = []
    for std, method in dict.fromkeys((p["std"], p["method"]) for p in points):
        values = [found.get((std, method, size)) for size in (*sizes, None)]
        cells.append([f"{std:g}, {method}", *(over_seeds(each) if each else "" for each in values)])
    header = ["noise and method", *map(str, sizes), "without a code"]
    return Table("PSNR (dB)", header, sorted(cells), [made(results)])


def _best_first(results: Results) -> list[tuple[str, Results]]:
    return sorted(results["rows"].items(), key=lambda one: -float(one[1]["mean"]["psnr"]))


# By the name in the comments: the stage, and what makes the content of each page.
PLACES: dict[str, tuple[str, dict[Path, Content]]] = {
    "comparison": ("comparison", {README: summary, RESULTS: comparison}),
    "decoders": ("comparison", {RESULTS: decoders}),
    "vae and dense": ("comparison", {RESULTS: vae_and_dense}),
    "vae_beta": ("vae_beta", {RESULTS: vae_beta}),
    "published": ("published", {RESULTS: published}),
    "supervision": ("supervision", {OBJECTIVES: supervision}),
    "baselines": ("baselines", {EVALUATION: baselines}),
    "best baseline": ("baselines", {README: best_baseline}),
    "bottleneck": ("bottleneck", {RESULTS: bottleneck}),
    "ceiling": ("ceiling", {RESULTS: ceiling}),
    "equal_time": ("equal_time", {EVALUATION: equal_time}),
}
