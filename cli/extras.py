"""Launchers and sweepers: how they are set here, and what to install for those of extras.

This file imports nothing heavy, like cli/command.py.
"""

from contextlib import suppress

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import OmegaConf

from groundwork.files import REPOSITORY

SETTINGS = REPOSITORY / "conf" / "extras.yaml"
EXTRAS = {
    "hydra/launcher=joblib": "joblib",
    "hydra/launcher=submitit_local": "submitit",
    "hydra/launcher=submitit_slurm": "submitit",
    "hydra/sweeper=optuna": "optuna",
}


def offer() -> None:
    """Give the launchers and sweepers that are installed the settings of conf/extras.yaml.

    Files in conf/hydra could not: they would hide the plugins' own configs, with their types.
    """
    Plugins.instance()  # finds them, as Hydra is about to
    store = ConfigStore.instance()
    for group, choices in OmegaConf.load(SETTINGS).items():
        group = str(group)
        for name, settings in choices.items():
            with suppress(ConfigLoadError):  # its extra is not installed
                plugins_own = store.load(f"{group}/{name}.yaml").node
                store.store(name, OmegaConf.merge(plugins_own, settings), group)


def to_install(group: str, option: str) -> str | None:
    """Say how to get a choice that an extra brings. It is None for other choices."""
    extra = EXTRAS.get(f"{group}={option}")
    return extra and f"{group}={option} needs an extra: pip install '.[{extra}]'"
