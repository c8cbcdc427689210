"""The dataset's files: damaged ones are refused, and missing ones are fetched once and whole."""

import gzip
import logging
import multiprocessing
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkProcess
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
from tests.helpers.processes import call_in_process
from tests.helpers.runs import contents

KILLS = 40
WHOLE = FILES | ARCHIVES
IMAGES, LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
PAGE = b"<!DOCTYPE html><html><body>Sign in to the network</body></html>"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve the only mirror of `Small`."""
    with mirror() as server:
        monkeypatch.setattr(SmallFiles, "mirrors", [server.url])
        yield server


def prepare(root: Path) -> None:
    new_mnist(Small, root).prepare_data()


def interruptible(call: Callable[..., None], *arguments: object) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    call(*arguments)


def start(call: Callable[..., None], *arguments: object) -> ForkProcess:
    """Start a process. It is quick, since torch is imported already."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=interruptible, args=(call, *arguments))
    process.start()
    return process


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 100
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


# Damage


def flipped(name: str, position: int) -> bytes:
    content = bytearray(WHOLE[name])
    content[position] ^= 1
    return bytes(content)


def refusal(root: Path) -> str:
    """Return the one line that a run ends with."""
    with pytest.raises(ValueError, match="is damaged") as caught:
        prepare(root)
    line = str(caught.value)
    assert "\n" not in line
    return line


def repaired(root: Path, line: str) -> None:
    """Run the command that the line names, and then the preparation again."""
    command = line.rsplit("makes it anew: ", 1)[1]
    subprocess.run(command, shell=True, check=True, cwd="/")
    prepare(root)
    found = contents(raw_folder(root, {}))
    assert {name: found[name] for name in FILES} == FILES
    assert found == {name: WHOLE[name] for name in found if name != LOCK} | {LOCK: b""}


def fewer(name: str) -> bytes:
    """Return a valid file with one image or label fewer."""
    size = 784 if "images" in name else 1
    content = FILES[name]
    count = int.from_bytes(content[4:8], "big") - 1
    return content[:4] + count.to_bytes(4, "big") + content[8:-size]


