"""TensorBoard's logger: training and validation are two curves in one card.

TensorBoard draws the same tag of several runs in one card. So each stage writes a run of its own,
in a folder beside the other events. TensorBoard orders its cards by their tags. So the metrics that
people look at first have their names as tags, and all others' tags begin with `SCORES` or `OTHERS`.
"""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

STAGES = {"train": "train", "val": "validation"}  # the folder by what begins a metric's name
FIRST = ("accuracy", "loss", "psnr")
SCORES = "scores/"  # of training and validation
OTHERS = "training/"  # what training did, such as its learning rate


def place(name: str) -> tuple[str, str]:
    """Return the folder and the tag of a metric. The folder "" is that of all other events."""
    stage, _, metric = name.partition("/")
    if stage in STAGES:
        return STAGES[stage], tag_in_stage(metric)
    own = name.startswith((OTHERS, "test/"))
    return "", name if own else f"{OTHERS}{name}"


def tag_in_stage(metric: str) -> str:
    """Return the tag of a metric in a stage's folder. A tag stays as it is."""
    return metric if metric.startswith((*FIRST, SCORES)) else f"{SCORES}{metric}"


class CurvesLogger(TensorBoardLogger):
    """See the module. It takes the arguments of Lightning's `TensorBoardLogger`."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._writers: dict[str, SummaryWriter] = {}

    def writer(self, folder: str) -> SummaryWriter:
        """Return what writes into one of the folders of `STAGES`, or beside them for ""."""
        if not folder:
            return self.experiment
        if folder not in self._writers:
            self._writers[folder] = SummaryWriter(str(Path(self.log_dir) / folder))
        return self._writers[folder]

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write metrics. Lightning's epoch is left out, since steps are TensorBoard's axis."""
        others = {}
        for name, value in metrics.items():
            folder, tag = place(name)
            if folder:
                self.writer(folder).add_scalar(tag, value, step)
            elif name != "epoch":
                others[tag] = value
        if others:
            super().log_metrics(others, step)

    @rank_zero_only
    def log_hyperparams(
        self,
        params: dict[str, Any] | Namespace,
        metrics: dict[str, Any] | None = None,
        step: int | None = None,
    ) -> None:
        """Write the settings of a run, and the metrics that they led to.

        Lightning also writes which settings the experiment has. TensorBoard then takes one run's
        list for all runs, in its order. Without it, the settings that differ come first.
        """
        metrics = metrics or {}
        self.log_metrics(metrics, step)
        for summary in hparams(self._sanitize_params(dict(params)), metrics)[1:]:
            self.experiment.file_writer.add_summary(summary, step)

    @rank_zero_only
    def save(self) -> None:
        super().save()
        for writer in self._writers.values():
            writer.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        super().finalize(status)
        for writer in self._writers.values():
            writer.close()
