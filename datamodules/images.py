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

from datamodules.noise import Noise
from datamodules.sampling import Draw, DrawSampler, InMemory
from groundwork.batch import Batch
from groundwork.seeding import generator

Split = Literal["train", "val", "test"]

EVAL_NOISE_BLOCK = 1_000  # consecutive images that share one generator
LARGEST_BATCH = 1_000_000
MOST_WORKERS = 256  # each is a process
UNLABELLED_EXAMPLES = 10  # that stand for a split where there are no classes
EVAL_BATCHES = 4  # times as large as training's: evaluation keeps nothing for a gradient


class ImageDataModule(LightningDataModule):
    """Images held in memory as integers; batches are gathered and made noisy on the device.

    Training noise is drawn on the device and keyed by (seed, epoch, step). Validation and test
    noise is drawn on the CPU and keyed by (eval_seed, split, block of 1,000 images), so that it is
    the same bits for any batch size, number of workers, device and training seed.

    Processes that share a run share each batch: all draw the noise of the whole of it, and each
    keeps its part. Batches and noise so do not depend on how many processes there are.

    batch_size: images in a batch of training; evaluation's have four times as many. Processes that
        share a run have them together.
    val_size: images held out of the training images for validation. Which ones they are depends
        on no seed.
    eval_seed: keys the validation and test noise.
    num_workers: processes that prepare batches; images in memory need none.
    seed: keys the order and the noise of training.

    Subclasses give `image_shape`, `class_names`, `train_count`, `test_count`, a `setup`
    that fills `_images`, `_rows`, `_labels` and `_fingerprint`, and `_samples`, which gathers.
    Those of images with labels derive from `LabelledImages`.

    Raises ValueError for a setting out of range.
    """

    image_shape: tuple[int, int, int]  # C H W
    class_names: tuple[str, ...]  # () for images without labels
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
        self._images: dict[bool, Tensor] = {}  # by "is test", as `_samples` keeps them
        self._rows: dict[Split, Tensor] = {}  # int64 N ...: what `_samples` finds an image by
        self._labels: dict[Split, Tensor] = {}  # int64 N
        self._eval_noisy: dict[Split, Tensor] = {}  # float32 N C H W
        self._fingerprint = ""

    @abstractmethod
    def _samples(self, split: Split, rows: Tensor) -> Tensor:
        """The images of some of a split's rows: unsigned integers B C H W, their largest is white.

        Where `rows` are on another device than the images, the images move there.
        """

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def split_fingerprint(self) -> str:
        """A digest of the data and of which of it validates, after `setup("fit")`.

        Two models whose fingerprints are equal held out the same images.
        """
        return self._fingerprint

    def size(self, split: Split) -> int:
        return len(self._rows[split])

    def labels(self, split: Split) -> Tensor:
        """int64 N, on the CPU."""
        return self._labels[split].cpu()

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
        sampler = DrawSampler(split, self.size(split), batch_size, seed, epoch)
        sampler.require_shares(self._process()[1])
        return DataLoader(
            InMemory(),
            sampler=sampler,
            batch_size=None,  # the sampler yields whole batches
            collate_fn=_as_is,  # type: ignore[arg-type]
            num_workers=self.num_workers,
            worker_init_fn=_leave_signals_to_parent,
        )

    def _process(self) -> tuple[int, int]:
        """The rank of this process, and how many share the run."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def on_after_batch_transfer(self, batch: Draw, dataloader_idx: int) -> Batch:
        rank, processes = self._process()
        whole = self._whole_batch(batch)
        return whole if processes == 1 else whole.shard_of(rank, processes)

    def _whole_batch(self, batch: Draw) -> Batch:
        split: Split = batch.split  # type: ignore[assignment]
        if split != "train":
            return self.eval_batch(split, batch.positions)
        clean, label = self._clean(split, batch.positions, batch.epoch)
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
        """Positions of the first `per_class` images of each class in a split, class by class.

        Of images without labels, ten times as many from all over the split.
        """
        if not self.class_names:
            count = min(UNLABELLED_EXAMPLES * per_class, self.size(split))
            return evenly(count, self.size(split))
        labels = self.labels(split)
        rows = [(labels == c).nonzero().flatten()[:per_class] for c in range(self.num_classes)]
        return torch.cat(rows)

    def _rows_in(self, split: Split, epoch: int | None) -> Tensor:
        """Of all images of a split; of training's, those of an epoch, or by None of no epoch."""
        return self._rows[split]

    def _clean(
        self, split: Split, index: Tensor, epoch: int | None = None
    ) -> tuple[Tensor, Tensor]:
        device = index.device
        # A no-op but for the first batch on a device: from then on the data lives there.
        self._rows[split] = self._rows[split].to(device)
        self._labels[split] = labels = self._labels[split].to(device)
        rows = self._rows_in(split, epoch)
        return in_unit_range(self._samples(split, rows[index])), labels[index]

    def _draw_eval_noise(self, split: Split) -> Tensor:
        noisy = torch.empty(self.size(split), *self.image_shape)
        for block, rows in enumerate(self._rows[split].split(EVAL_NOISE_BLOCK)):
            clean = in_unit_range(self._samples(split, rows).cpu())
            random = generator("cpu", "eval noise", self.eval_seed, split, block)
            start = block * EVAL_NOISE_BLOCK
            noisy[start : start + len(rows)] = self.noise(clean, random)
        return noisy


class LabelledImages(ImageDataModule):
    """Images of one size in classes, a fixed share of each class held out for validation.

    Subclasses give `image_shape`, `class_names`, `train_count`, `test_count` and `load`.
    """

    @abstractmethod
    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        """The training (with validation) or the test images, uint8 N C H W, and int64 labels N."""

    def setup(self, stage: str) -> None:
        test = stage == "test"
        if test in self._images:
            return
        self._images[test], labels = self.load(test)
        if test:
            self._rows["test"], self._labels["test"] = torch.arange(len(labels)), labels
            return
        self._rows["train"], self._rows["val"] = stratified_split(labels, self.val_size)
        for split in ("train", "val"):
            self._labels[split] = labels[self._rows[split]]
        content = b"".join(part.numpy().tobytes() for part in (labels, self._rows["val"]))
        self._fingerprint = hashlib.sha256(content).hexdigest()[:16]

    def _samples(self, split: Split, rows: Tensor) -> Tensor:
        test = split == "test"
        self._images[test] = images = self._images[test].to(rows.device)
        return images[rows]


def in_unit_range(samples: Tensor) -> Tensor:
    """Unsigned integers, of which the largest is white, as float32 in [0, 1]."""
    return samples.float().div_(torch.iinfo(samples.dtype).max)


def evenly(count: int, size: int) -> Tensor:
    """`count` of the positions 0 to size - 1, as far apart as they can be: ascending int64."""
    return torch.arange(count) * size // count


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