DAMAGE: dict[str, dict[str, bytes]] = {
    # the fault -> files with wrong contents
    "a wrong byte in images": {IMAGES: flipped(IMAGES, 500_000)},
    "a wrong byte in a header": {IMAGES: flipped(IMAGES, 3)},
    "a wrong last byte": {LABELS: flipped(LABELS, -1)},
    "half-extracted": {IMAGES: FILES[IMAGES][: len(FILES[IMAGES]) // 2]},
    "longer than it should be": {LABELS: FILES[LABELS] + b"\0"},
    "an empty file": {LABELS: b""},
    "a page": {LABELS: PAGE},
    "one label less than images": {LABELS: fewer(LABELS)},
    "one image less than labels": {IMAGES: fewer(IMAGES)},
    "labels as images": {IMAGES: FILES["train-labels-idx1-ubyte"]},
    "not extracted": {IMAGES: ARCHIVES[f"{IMAGES}.gz"]},
    "the splits swapped": {
        name: FILES[name.replace(*swap)]
        for swap in (("train", "t10k"), ("t10k", "train"))
        for name in FILES
        if name.startswith(swap[0])
    },
    "two files damaged": {IMAGES: b"", LABELS: PAGE},
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("wrong", DAMAGE.values(), ids=DAMAGE)
def test_damaged_files_are_named_and_the_line_repairs_them(
    wrong: dict[str, bytes], packed: bool, tmp_path: Path, server: Mirror
) -> None:
    root = tmp_path / "it's my data"
    folder = raw_folder(root, FILES | (ARCHIVES if packed else {}) | wrong)
    line = refusal(root)
    for name in FILES:
        assert (f"{folder / name} is damaged" in line) == (name in wrong)
    assert contents(folder) == FILES | (ARCHIVES if packed else {}) | wrong
    repaired(root, line)
    assert sorted(server.requests) == sorted([] if packed else [f"{name}.gz" for name in wrong])


ARCHIVE = f"{IMAGES}.gz"


@pytest.mark.parametrize(
    "wrong",
    [PAGE, b"", flipped(ARCHIVE, 9), ARCHIVES[ARCHIVE][:-1], ARCHIVES[f"{LABELS}.gz"]],
    ids=["page", "empty", "byte", "half", "other"],
)
@pytest.mark.parametrize("file", [{}, {IMAGES: PAGE}], ids=["missing", "damaged"])
def test_a_damaged_archive_that_is_needed_is_named_and_the_line_repairs_it(
    wrong: bytes, file: dict[str, bytes], tmp_path: Path, server: Mirror
) -> None:
    folder = raw_folder(tmp_path, ARCHIVES | file | {ARCHIVE: wrong})
    line = refusal(tmp_path)
    assert f"{folder / ARCHIVE} is damaged" in line
    assert (f"{folder / IMAGES} is damaged" in line) == bool(file)
    repaired(tmp_path, line)
    assert server.requests == [ARCHIVE]


def test_a_damaged_archive_that_is_not_needed_stops_nothing(tmp_path: Path, server: Mirror) -> None:
    wrong = dict.fromkeys(ARCHIVES, PAGE)
    folder = raw_folder(tmp_path, FILES | wrong)
    prepare(tmp_path)
    assert contents(folder) == FILES | wrong
    assert server.requests == []


@pytest.mark.parametrize("name", [LABELS, f"{LABELS}.gz"])
def test_a_directory_in_a_files_place_is_named_and_the_line_repairs_it(
    name: str, tmp_path: Path, server: Mirror
) -> None:
    folder = raw_folder(tmp_path, {n: c for n, c in WHOLE.items() if not n.startswith(LABELS)})
    (folder / name / "inner").mkdir(parents=True)
    line = refusal(tmp_path)
    assert f"{folder / name} is damaged (it is not a file)" in line
    repaired(tmp_path, line)


def test_swapped_files_are_said_to_be_each_other(tmp_path: Path) -> None:
    labels = "train-labels-idx1-ubyte"
    folder = raw_folder(tmp_path, FILES | {LABELS: FILES[labels], labels: FILES[LABELS]})
    line = refusal(tmp_path)
    assert f"{folder / labels} is damaged (it is {LABELS})" in line
    assert f"{folder / LABELS} is damaged (it is {labels})" in line


def test_no_byte_may_be_wrong(tmp_path: Path) -> None:
    """The test changes each byte of the headers, and some twenty more of each file."""
    folder = raw_folder(tmp_path, FILES)
    data = new_mnist(Small, tmp_path)
    for name, content in FILES.items():
        for position in (*range(16), *range(16, len(content), len(content) // 20)):
            (folder / name).write_bytes(flipped(name, position))
            with pytest.raises(ValueError, match=rf"{name} is damaged"):
                data.prepare_data()
        (folder / name).write_bytes(content)
    data.prepare_data()


def linked(root: Path, target: Path, suffix: str) -> Path:
    """Make a folder in which Fashion-MNIST's files, packed or not, are links."""
    source, raw = (folder / "FashionMNIST" / "raw" for folder in (root, target))
    raw.mkdir(parents=True)
    for name in FashionMNIST.checksums:
        if not (source / f"{name}{suffix}").exists():
            pytest.skip(f"{name}{suffix} is not in data/")
        (raw / f"{name}{suffix}").symlink_to(source / f"{name}{suffix}")
    return raw


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_flipped_byte_of_fashion_mnist_is_found_and_its_file_named(
    fashion_mnist_root: Path, tmp_path: Path, name: str, suffix: str
) -> None:
    new_mnist(FashionMNIST, fashion_mnist_root).prepare_data()
    raw = linked(fashion_mnist_root, tmp_path, suffix)
    file = raw / f"{name}{suffix}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(file))} is damaged"):
        new_mnist(FashionMNIST, tmp_path).prepare_data()
    if suffix:
        assert not (raw / name).exists()


# Fetching


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


# Several processes


def print_fingerprint(url: str, root: str) -> None:
    SmallFiles.mirrors = [url]
    data = new_mnist(Small, Path(root))
    data.prepare_data()
    data.setup("fit")
    print(data.split_fingerprint())


def test_of_two_commands_one_downloads_and_the_other_says_that_it_waits(
    tmp_path: Path, server: Mirror
) -> None:
    server.go.clear()
    said = tmp_path / "errors"
    with said.open("w") as file:
        commands = [
            call_in_process(print_fingerprint, server.url, tmp_path, errors=file.fileno())
            for _ in range(2)
        ]
    folder = tmp_path / "SmallFiles" / "raw"
    waiting = f"waiting for another process that fetches {folder}\n"
    wait_until(lambda: bool(said.read_text()))
    server.go.set()
    first, second = (command.wait(60) for command in commands)
    assert said.read_text() == waiting
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout != ""
    assert sorted(server.requests) == sorted(ARCHIVES)
    assert contents(folder) == WHOLE | {LOCK: b""}


def test_many_processes_download_once(tmp_path: Path, server: Mirror) -> None:
    processes = [start(prepare, tmp_path) for _ in range(6)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    assert sorted(server.requests) == sorted(ARCHIVES)
    assert contents(raw_folder(tmp_path, {})) == WHOLE | {LOCK: b""}


def test_processes_extract_at_once(tmp_path: Path) -> None:
    for attempt in range(5):
        folder = raw_folder(tmp_path / str(attempt), ARCHIVES)
        processes = [start(prepare, tmp_path / str(attempt)) for _ in range(3)]
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 3
        assert contents(folder) == WHOLE | {LOCK: b""}


def prepare_aloud(root: Path, file: Path) -> None:
    """Prepare without patience, and log to a file."""
    mnist.PATIENCE = 0
    logging.basicConfig(filename=file, force=True)
    prepare(root)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_who_waits_for_a_process_that_is_stopped_goes_on(
    how: signal.Signals, tmp_path: Path, server: Mirror
) -> None:
    server.go.clear()
    first = start(prepare, tmp_path / "data")
    wait_until(lambda: len(server.requests) == 1)
    second = start(prepare_aloud, tmp_path / "data", tmp_path / "log")
    wait_until(lambda: (tmp_path / "log").exists() and "waiting" in (tmp_path / "log").read_text())
    assert first.pid
    os.kill(first.pid, how)
    first.join()
    server.go.set()
    second.join()
    assert (first.exitcode, second.exitcode) == (-9 if how == signal.SIGKILL else 1, 0)
    assert server.requests == [ARCHIVE, *ARCHIVES]
    assert contents(tmp_path / "data" / "SmallFiles" / "raw") == WHOLE | {LOCK: b""}


def test_processes_that_fail_together_say_so_and_leave_nothing(
    tmp_path: Path, server: Mirror
) -> None:
    server.contents = {}
    for _ in range(20):
        server.requests.clear()
        processes = [start(prepare, tmp_path / "data") for _ in range(2)]
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [1, 1]
        assert len(server.requests) == 2
        assert list(tmp_path.iterdir()) == []


def test_a_failure_removes_folders_that_another_failed_process_made(
    tmp_path: Path, server: Mirror
) -> None:
    server.contents = {}
    raw_folder(tmp_path / "data", {})
    with pytest.raises(FileNotFoundError, match="could not be downloaded"):
        prepare(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [FileNotFoundError, FileExistsError])
def test_folders_that_vanish_while_they_are_made_are_made_again(
    error: type[OSError], tmp_path: Path, server: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir, faults = Path.mkdir, [error("another process removed it")]

    def once_too_late(path: Path, mode: int = 0o777, **settings: bool) -> None:
        if faults:
            raise faults.pop()
        mkdir(path, mode, **settings)

    monkeypatch.setattr(Path, "mkdir", once_too_late)
    prepare(tmp_path / "data")
    assert not faults
    assert contents(tmp_path / "data" / "SmallFiles" / "raw") == WHOLE | {LOCK: b""}


def test_a_root_that_links_to_nowhere_is_refused(tmp_path: Path, server: Mirror) -> None:
    (tmp_path / "data").symlink_to(tmp_path / "unmounted")
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded .*File exists.*data"):
        prepare(tmp_path / "data")
    assert not server.requests


def test_kills_at_random_moments_leave_nothing_in_the_way(tmp_path: Path, server: Mirror) -> None:
    begin = time.perf_counter()
    prepare(tmp_path / "timed")
    duration = time.perf_counter() - begin
    chance = random.Random(0)
    root = tmp_path / "data"
    staged = {f".{name}.part" for name in WHOLE}
    halves = 0
    for kill in range(KILLS):
        process = start(prepare, root)
        if kill % 2:
            time.sleep(chance.uniform(0, 1.5) * duration)
        else:  # a file is written for so short a while that random moments may all miss it
            while process.is_alive() and not any(root.rglob(".*.part")):
                pass
        process.kill()
        process.join()
        found = contents(root)
        names = {Path(path).name for path in found}
        halves += bool(names & staged)
        assert len(names & staged) <= 1
        for path, content in found.items():
            name = Path(path).name
            assert name in staged | {LOCK} or content == WHOLE[name]
        if process.exitcode == 0:
            subprocess.run(["rm", "-r", root], check=True)
    assert halves  # some kills came while a file was being written
    prepare(root)
    assert contents(root / "SmallFiles" / "raw") == WHOLE | {LOCK: b""}
