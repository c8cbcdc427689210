"""The LightningDataModule behind every dataset: splits, batches and their noise.

N images in a split, B in a batch, C channels, H x W pixels.
"""

import copy
import signal
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from pytorch_lightning import LightningDataModule
from torch import Generator, Tensor
from torch.utils.data import DataLoader

from datamodules.noise import Noise
from datamodules.sampling import Draw, DrawSampler, InMemory
from groundwork.batch import Batch
from groundwork.ranges import Seed, require_ranges
from groundwork.seeding import generator

Split = Literal["train", "val", "test"]

EVAL_NOISE_BLOCK = 1_000  # consecutive images that share one generator
UNLABELLED_EXAMPLES = 10  # images without labels count as this many classes
EVAL_BATCHES = 4  # times the size of a training batch: evaluation keeps nothing for a gradient


class ImageDataModule(LightningDataModule):
    """Images held in memory as integers; batches are gathered and made noisy on the device.

    Training noise is drawn on the device and keyed by (seed, epoch, step). Validation and test
    noise is drawn on the CPU and keyed by (eval_seed, split, block of 1,000 images), so that its
    bits do not depend on batch size, number of workers, device or training seed.

    Processes that share a run share each batch. Each of them draws the noise of the whole batch and
    keeps its part, so that batches and noise do not depend on the number of processes.

    Subclasses define `image_shape`, `class_names`, `train_count`, `test_count`, a `setup`
    that fills `_images`, `_rows`, `_labels` and `_fingerprint`, and `_samples`, which gathers
    images. Datasets with labels derive from `LabelledImages`.

    Args:
        noise: What makes clean images noisy.
        batch_size: Images in a training batch, over all processes that share the run. Evaluation
            batches have four times as many.
        val_size: Images held out of the training images for validation. The choice depends on no
            seed.
        eval_seed: Keys the validation and test noise.
        num_workers: Processes that prepare batches. Images in memory need none.
        seed: Keys the order and the noise of training.

    Attributes:
        image_shape: C H W.
        class_names: Empty for images without labels.
        train_count: Images from which the validation split is taken.
        test_count: Images in the test split.
        licence: What the images may be used for. Exported models repeat it.
        second_view: Whether batches have a second noisy view, also those of validation if the
            images have noise of their own.
        own_noise: Whether the images are noisy already. There may then be no clean ones.
        has_clean: Whether batches have clean images. Where they have none, these are NaN.
        has_second: Whether images with noise of their own have a second noisy view.
        test_split: The split that tests use. "val" scores the validation images, to choose
            something by them.

    Raises:
        ValueError: A setting is out of range.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_count: int
    test_count: int
    licence: ClassVar[str] = "not stated"
    second_view = False
    own_noise = False
    has_clean = True
    has_second = False
    test_split: Split = "test"

    def __init__(
        self,
        noise: Noise,
        batch_size: Annotated[int, Field(ge=1, le=1_000_000)],
        val_size: int,
        eval_seed: Seed,
        num_workers: Annotated[int, Field(ge=0, le=256)],  # each is a process
        seed: Seed,
    ) -> None:
        super().__init__()
        require_ranges(ImageDataModule.__init__, locals())
        if not 1 <= val_size < self.train_count:
            raise ValueError(f"val_size must be in [1, {self.train_count - 1}], got {val_size}")
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
        """Gather images of a split. The images move to the device of `rows`.

        Args:
            split: The split.
            rows: int64 B ..., some of the split's `_rows`.

        Returns:
            Unsigned integers B C H W, the largest number of whose type is white, or float32.
        """

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def split_fingerprint(self) -> str:
        """Return a digest of the data and of its validation split, after `setup("fit")`.

        Two models with equal fingerprints held out the same images.
        """
        return self._fingerprint

    def size(self, split: Split) -> int:
        return len(self._rows[split])

    def labels(self, split: Split) -> Tensor:
        """Return the labels of a split: int64 N, on the CPU."""
        return self._labels[split].cpu()

    def train_dataloader(self) -> DataLoader[Draw]:
        # Lightning sets the sampler's epoch only after the loader's workers have begun.
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
        """Return the rank of this process and the number of processes that share the run."""
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
        noisy = self._noisy(clean, generator(clean.device, "noise", *key))
        second = None
        if self.second_view:
            second = self._noisy(clean, generator(clean.device, "second noise", *key))
        return Batch(noisy, clean, label, second)

    def eval_batch(self, split: Split, index: Tensor) -> Batch:
        """Return images of a split with the evaluation's fixed noise.

        Args:
            split: The split.
            index: int64 B, positions in the split. The batch is on the same device.
        """
        clean, label = self._clean(split, index)
        if split not in self._eval_noisy:
            self._eval_noisy[split] = self._draw_eval_noise(split)
        self._eval_noisy[split] = noisy = self._eval_noisy[split].to(index.device)
        return Batch(noisy[index], clean, label)

    def fitting_batch(self) -> Batch:
        """Return all training images with one draw of the noise, on the CPU, to fit a baseline."""
        clean, label = self._clean("train", torch.arange(self.size("train")))
        random = generator("cpu", "fitting noise", self.eval_seed)
        return Batch(self._noisy(clean, random), clean, label)

    def with_noise(self, noise: Noise) -> Self:
        """Return a data module with the same images, which are not copied, and another noise."""
        other = copy.copy(self)
        other.noise = noise
        other._eval_noisy = {}
        return other

    def examples(self, split: Split, per_class: int) -> Tensor:
        """Choose images that stand for a split.

        Returns:
            Positions of the first `per_class` images of each class, class by class. For images
            without labels, ten times `per_class` positions from all over the split.
        """
        if not self.class_names:
            count = min(UNLABELLED_EXAMPLES * per_class, self.size(split))
            return evenly(count, self.size(split))
        labels = self.labels(split)
        rows = [(labels == c).nonzero().flatten()[:per_class] for c in range(self.num_classes)]
        return torch.cat(rows)

    def _rows_in(self, split: Split, epoch: int | None) -> Tensor:
        """Return the row indices of a split. For training, those drawn for `epoch`, if given."""
        return self._rows[split]

    def _clean(
        self, split: Split, index: Tensor, epoch: int | None = None
    ) -> tuple[Tensor, Tensor]:
        device = index.device
        # Only the first batch on a device moves the data. It stays there.
        self._rows[split] = self._rows[split].to(device)
        self._labels[split] = labels = self._labels[split].to(device)
        rows = self._rows_in(split, epoch)
        return in_unit_range(self._samples(split, rows[index])), labels[index]

    def _noisy(self, clean: Tensor, random: Generator) -> Tensor:
        return self.noise(clean, random)

    def _draw_eval_noise(self, split: Split) -> Tensor:
        noisy = torch.empty(self.size(split), *self.image_shape)
        for block, rows in enumerate(self._rows[split].split(EVAL_NOISE_BLOCK)):
            clean = in_unit_range(self._samples(split, rows).cpu())
            random = generator("cpu", "eval noise", self.eval_seed, split, block)
            start = block * EVAL_NOISE_BLOCK
            noisy[start : start + len(rows)] = self._noisy(clean, random)
        return noisy


def in_unit_range(samples: Tensor) -> Tensor:
    """Scale unsigned integers to float32 in [0, 1]. The largest number of their type is white.

    Floating-point numbers stay what they are.
    """
    if samples.is_floating_point():
        return samples
    return samples.float().div_(torch.iinfo(samples.dtype).max)


def evenly(count: int, size: int) -> Tensor:
    """Choose `count` of the positions 0 to size - 1, as far apart as possible: ascending int64."""
    return torch.arange(count) * size // count


def _leave_signals_to_parent(worker: int) -> None:
    """Ignore the signals that a terminal or a job manager sends to the whole process group.

    The parent ends its workers itself.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _as_is(draw: Draw) -> Draw:
    """Return the draw: the sampler yields whole batches, so there is nothing to collate."""
    return draw
