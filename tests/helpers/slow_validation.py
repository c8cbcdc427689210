"""A callback that makes validations slow, and knows how long training took with and without them.

It is named in an override, such as trainer.callbacks=[{_target_:…}].
"""

import time
from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from groundwork.files import write_json

NAP = 0.3  # seconds


class SlowValidation(Callback):
    """Writes a JSON file with the seconds from the start of training to the last validation.

    Args:
        file: With "with_naps", all of them, and "naps", those that earlier validations slept.
    """

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.naps = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.start = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        seconds = time.perf_counter() - self.start
        write_json(self.file, {"with_naps": seconds, "naps": self.naps})
        time.sleep(NAP)
        self.naps += NAP
