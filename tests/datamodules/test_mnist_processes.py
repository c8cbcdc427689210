"""Processes that prepare one dataset at once, and those that are killed while they do."""

import logging
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules import mnist
from datamodules.mnist import LOCK
from tests.helpers.mnist import ARCHIVES, Mirror, Small, SmallFiles, new_mnist, raw_folder
from tests.helpers.mnist_files import ARCHIVE, WHOLE, prepare, start
from tests.helpers.processes import call_in_process
from tests.helpers.runs import contents

KILLS = 40


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 100
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


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
