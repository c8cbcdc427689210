"""The LightningDataModule behind every dataset: splits, batches and their noise.

N images in a split, B in a batch, C channels, H x W pixels.
"""

import copy
import hashlib
import signal
from abc import abstractmethod
from typing import Literal, Self

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from contract import Batch, generator
from datamodules.noise import Noise
from datamodules.sampling import Draw, DrawSampler, InMemory

Split = Literal["train", "val", "test"]

EVAL_NOISE_BLOCK = 1_000  # consecutive images that share one generator
LARGEST_BATCH = 1_000_000
MOST_WORKERS = 256  # each is a process
EVAL_BATCHES = 4  # times as large as training's: evaluation keeps nothing for a gradient


class ImageDataModule(LightningDataModule):
    """Labelled images held as one uint8 tensor; batches are gathered and made noisy on the device.

    Training noise is drawn on the device and keyed by (seed, epoch, step). Validation and test
    noise is drawn on the CPU and keyed by (eval_seed, split, block of 1,000 images), so that it is
    the same bits for any batch size, number of workers, device and training seed.

    batch_size: images in a batch of training; evaluation's have four times as many.
    val_size: images held out of the training images for validation, stratified by class. Which
        ones they are depends on no seed.
    eval_seed: keys the validation and test noise.
    num_workers: processes that prepare batches; images in memory need none.
    seed: keys the order and the noise of training.

    Subclasses give `image_shape`, `class_names`, `train_count`, `test_count` and `load`.

    Raises ValueError for a setting out of range.
    """

    image_shape: tuple[int, int, int]  # C H W
    class_names: tuple[str, ...]
    train_count: int  # images from which the validation split is taken
    test_count: int
    second_view = False  # whether training batches have another noisy view too
    test_split: Split = "test"  # "val" to score the validation images, and choose something by it

    def __init__(
        self,
        noise: Noise,
        batch_size: int,
        val_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__()
        if not 1 <= batch_size <= LARGEST_BATCH:
            raise ValueError(f"batch_size must be in [1, {LARGEST_BATCH:,}], got {batch_size}")
        if not 1 <= val_size < self.train_count:
            raise ValueError(f"val_size must be in [1, {self.train_count - 1}], got {val_size}")
        if not 0 <= num_workers <= MOST_WORKERS:
            raise ValueError(f"num_workers must be in [0, {MOST_WORKERS}], got {num_workers}")
        if not (0 <= seed < 2**32 and 0 <= eval_seed < 2**32):
            raise ValueError(f"seed and eval_seed must be in [0, 2**32), got {seed}, {eval_seed}")
        self.noise = noise
        self.batch_size = batch_size
        self.val_size = val_size
        self.eval_seed = eval_seed
        self.num_workers = num_workers
        self.seed = seed
        self._images: dict[bool, Tensor] = {}  # by "is test": uint8 N C H W
        self._labels: dict[bool, Tensor] = {}  # by "is test": int64 N
        self._rows: dict[Split, Tensor] = {}  # positions in a split -> rows of the tensors above
        self._eval_noisy: dict[Split, Tensor] = {}  # float32 N C H W

    @abstractmethod
    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        """The training (with validation) or the test images, uint8 N C H W, and int64 labels N."""

    def setup(self, stage: str) -> None:
        test = stage == "test"
        if test in self._images:
            return
        images, labels = self.load(test)
        self._images[test], self._labels[test] = images, labels
        if test:
            self._rows["test"] = torch.arange(len(labels))
        else:
            self._rows["train"], self._rows["val"] = stratified_split(labels, self.val_size)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def split_fingerprint(self) -> str:
        """A digest of the data's labels and of which of them validate, after `setup("fit")`.

        Two models whose fingerprints are equal held out the same images.
        """
        parts = self._labels[False], self._rows["val"]
        content = b"".join(part.cpu().numpy().tobytes() for part in parts)
        return hashlib.sha256(content).hexdigest()[:16]

    def size(self, split: Split) -> int:
        return len(self._rows[split])

    def labels(self, split: Split) -> Tensor:
        """int64 N, on the CPU."""
        return self._labels[split == "test"].cpu()[self._rows[split].cpu()]

    def train_dataloader(self) -> DataLoader[Draw]:
        # Lightning tells the sampler of the epoch only once the loader's workers have begun.
        fit_loop = self.trainer.fit_loop if self.trainer else None
        epoch = fit_loop.epoch_progress.current.processed if fit_loop else 0  # type: ignore[attr-defined]
        return self._loader("train", self.seed, epoch)

    def val_dataloader(self) -> DataLoader[Draw]:
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Draw]:
        return self._loader(self.test_split)

    def _loader(self, split: Split, seed: int | None = None, epoch: int = 0) -> DataLoader[Draw]:
        batch_size = self.batch_size * (1 if split == "train" else EVAL_BATCHES)
        return DataLoader(
            InMemory(),
            sampler=DrawSampler(split, self.size(split), batch_size, seed, epoch),
            batch_size=None,  # the sampler yields whole batches
            collate_fn=_as_is,  # type: ignore[arg-type]
            num_workers=self.num_workers,
            worker_init_fn=_leave_signals_to_parent,
        )

    def on_after_batch_transfer(self, batch: Draw, dataloader_idx: int) -> Batch:
        split: Split = batch.split  # type: ignore[assignment]
        if split != "train":
            return self.eval_batch(split, batch.positions)
        clean, label = self._clean(split, batch.positions)
        key = (self.seed, batch.epoch, batch.step)
        noisy = self.noise(clean, generator(clean.device, "noise", *key))
        second = None
        if self.second_view:
            second = self.noise(clean, generator(clean.device, "second noise", *key))
        return Batch(noisy, clean, label, second)

    def eval_batch(self, split: Split, index: Tensor) -> Batch:
        """Images of a split with the evaluation's fixed noise.

        index: int64 B, positions in the split; the batch is on its device.
        """
        clean, label = self._clean(split, index)
        if split not in self._eval_noisy:
            self._eval_noisy[split] = self._draw_eval_noise(split)
        self._eval_noisy[split] = noisy = self._eval_noisy[split].to(index.device)
        return Batch(noisy[index], clean, label)

    def fitting_batch(self) -> Batch:
        """All training images under one draw of the noise, on the CPU, to fit something at once."""
        clean, label = self._clean("train", torch.arange(self.size("train")))
        random = generator("cpu", "fitting noise", self.eval_seed)
        return Batch(self.noise(clean, random), clean, label)

    def with_noise(self, noise: Noise) -> Self:
        """The same images, which are not copied, under another noise."""
        other = copy.copy(self)
        other.noise = noise
        other._eval_noisy = {}
        return other

    def examples(self, split: Split, per_class: int) -> Tensor:
        """Positions of the first `per_class` images of each class in a split, class by class."""
        labels = self.labels(split)
        rows = [(labels == c).nonzero().flatten()[:per_class] for c in range(self.num_classes)]
        return torch.cat(rows)

    def _clean(self, split: Split, index: Tensor) -> tuple[Tensor, Tensor]:
        test, device = split == "test", index.device
        # A no-op but for the first batch on a device: from then on the data lives there.
        self._images[test] = images = self._images[test].to(device)
        self._labels[test] = labels = self._labels[test].to(device)
        self._rows[split] = rows = self._rows[split].to(device)
        row = rows[index]
        return images[row].float().div_(255), labels[row]

    def _draw_eval_noise(self, split: Split) -> Tensor:
        noisy = torch.empty(self.size(split), *self.image_shape)
        images, rows = self._images[split == "test"], self._rows[split]
        for block, part in enumerate(rows.split(EVAL_NOISE_BLOCK)):
            clean = images[part].cpu().float().div_(255)
            random = generator("cpu", "eval noise", self.eval_seed, split, block)
            start = block * EVAL_NOISE_BLOCK
            noisy[start : start + len(part)] = self.noise(clean, random)
        return noisy


def stratified_split(labels: Tensor, val_size: int) -> tuple[Tensor, Tensor]:
    """Rows for training and for validation, ascending, each class held out in proportion.

    A class gives the whole part of its share, those with the largest remainders one image more.
    """
    counts = labels.bincount()
    share = counts.double() * val_size / len(labels)
    quota = share.floor().long()
    quota[(share - quota).argsort(descending=True, stable=True)[: val_size - quota.sum()]] += 1
    shuffled = torch.randperm(len(labels), generator=generator("cpu", "validation split"))
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for label, count in enumerate(quota.tolist()):
        held_out[shuffled[labels[shuffled] == label][:count]] = True
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()


def _leave_signals_to_parent(worker: int) -> None:
    """A terminal, or a job manager, signals the whole group; the parent ends its workers itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _as_is(draw: Draw) -> Draw:
    """A collate function for batches that are whole already."""
    return draw
