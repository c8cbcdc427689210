"""The processes that share a run, as with `trainer=ddp`: the first one starts the others.

They run the same command, and LOCAL_RANK tells each which one it is. Only the first one writes.
Under torchrun or SLURM all of them are there already, and nothing here starts any.

Lightning can start them too. This file does it instead because of a promise in docs/reliability.md:
a run by several processes ends as a whole, with one line, if one of them fails or is killed.

- If the first process is killed, nothing ends Lightning's others. Here each of them watches it.
- If another one fails, Lightning ends the first with SIGKILL, so that it can say nothing. Here the
  first one says why, in its own line, and has its usual exit status.
- Ctrl-C reaches all processes of a terminal. Here only the first one answers it.
- Lightning lets each process have a log and a directory of Hydra's. Here only the first has them.

tests/training/test_ddp.py holds each of these.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import get_original_cwd
from omegaconf import DictConfig, ListConfig

from cli.messages import TRACEBACK

if TYPE_CHECKING:  # it brings torch along
    from pytorch_lightning import Trainer

STARTED_BY = "DENOISERS_STARTED_BY"  # environment variable: the process that has started this one
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK")  # as torchrun, Lightning and `together` set them
PATIENCE = 30.0  # seconds for what should take none: to end, or to notice that another one has


def follow_first() -> None:
    """End this process when the one that has started it ends, and leave signals to that one.

    In the first process this does nothing.
    """
    if STARTED_BY not in os.environ:
        return
    first = int(os.environ[STARTED_BY])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == first:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def is_first() -> bool:
    """Whether this is the only process of the run, or the first of several."""
    return all(os.environ.get(name, "0") in ("0", "") for name in RANKS)


def overrides() -> list[str]:
    """Return Hydra's settings that keep a process other than the first from writing anything."""
    if is_first():
        return []
    return ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"]


def refuse_in_sweep(cfg: DictConfig) -> None:
    """Exit where each job of a sweep should be shared by processes that have to be started here.

    Each of these would run the sweep again. On SLURM they are there already.
    """
    settings, launcher = cfg.trainer, HydraConfig.get().launcher._target_
    devices = (
        len(settings.devices) if isinstance(settings.devices, ListConfig) else settings.devices
    )
    shared = (
        settings.strategy == "ddp" or devices not in (1, "1", "auto") or settings.num_nodes != 1
    )
    if shared and not launcher.endswith(".SlurmLauncher"):
        # An error would be one failed job, and the next job would be refused too.
        sys.exit(
            f"{Path(sys.argv[0]).name}: trainer=ddp: the jobs of this sweep share one process, "
            "which can't be started again for each: loop over them in the shell"
        )


def require_possible(trainer: Trainer) -> None:
    """Refuse a trainer that wants processes which the run cannot have.

    Raises:
        ValueError: They are not there, cannot be started here, or would not share the run.
    """
    from pytorch_lightning.strategies import DDPStrategy

    if trainer.world_size == 1:
        if not is_first():
            said = next(f"{name}={os.environ[name]}" for name in RANKS if os.environ.get(name))
            raise ValueError(f"{said} says that this is one of several processes: take trainer=ddp")
    elif not isinstance(trainer.strategy, DDPStrategy):
        raise ValueError("trainer.strategy: processes share a run by trainer=ddp alone")
    elif _starts_others(trainer) and not (
        HydraConfig.initialized() and HydraConfig.get().mode == RunMode.RUN
    ):
        raise ValueError("trainer.devices: only the command train.py starts several processes")


def _starts_others(trainer: Trainer) -> bool:
    environment = getattr(trainer.strategy, "cluster_environment", None)
    return environment is not None and not environment.creates_processes_externally


@contextmanager
def together(trainer: Trainer) -> Iterator[None]:
    """Start the other processes of this machine before the block, and end them after it.

    If this is not the first process, or they are there already, nothing is started.

    Raises:
        ValueError: One of them has failed. If it said more than a line, that is on stderr.
    """
    if not _starts_others(trainer):
        yield
        return
    others, over = _start(trainer), threading.Event()
    threading.Thread(target=_watch, args=(others, over), daemon=True).start()
    try:
        yield
        for other in others:
            other.process.wait(PATIENCE)
    except Exception as error:
        if _lost_another(error):
            _raise_failure(others)
        raise
    finally:
        over.set()
        for other in others:
            other.process.kill()
            other.process.wait()


@dataclass
class _Other:
    rank: int  # on this machine
    process: subprocess.Popen[bytes]
    said: IO[bytes]  # on stderr

    def failure(self) -> str | None:
        """Return why it has failed. It is None while it runs, and if it has ended well."""
        status = self.process.poll()
        if not status:
            return None
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        if status < 0:
            reason = f"ended by {signal.Signals(-status).name}"
        else:
            reason = lines[-1] if lines else f"exit status {status}"
        if len(lines) > 1:
            print(*lines, sep="\n", file=sys.stderr)
        reason = reason.removeprefix(f"{Path(sys.argv[0]).name}: ")
        reason = re.sub(r"^\[rank\d+\]: ", "", reason)  # torch's, before a traceback's lines
        return f"process {self.rank} of those that share the run has failed: {reason}"


def _start(trainer: Trainer) -> list[_Other]:
    environment = trainer.strategy.cluster_environment  # type: ignore[attr-defined]
    # Lightning reads these, in this process too, and then starts none.
    os.environ["MASTER_ADDR"] = environment.main_address
    os.environ["MASTER_PORT"] = str(environment.main_port)
    os.environ["LOCAL_RANK"] = "0"
    shared = {name: value for name, value in os.environ.items() if name != TRACEBACK}
    others = []
    for rank in range(1, trainer.num_devices):
        said = tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            cwd=get_original_cwd(),
            env=shared | {"LOCAL_RANK": str(rank), STARTED_BY: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        others.append(_Other(rank, process, said))
    return others


def _watch(others: list[_Other], over: threading.Event) -> None:
    """End this process if it does not notice that another one has failed.

    It may wait for the other one inside a GPU's library, where not even a signal reaches it.
    """
    while not over.wait(1):
        if any(other.process.poll() for other in others) and not over.wait(PATIENCE):
            print(f"{Path(sys.argv[0]).name}: {_first_failure(others)}", file=sys.stderr)
            for other in others:
                other.process.kill()
            os._exit(1)


def _lost_another(error: Exception) -> bool:
    from torch.distributed import DistError

    return isinstance(error, DistError) or "gloo" in str(error)


def _raise_failure(others: list[_Other]) -> None:
    """Raise ValueError for the process that has failed. It may not have ended quite yet."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if failure := _first_failure(others):
            raise ValueError(failure)
        time.sleep(0.1)


def _first_failure(others: list[_Other]) -> str | None:
    return next(filter(None, (other.failure() for other in others)), None)
