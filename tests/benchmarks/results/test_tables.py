"""The tables and sentences of the results: every stage has them, with the stored numbers."""

from statistics import fmean, stdev
from typing import Any

import pytest

from benchmarks.results import cells, tables
from benchmarks.results.layout import jobs_of
from benchmarks.results.stages import DOCS, STAGES, with_needs

SCORES = {"psnr": 19.0, "ssim": 0.6, "parameters": 1000.0, "epochs": 15.0, "best_epoch": 5.0}
SCORES |= {"accuracy": 0.8, "accuracy_restored": 0.7, "accuracy_clean": 0.9, "accuracy_noisy": 0.2}
SCORES |= {"noisy_psnr": 9.3, "noisy_ssim": 0.25, "seconds_per_epoch": 4.4, "ms_per_image": 0.1}
SCORES |= {"kl": 35.0, "active_units": 63.0, "psnr_at_0.1": 20.4, "noisy_psnr_at_0.1": 21.6}
ALIKE = ("parameters", "noisy_psnr", "noisy_ssim", "noisy_psnr_at_0.1")  # for all seeds


def row_of(number: int) -> dict[str, Any]:
    """Return a row of three seeds. The higher its number, the higher its scores."""
    seeds = [
        {
            name: value if name in ALIKE else value * (1 + (number + seed) / 100)
            for name, value in found
        }
        for seed, found in enumerate([SCORES.items()] * 3)
    ]
    values = {name: [seed[name] for seed in seeds] for name in SCORES}
    return {
        "seeds": [{"scores": seed} for seed in seeds],
        "mean": {name: fmean(found) for name, found in values.items()},
        "std": {name: stdev(found) for name, found in values.items()},
        "interval": [19.0, 19.5],
    }


def stored(name: str) -> dict[str, Any]:
    """Return what a stage stores, with rows for all its jobs."""
    stage = STAGES[name]
    names = [job for sweep in stage.sweeps for job in jobs_of(f"{name}/{sweep.name}")]
    if name == "baselines":
        names = ["conv_transposed", "linear (Wiener)", "median filter"]
    numbers = {"mean": -0.234, "over_images": [-0.3, -0.2], "over_seeds": [-0.5, 0.1]}
    by_name = dict.fromkeys(("psnr", "ssim", "accuracy", "accuracy_restored"), numbers)
    points = [
        {"std": 0.5, "method": "dense", "size": 16, "psnr": [18.0, 18.2]},
        {"std": 0.2, "method": "PCA", "size": 32, "psnr": [17.0]},
        {"std": 0.2, "method": "unet", "size": None, "psnr": [20.0, 20.0]},
    ]
    machine = {"processor": "EPYC", "cores": 2, "commit": "abc"}
    return {
        "rows": {job: row_of(number) for number, job in enumerate(names)},
        "differences": [{"of": a, "minus": b} | by_name for a, b in stage.pairs],
        "points": points,
        "made": {
            "seeds": [0, 1, 2],
            "images": 10_000,
            "with": [machine, machine | {"commit": "def"}],
            "versions": {"python": ["3.12.1"], "torch": ["2.11.0"], "hydra-core": ["1.3.2"]},
            "ended": "2026-01-31",
            "seconds": 3725.4,
            "command": f"python -m benchmarks.results {name}",
        },
    }


@pytest.mark.parametrize("kind", tables.PLACES)
def test_every_place_has_a_content(kind: str) -> None:
    stage, pages = tables.PLACES[kind]
    for page, content in pages.items():
        made = content(stored(stage))
        if isinstance(made, str):
            assert made.endswith(".")
            continue
        assert {len(row) for row in made.rows} == {len(made.header)}
        assert made.notes[-1].startswith("Three seeds, mean ± standard deviation over seeds")
        assert f"`python -m benchmarks.results {stage}`." in made.notes[-1]
        assert ("Machine: " in made.notes[-1]) == (page != tables.README)  # which leads to it


