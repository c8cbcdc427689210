"""The loggers of a run."""

import inspect
from pathlib import Path
from typing import Any

from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from training.curves_logger import CurvesLogger
from training.tensorboard import FOLDER


def loggers(node: Any, directory: Path) -> Logger | list[Logger]:
    """Make the loggers that a config asks for: TensorBoard's for None or true, none for false.

    Args:
        node: None, a bool, a node with `_target_`, or a list of such nodes.
        directory: The run's. If a logger's node does not say where its files go, they go there:
            TensorBoard's into the usual folder, those of others into one named after the logger.
    """
    if node is False:
        return []
    if node is None or node is True:
        return [CurvesLogger(directory, name="", version=FOLDER, default_hp_metric=False)]
    if isinstance(node, ListConfig):
        return [_logger(each, directory) for each in node]
    return _logger(node, directory)


def _logger(node: DictConfig, directory: Path) -> Logger:
    kind = get_object(node._target_)
    is_logger = inspect.isclass(kind) and issubclass(kind, Logger)
    if not is_logger or node.get("save_dir") is not None:
        return instantiate(node)  # type: ignore[no-any-return]
    settings: dict[str, Any] = {"save_dir": str(directory), "name": ""}
    if issubclass(kind, TensorBoardLogger):
        settings |= {"version": FOLDER, "default_hp_metric": False}
    else:
        settings |= {"version": kind.__name__.removesuffix("Logger").lower()}
    known = inspect.signature(kind).parameters
    missing = {key: value for key, value in settings.items() if key in known}
    return instantiate(node, **{k: v for k, v in missing.items() if node.get(k) is None})  # type: ignore[no-any-return]
