"""A page with tiny models, which are trained on garments drawn by code within seconds."""

from pathlib import Path

import export
from cli import checkpoint_options
from tests.helpers.runs import compose, composite_of, trained

IMAGES = ("data.train_size=2000", "data.test_size=200")  # with ten of each class to choose from
SHORT = (*IMAGES, "trainer.max_epochs=3")
# Three networks that restore, so that their time together can be measured.
RESTORING = (
    ("model=conv_transposed", *SHORT),
    ("model=dense", *SHORT),
    ("model=vae", *SHORT),
)
CLASSIFYING = ("model=classifier", *SHORT)


def write_tiny_page(folder: Path) -> list[Path]:
    """Train the models, and export the page.

    Returns:
        The checkpoints, in the order of the page's models.
    """
    checkpoints = [trained(*overrides).best for overrides in (*RESTORING, CLASSIFYING)]
    both = composite_of(checkpoints[0], checkpoints[-1])
    checkpoints.append(trained(*both, *IMAGES, "trainer.max_epochs=1").best)
    arguments = [
        f"checkpoint=[{','.join(map(str, checkpoints))}]",
        "format=web",
        f"output={folder}",
    ]
    export.export(compose("export", *arguments, *checkpoint_options.score(arguments)))
    return checkpoints
