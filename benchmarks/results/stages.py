"""The stages from which all published numbers come: what each trains, scores and compares."""

from collections.abc import Sequence
from typing import NamedTuple

from groundwork.files import REPOSITORY

BEST_CLASSIFIER = "classifier={comparison/classifier}"
SCORES_ALONE = ("baselines=none", "levels=[]")
DOCS = REPOSITORY / "docs"


class Sweep(NamedTuple):
    """A command of train.py, which runs once for each seed.

    Attributes:
        name: The name of its folder in the stage's folder.
        overrides: Its command line. `{stage/sweep}` stands for the best checkpoint of another
            sweep, which has one job, with the same seed.
    """

    name: str
    overrides: Sequence[str]


class Scoring(NamedTuple):
    """A command of eval.py, which runs once for each run of a sweep.

    Attributes:
        sweep: The sweep, as `stage/sweep`.
        overrides: Its command line without the checkpoint, as in `Sweep`.
        only: The name of the one job whose runs are scored. "" for all jobs.
    """

    sweep: str
    overrides: Sequence[str] = SCORES_ALONE
    only: str = ""


class Stage(NamedTuple):
    """A part of the results that runs, and is published, by itself.

    Attributes:
        name: What the command line calls it.
        sweeps: What is trained.
        scorings: What is scored after that.
        needs: The stages whose checkpoints it uses.
        pairs: Rows whose difference is tested, the second subtracted from the first.
        module: A module that ends the stage, called with the folders of the sweeps and with
            `--output PNG`. "" for none.
        picture: A file below the stage's folder, as a pattern, that is published as well.
        published_as: Where that file is published, in `docs/`.
    """

    name: str
    sweeps: Sequence[Sweep] = ()
    scorings: Sequence[Scoring] = ()
    needs: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()
    module: str = ""
    picture: str = ""
    published_as: str = ""


# The names of jobs are the values that their sweep chooses among, or the sweep's name if it has
# one job. They name the rows of the results.
ALL = (
    Stage(
        "comparison",
        sweeps=[
            Sweep("classifier", ["model=classifier"]),
            Sweep("denoisers", ["experiment=comparison"]),
        ],
        scorings=[Scoring("comparison/denoisers", [*SCORES_ALONE, BEST_CLASSIFIER])],
        pairs=[("conv_transposed", "conv_upsample"), ("vae", "dense")],
        picture="scores/denoisers/seed_0/*model-conv_transposed/strip.png",
        published_as="restored.png",
    ),
    Stage(
        "vae_beta",
        sweeps=[Sweep("vae", ["experiment=vae_beta"])],
        scorings=[Scoring("vae_beta/vae")],
        pairs=[(beta, "1.0") for beta in ("0.1", "0.3", "3.0", "10.0")],
    ),
    Stage(
        "published",
        needs=["comparison"],
        sweeps=[
            Sweep("denoiser", ["experiment=published", "model=conv_transposed"]),
            Sweep("control", ["experiment=published", "model=classifier", "model.input=noisy"]),
            *(
                Sweep(
                    name,
                    [
                        "experiment=published",
                        "model=composite",
                        "model.denoiser={published/denoiser}",
                        "model.classifier={comparison/classifier}",
                        *tuned,
                    ],
                )
                for name, tuned in (
                    ("frozen", ()),
                    ("finetuned", ("model.finetune=true", "trainer.max_epochs=4")),
                )
            ),
        ],
        scorings=[
            Scoring(f"published/{name}", [*SCORES_ALONE, "control={published/control}"])
            for name in ("frozen", "finetuned")
        ],
        pairs=[("frozen", "control"), ("finetuned", "control"), ("finetuned", "frozen")],
    ),
    Stage(
        "supervision",
        sweeps=[Sweep("unet", ["experiment=supervision"])],
        scorings=[Scoring("supervision/unet")],
        pairs=[
            (objective, "supervised")
            for objective in ("noise2noise", "sure", "r2r", "noise2self", "neighbor2neighbor")
        ],
    ),
    Stage(
        "baselines",
        needs=["comparison"],
        scorings=[Scoring("comparison/denoisers", [BEST_CLASSIFIER], only="conv_transposed")],
    ),
    Stage(
        "bottleneck",
        sweeps=[
            Sweep("codes", ["experiment=bottleneck"]),
            Sweep("convolutions", ["experiment=bottleneck_conv"]),
            Sweep("skips", ["experiment=bottleneck_skips"]),
        ],
        module="benchmarks.bottleneck",
        picture="bottleneck.png",
        published_as="bottleneck.png",
    ),
    Stage(
        "ceiling",
        needs=["comparison"],
        sweeps=[Sweep("networks", ["model=unet,dncnn"])],
        scorings=[Scoring("ceiling/networks", [*SCORES_ALONE, BEST_CLASSIFIER])],
    ),
    Stage(
        "equal_time",
        sweeps=[Sweep("denoisers", ["experiment=equal_time"])],
        scorings=[Scoring("equal_time/denoisers")],
    ),
)
STAGES = {stage.name: stage for stage in ALL}


def with_needs(names: Sequence[str]) -> list[Stage]:
    """Return the named stages, and those that they need, in the order in which they run."""
    wanted = {*names, *(need for name in names for need in STAGES[name].needs)}
    return [stage for name, stage in STAGES.items() if name in wanted]