def test_every_stage_is_published() -> None:
    assert {stage for stage, _ in tables.PLACES.values()} == STAGES.keys()
    for stage in STAGES.values():
        assert bool(stage.picture) == bool(stage.published_as)
        assert not stage.published_as or (DOCS / stage.published_as).exists()


def test_a_row_has_means_and_deviations() -> None:
    results = stored("comparison")
    lines = {row[0]: row for row in tables.comparison(results).rows}
    numbers = [19.0 * (1 + (1 + seed) / 100) for seed in range(3)]
    assert [*results["rows"]][1] == "dense"
    found = dict(zip(tables.comparison(results).header, lines["`dense`"], strict=True))
    assert found["PSNR (dB)"] == f"{fmean(numbers):.2f} ± {stdev(numbers):.2f}"
    assert found["95 % over images"] == "19.00 to 19.50"
    assert found["parameters"] == "1,000"
    assert found["training"] == "4.4 s × 15.3"  # of the fastest seed, the mean is 4.5
    assert found["restored accuracy"] == "71.40 ± 0.70 %"
    assert lines["noisy input"][3] == "9.30"  # the same for all seeds
    left_out = {*found} - {*tables.summary(results).header}
    assert left_out == {"95 % over images", "command"}


def test_tables_are_in_the_order_of_scores() -> None:
    ladder = tables.supervision(stored("supervision"))
    assert [row[0] for row in ladder.rows][-1] == "`supervised`"  # the lowest scores here
    assert ladder.rows[-1][2] == ""
    assert (
        ladder.rows[0][2]
        == "−0.23 (95 % over images −0.30 to −0.20; 95 % over seeds −0.50 to +0.10)"
    )
    betas = tables.vae_beta(stored("vae_beta"))
    assert [row[0] for row in betas.rows] == ["0.1", "0.3", "1", "3", "10"]
    assert [bool(row[2]) for row in betas.rows] == [True, True, False, True, True]
    assert "linear" not in tables.best_baseline(stored("baselines"))
    codes = tables.bottleneck(stored("bottleneck"))
    assert codes.header == ["noise and method", "16", "32", "without a code"]
    assert codes.rows[-1] == ["0.5, dense", "18.10 ± 0.14", "", ""]
    assert ["0.2, unet", "", "", "20.00"] in codes.rows


def test_the_line_below_a_table_says_how_it_was_made() -> None:
    assert cells.made(stored("ceiling")) == (
        "Three seeds, mean ± standard deviation over seeds, on 10,000 test images. "
        "Machine: EPYC, 2 cores. Python 3.12.1, torch 2.11.0. Commit: abc, def. "
        "Date: 2026-01-31. Training and scoring: 1:02:05. "
        "Command: `python -m benchmarks.results ceiling`."
    )


def test_jobs_are_those_of_the_experiments() -> None:
    assert [*jobs_of("comparison/denoisers")] == [
        "dense",
        "vae",
        "conv_upsample",
        "conv_transposed",
    ]
    assert len(jobs_of("bottleneck/codes")) == 16
    assert frozenset({"model.channels=[32,64,1]", "noise.std=0.2"}) in [
        *jobs_of("bottleneck/convolutions").values()
    ]
    assert jobs_of("published/frozen") == {"frozen": frozenset()}
    for stage in STAGES.values():
        names = [job for sweep in stage.sweeps for job in jobs_of(f"{stage.name}/{sweep.name}")]
        assert len({*names}) == len(names)
        for scoring in stage.scorings:
            names += jobs_of(scoring.sweep)
        assert {name for pair in stage.pairs for name in pair} <= {*names}


def test_a_stage_brings_those_that_it_needs() -> None:
    assert [stage.name for stage in with_needs(["baselines"])] == ["comparison", "baselines"]
    for number, stage in enumerate(with_needs([*STAGES])):
        assert {*stage.needs} <= {*[*STAGES][:number]}
