"""Configs composed in Python, as a command's own line composes them."""

from collections.abc import Sequence

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.initialize import get_gh_backup, restore_gh_from_backup
from omegaconf import DictConfig

from cli import checkpoint_options
from groundwork.files import REPOSITORY

# Functions that return what a command adds to the overrides that it is given.
PREPARE = {
    "train": checkpoint_options.resume,
    "eval": checkpoint_options.score,
    "export": checkpoint_options.score,
    "denoise": lambda overrides: [],
}


def compose(command: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Compose the config that `python {command}.py *overrides` has.

    With `checkpoint=…` it builds on the run of the checkpoint, which `hydra.compose` cannot do.

    Args:
        command: train, eval, export or denoise.
        overrides: What the command line would hold, such as "model=vae".

    Returns:
        The argument of `train`, `evaluate`, `export` or `denoise` takes.

    Raises:
        ValueError: There is no such command, or the checkpoint decides what an override sets.
        FileNotFoundError: There is no such checkpoint.
    """
    if command not in PREPARE:
        raise ValueError(f"there is no command {command!r}: the choices are {', '.join(PREPARE)}")
    arguments, in_use = list(overrides), get_gh_backup()
    GlobalHydra.instance().clear()  # a notebook may have initialised it for configs of its own
    try:
        arguments += PREPARE[command](arguments)
        with hydra.initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
            return hydra.compose(command, arguments)
    finally:
        restore_gh_from_backup(in_use)
        # A config that is composed by other means must not build on this checkpoint.
        checkpoint_options.withdraw()
