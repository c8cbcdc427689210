"""The dataset's files are downloaded and extracted whole, or a line says why not."""

import gzip
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from datamodules import mnist
from datamodules.mnist import LOCK, MNIST, FashionMNIST, MNISTFormat
from tests.helpers.folders import public_folder, read_only
from tests.helpers.mnist import (
    ARCHIVES,
    FILES,
    TEST,
    Mirror,
    Small,
    SmallFiles,
    mirror,
    new_mnist,
    raw_folder,
)
from tests.helpers.mnist_files import ARCHIVE, IMAGES, LABELS, PAGE, WHOLE, linked, prepare, start
from tests.helpers.runs import contents


def test_archives_are_extracted_whole(fashion_mnist_root: Path, tmp_path: Path) -> None:
    raw = linked(fashion_mnist_root, tmp_path, ".gz")
    data = new_mnist(FashionMNIST, tmp_path)
    data.prepare_data()
    for name in FashionMNIST.checksums:
        with gzip.open(raw / f"{name}.gz") as archive:
            assert (raw / name).read_bytes() == archive.read()
    assert len(list(raw.iterdir())) == 9  # four files, four archives, the lock
    data.setup("test")
    assert data.size("test") == 10_000


def test_what_is_downloaded_is_what_torchvision_reads(tmp_path: Path, server: Mirror) -> None:
    data = new_mnist(Small, tmp_path)
    data.prepare_data()
    data.setup("test")
    read = SmallFiles(tmp_path, train=False)
    batch = data.eval_batch("test", torch.arange(TEST))
    assert torch.equal(batch.clean[:, 0], read.data / 255)
    assert torch.equal(batch.label, read.targets)
    assert contents(data.folder) == WHOLE | {LOCK: b""}


def test_only_what_is_missing_is_downloaded(tmp_path: Path, server: Mirror) -> None:
    folder = raw_folder(tmp_path, {IMAGES: FILES[IMAGES], f"{LABELS}.gz": ARCHIVES[f"{LABELS}.gz"]})
    prepare(tmp_path)
    rest = ["t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    assert sorted(server.requests) == rest
    assert contents(folder) == {n: c for n, c in WHOLE.items() if n != ARCHIVE} | {LOCK: b""}


@pytest.mark.parametrize("fault", ["nothing", "another file", "a page", "half", "silence"])
def test_another_mirror_is_tried(
    fault: str, tmp_path: Path, server: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror({} if fault == "nothing" else dict(ARCHIVES)) as bad:
        if fault == "another file":
            bad.contents[ARCHIVE] = ARCHIVES[f"{LABELS}.gz"]
        elif fault == "a page":
            bad.contents |= dict.fromkeys(ARCHIVES, PAGE)
        elif fault == "half":
            bad.cut = True
        elif fault == "silence":
            bad.go.clear()
            monkeypatch.setattr(mnist, "SILENCE", 0.1)
        monkeypatch.setattr(SmallFiles, "mirrors", [bad.url, server.url])
        prepare(tmp_path)
        assert bad.requests == list(ARCHIVES)
    asked_again = [ARCHIVE] if fault == "another file" else list(ARCHIVES)
    assert server.requests == asked_again
    assert contents(raw_folder(tmp_path, {})) == WHOLE | {LOCK: b""}


@pytest.mark.parametrize("dataset", [FashionMNIST, MNIST])
def test_missing_data_is_reported_with_a_way_out(
    dataset: type[MNISTFormat], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset.source, "mirrors", ["http://127.0.0.1:9/", "http://127.0.0.1:10/"])
    with pytest.raises(FileNotFoundError) as caught:
        new_mnist(dataset, tmp_path / "new" / "data").prepare_data()
    message = str(caught.value)
    assert str(tmp_path / "new" / "data" / dataset.__name__ / "raw") in message
    assert "http://127.0.0.1:9/ or http://127.0.0.1:10/" in message
    assert message.count("Connection refused") == 2
    assert "data=procedural" in message
    for name in dataset.checksums:
        assert f"{name}.gz" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_keeps_what_there_was(tmp_path: Path, server: Mirror) -> None:
    server.contents = {name: ARCHIVES[name] for name in ARCHIVES if name != ARCHIVE}
    folder = raw_folder(tmp_path, {LABELS: FILES[LABELS]})
    with pytest.raises(FileNotFoundError, match=rf"404: Not Found\): missing {ARCHIVE}\b"):
        prepare(tmp_path)
    found = contents(folder)
    assert found == {name: WHOLE[name] for name in found}
    assert LABELS in found
    server.contents = ARCHIVES
    prepare(tmp_path)


# Full disks and read-only folders


def limited(root: Path, size: int) -> None:
    """Prepare with files of at most `size` bytes, and exit with 0 if the line is right."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        prepare(root)
    except OSError as error:
        sys.exit(0 if "File too large" in str(error) and "\n" not in str(error) else 1)
    sys.exit(2)


@pytest.mark.parametrize(
    ("there", "size"),
    [({}, 100_000), (ARCHIVES, 1_000_000)],
    ids=["download", "extraction"],
)
def test_what_does_not_fit_is_said_and_not_left_there_by_half(
    there: dict[str, bytes], size: int, tmp_path: Path, server: Mirror
) -> None:
    folder = raw_folder(tmp_path, there)
    process = start(limited, tmp_path, size)
    process.join()
    assert process.exitcode == 0
    found = contents(folder)
    assert found == {name: WHOLE[name] for name in found}
    prepare(tmp_path)


@pytest.fixture
def shared() -> Iterator[Path]:
    with public_folder() as folder:
        yield folder


def test_a_complete_folder_is_only_read(shared: Path, server: Mirror) -> None:
    folder = raw_folder(shared, FILES)
    with read_only(folder):
        data = new_mnist(Small, shared)
        data.prepare_data()
        data.setup("test")
    assert data.size("test") == TEST
    assert contents(folder) == FILES
    assert server.requests == []


@pytest.mark.parametrize(
    ("there", "line"),
    [
        (ARCHIVES, r"SmallFiles/raw: cannot extract the archives: .*Permission denied"),
        ({}, r"could not be downloaded \(.*Permission denied.*missing train-images-idx3-ubyte.gz,"),
    ],
    ids=["archives", "nothing"],
)
def test_what_cannot_be_written_is_said(
    there: dict[str, bytes], line: str, shared: Path, server: Mirror
) -> None:
    folder = raw_folder(shared, there)
    with read_only(folder), pytest.raises(OSError, match=line):
        prepare(shared)
    assert contents(folder) == there
