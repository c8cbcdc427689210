"""Fashion-MNIST and MNIST: the download, extraction and verification of their four files."""

import gzip
import hashlib
import logging
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import ClassVar
from urllib.request import urlopen

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor
from torchvision import datasets

from datamodules.labelled_images import LabelledImages
from datamodules.noise import Noise
from groundwork.files import REPOSITORY, expand, whole_file

LOCK = ".lock"
PATIENCE = 2  # seconds to wait for another process before a line says so
SILENCE = 30  # seconds without data after which a mirror is given up

log = logging.getLogger(__name__)


class MNISTFormat(LabelledImages):
    """60,000 training and 10,000 test images of 28 x 28 pixels, in four files.

    Args:
        root: The folder that holds torchvision's `FashionMNIST/raw` or `MNIST/raw`. `None` stands
            for `data` in the repository.
        noise, batch_size, val_size, eval_seed, num_workers, seed: See `ImageDataModule`.

    Attributes:
        source: torchvision's dataset, whose tables name the archives, their MD5 and the mirrors.
        checksums: The MD5 of the extracted files.

    Raises:
        ValueError: A setting is out of range. From `prepare_data`: a file is damaged.
        FileNotFoundError: From `prepare_data`: files are missing and cannot be downloaded.
        OSError: From `prepare_data`: the archives cannot be extracted.
    """

    image_shape = (1, 28, 28)
    train_count = 60_000
    test_count = 10_000

    source: type[datasets.MNIST]
    checksums: ClassVar[dict[str, str]]

    def __init__(
        self,
        noise: Noise,
        root: str | None,
        batch_size: int,
        val_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__(noise, batch_size, val_size, eval_seed, num_workers, seed)
        self.root = expand(root).absolute() if root else REPOSITORY / "data"

    @property
    def folder(self) -> Path:
        return self.root / self.source.__name__ / "raw"

    def prepare_data(self) -> None:
        """Download and extract missing files, then verify every byte that will be read.

        Nothing is written to a folder that holds the four files.
        """
        if not all((self.folder / name).exists() for name in self.checksums):
            self._fetch()
        self._refuse_damage()

    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        # torchvision's reader would hold all images twice. The headers have been verified already.
        part = "t10k" if test else "train"
        images = np.fromfile(self.folder / f"{part}-images-idx3-ubyte", np.uint8, offset=16)
        labels = np.fromfile(self.folder / f"{part}-labels-idx1-ubyte", np.uint8, offset=8)
        return torch.from_numpy(images).view(-1, *self.image_shape), torch.from_numpy(labels).long()

    @property
    def _pairs(self) -> list[tuple[Path, Path]]:
        """Each file with the archive that it is extracted from."""
        return [(self.folder / name, self.folder / f"{name}.gz") for name in self.checksums]

    def _fetch(self) -> None:
        """Download and extract missing files. One process does it while others wait."""
        try:
            with _alone(self.folder):
                self._refuse_damage()
                for file, archive in self._pairs:
                    if not file.exists():
                        if not archive.exists():
                            self._download(archive)
                        with gzip.open(archive) as packed, whole_file(file) as unpacked:
                            shutil.copyfileobj(packed, unpacked)
        except OSError as error:
            missing = [pair[1].name for pair in self._pairs if not any(map(Path.exists, pair))]
            if not missing:
                raise OSError(f"{self.folder}: cannot extract the archives: {error}") from error
            raise FileNotFoundError(
                f"{self.source.__name__} is not in {self.folder} and could not be downloaded "
                f"({error}): missing {', '.join(missing)}. Put the files there by hand "
                f"(from {' or '.join(self.source.mirrors)}), or run the same command with "
                "data=procedural, which needs no files."
            ) from error

    def _download(self, archive: Path) -> None:
        """Download an archive from the first mirror that has it.

        torchvision's own download is not used, since it writes files in place.
        """
        reasons = []
        for mirror in self.source.mirrors:
            url = f"{mirror}{archive.name}"
            log.info("downloading %s", url)
            try:
                with urlopen(url, timeout=SILENCE) as response:
                    content = response.read()  # 26 MB at most
            except (OSError, HTTPException) as error:
                reasons.append(str(error))
                continue
            if _md5(content) == dict(self.source.resources)[archive.name]:
                with whole_file(archive) as file:
                    file.write(content)
                return
            reasons.append("what came is not the file")
        raise OSError("; ".join(reasons))

    def _refuse_damage(self) -> None:
        """Refuse damaged files. A damaged archive matters only if its file is not whole.

        Raises:
            ValueError: A file is damaged.
        """
        checksums = dict(self.source.resources) | self.checksums
        faults = {}
        for pair in self._pairs:
            for path in filter(Path.exists, pair):
                fault = _fault(path, checksums)
                if fault is None:
                    break
                faults[path] = fault
        if faults:
            damage = ", ".join(f"{path} is damaged ({fault})" for path, fault in faults.items())
            raise ValueError(
                f"{damage}; delete what is damaged, and the next run makes it anew: "
                f"rm -rf {shlex.join(map(str, faults))}"
            )


class FashionMNIST(MNISTFormat):
    """Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): grey pictures of ten kinds of clothing."""

    source = datasets.FashionMNIST
    class_names = tuple(datasets.FashionMNIST.classes)
    licence = "MIT, Copyright (c) 2017 Zalando SE"
    checksums: ClassVar = {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    }


class MNIST(MNISTFormat):
    """MNIST (LeCun, Cortes and Burges 1998): handwritten digits."""

    source = datasets.MNIST
    class_names = tuple("0123456789")
    licence = "CC BY-SA 3.0, Yann LeCun and Corinna Cortes"
    checksums: ClassVar = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }


def _fault(path: Path, checksums: dict[str, str]) -> str | None:
    """Say what is wrong with a file. None says that nothing is.

    Args:
        path: The file.
        checksums: The MD5 of this file and of the others, by name.
    """
    if not path.is_file():
        return "it is not a file"
    found, expected = _md5(path.read_bytes()), checksums[path.name]
    if found == expected:
        return None
    for name, checksum in checksums.items():
        if found == checksum:
            return f"it is {name}"
    return f"MD5 {found}, expected {expected}"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder `root/dataset/raw` and hold its lock.

    If the block fails, folders that are empty are removed: these three, and those above the root
    that had to be made. Who made the three does not matter, since processes that fail together
    make and remove them in turns, and the last one must leave nothing.
    """
    root = folder.parents[1]
    removable = [folder, *folder.parents[:2], *(path for path in root.parents if not path.exists())]
    lock = _acquire(folder)
    try:
        yield
    except BaseException:
        # The lock is still held. A process that waits for it sees it vanish and makes another.
        with suppress(OSError):  # not empty
            (folder / LOCK).unlink()
            for path in removable:
                path.rmdir()
        raise
    finally:
        lock.release()


def _acquire(folder: Path) -> FileLock:
    """Make a folder and take its lock. Processes that fail may remove it at any moment before."""
    lock = FileLock(folder / LOCK)
    attempts = 100
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=PATIENCE)
            except Timeout:
                log.warning("waiting for another process that fetches %s", folder)
                lock.acquire()
        except (FileNotFoundError, FileExistsError):
            # `mkdir` raises either when a folder vanishes between two of its steps, but also
            # where a link leads nowhere, and then every attempt fails.
            attempts -= 1
            if not attempts:
                raise
        else:
            return lock
