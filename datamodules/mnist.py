"""Fashion-MNIST and MNIST: torchvision downloads the files, which are verified and read here."""

import gzip
import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torchvision import datasets

from datamodules.images import ImageDataModule
from datamodules.noise import Noise

LOCK = ".lock"
REPOSITORY = Path(__file__).resolve().parent.parent


class MNISTFormat(ImageDataModule):
    """60,000 training and 10,000 test images of 28 x 28 pixels, in four files.

    root: the folder that holds torchvision's `FashionMNIST/raw` or `MNIST/raw`; `None` is `data`
        in the repository.

    Raises, from `prepare_data`: FileNotFoundError where files are missing and cannot be
    downloaded, ValueError where one is damaged.
    """

    image_shape = (1, 28, 28)
    train_count = 60_000

    source: type[datasets.MNIST]
    checksums: ClassVar[
        dict[str, str]
    ]  # MD5 of the extracted files; torchvision knows the archives' own

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
        self.root = Path(root).absolute() if root else REPOSITORY / "data"

    @property
    def folder(self) -> Path:
        return self.root / self.source.__name__ / "raw"

    def prepare_data(self) -> None:
        """Download and extract what is missing, then verify every byte that will be read."""
        if not all((self.folder / name).exists() for name in self.checksums):
            self._fetch()
        for name, checksum in self.checksums.items():
            _verify(self.folder / name, checksum)

    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        # torchvision's reader would hold all images twice. The files are verified, headers and all.
        part = "t10k" if test else "train"
        images = np.fromfile(self.folder / f"{part}-images-idx3-ubyte", np.uint8, offset=16)
        labels = np.fromfile(self.folder / f"{part}-labels-idx1-ubyte", np.uint8, offset=8)
        return torch.from_numpy(images).view(-1, *self.image_shape), torch.from_numpy(labels).long()

    def _fetch(self) -> None:
        archives = {
            self.folder / name: checksum
            for name, checksum in self.source.resources
            if not (self.folder / name).with_suffix("").exists()
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / LOCK):  # for runs that start side by side
                for archive, checksum in archives.items():
                    if archive.exists():
                        _verify(archive, checksum)
                if not all(archive.exists() for archive in archives):
                    # Extracts too; what it has downloaded it has verified.
                    self.source(self.root, train=True, download=True)
                for archive in archives:
                    _extract(archive)
        except (OSError, RuntimeError) as error:
            missing = [archive.name for archive in archives if not archive.exists()]
            if not missing:
                raise
            (self.folder / LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # what is not empty was there before, or is worth keeping
                os.removedirs(self.folder)
            raise FileNotFoundError(
                f"{self.source.__name__} is not in {self.folder} and could not be downloaded: "
                f"missing {', '.join(missing)}. Put the files there by hand "
                f"(from {' or '.join(self.source.mirrors)}), or run the same command with "
                "data=procedural, which needs no files."
            ) from error


class FashionMNIST(MNISTFormat):
    """Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): grey pictures of ten kinds of clothing."""

    source = datasets.FashionMNIST
    class_names = tuple(datasets.FashionMNIST.classes)
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
    checksums: ClassVar = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }


def _verify(file: Path, checksum: str) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != checksum:
        raise ValueError(
            f"{file} is damaged (MD5 {found}, expected {checksum}): delete it, and the next run "
            "makes it anew"
        )


def _extract(archive: Path) -> None:
    """Extract beside the archive; a file that is there is whole, since it is renamed when done."""
    file = archive.with_suffix("")
    if not file.exists():
        part = file.with_suffix(f".{os.getpid()}.part")
        with gzip.open(archive) as packed, part.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        part.replace(file)
