"""The memory that a process may use: the machine's, or less by its control groups."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork import machine
from groundwork.files import REPOSITORY

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
UNLIMITED = 2**63 - 4096  # v1's number for no limit
MEGABYTE = 2**20


def process(folder: Path, groups: str, *mounts: str) -> Path:
    """Make a process's folder in /proc. A mount is its root, mount point, type and options."""
    lines = (
        "{} 1 0:26 {} {} rw,nosuid shared:4 - {} cgroup {}".format(30 + n, *mount.split())
        for n, mount in enumerate(mounts)
    )
    (folder / "proc").mkdir()
    (folder / "proc" / "cgroup").write_text(groups)
    others = "24 1 0:22 / / rw - ext4 /dev/vda1 rw\n"
    (folder / "proc" / "mountinfo").write_text(others + "\n".join(lines) + "\n")
    return folder / "proc"


def limits(folder: Path, **by_path: object) -> None:
    for path, limit in by_path.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")


def test_without_a_limit_it_is_the_machines(tmp_path: Path) -> None:
    top = tmp_path / "cgroup"
    limits(top, **{"a/b/memory.max": "max", "a/memory.max": "max"})
    assert machine.memory(process(tmp_path, "0::/a/b\n", f"/ {top} cgroup2 rw")) == MACHINE
    assert machine.memory(tmp_path / "absent") == MACHINE


@pytest.mark.parametrize(
    "by_path",
    [
        {"a/b/memory.max": 300 * MEGABYTE, "a/memory.max": "max"},
        {"a/b/memory.max": "max", "a/memory.max": 300 * MEGABYTE},
        {"a/b/memory.max": 400 * MEGABYTE, "a/memory.max": 300 * MEGABYTE},
        {"a/b/memory.max": 300 * MEGABYTE, "a/memory.max": 2**60},
        {"a/b/memory.max": 300 * MEGABYTE, "a/b/c/memory.max": MEGABYTE, "memory.max": "max"},
    ],
)
def test_the_smallest_limit_of_all_groups_counts_v2(
    by_path: dict[str, object], tmp_path: Path
) -> None:
    top = tmp_path / "cgroup"
    limits(top, **by_path)
    groups = process(tmp_path, "0::/a/b\n", f"/ {top} cgroup2 rw,nsdelegate")
    assert machine.memory(groups) == 300 * MEGABYTE


@pytest.mark.parametrize("near", [300 * MEGABYTE, UNLIMITED])
def test_the_smallest_limit_of_all_groups_counts_v1(near: int, tmp_path: Path) -> None:
    memory, cpu = tmp_path / "memory", tmp_path / "cpu"
    name = "memory.limit_in_bytes"
    limits(memory, **{f"a/b/{name}": near, f"a/{name}": 350 * MEGABYTE, name: UNLIMITED})
    limits(cpu, **{f"a/b/{name}": MEGABYTE})  # in another hierarchy
    groups = process(
        tmp_path,
        "3:memory:/a/b\n2:cpu,cpuacct:/a/b\n1:name=systemd:/a:b\n0::/\n",
        f"/ {cpu} cgroup rw,cpu,cpuacct",
        f"/ {memory} cgroup rw,memory",
    )
    assert machine.memory(groups) == min(near, 350 * MEGABYTE)


@pytest.mark.parametrize("path", ["/docker/0123", "/", "/../other"])
def test_a_containers_mount_begins_at_its_own_group(path: str, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    limits(memory, **{"memory.limit_in_bytes": 300 * MEGABYTE})
    mount = f"/docker/0123 {memory} cgroup rw,memory"
    assert machine.memory(process(tmp_path, f"4:memory:{path}\n", mount)) == 300 * MEGABYTE


def test_of_both_versions_the_smaller_counts(tmp_path: Path) -> None:
    old, new = tmp_path / "memory", tmp_path / "unified"
    limits(old, **{"a/memory.limit_in_bytes": 500 * MEGABYTE})
    limits(new, **{"b/memory.max": 300 * MEGABYTE})
    groups = process(
        tmp_path, "4:memory:/a\n0::/b\n", f"/ {old} cgroup rw,memory", f"/ {new} cgroup2 rw"
    )
    assert machine.memory(groups) == 300 * MEGABYTE


@pytest.fixture
def real_group() -> Iterator[Path]:
    """Make a real control group below the process's own, with a limit of 3 GB."""
    own = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().split())
    v1 = Path(f"/sys/fs/cgroup/memory{own.get('memory', '/')}")
    v2 = Path(f"/sys/fs/cgroup{own.get('', '/')}")
    folder, name = (v1, "memory.limit_in_bytes") if v1.is_dir() else (v2, "memory.max")
    group = folder / f"image_denoisers_test_{os.getpid()}"
    try:
        group.mkdir()
        (group / name).write_text(str(3 * 10**9 // 4096 * 4096))
    except OSError as error:
        if group.is_dir():
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    group.rmdir()


def test_a_real_limit_is_the_one_that_is_named(real_group: Path) -> None:
    """The message of a process in the group names the group's memory."""
    enter = f"open({str(real_group / 'cgroup.procs')!r}, 'w').write(str(__import__('os').getpid()))"
    run = "from groundwork import machine; print(machine.memory())"
    done = subprocess.run(
        [sys.executable, "-c", f"{enter}; {run}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 3 * 10**9 // 4096 * 4096
