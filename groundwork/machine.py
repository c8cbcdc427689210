"""The memory and the cores that this process may use, in a container too, and their settings.

This file imports nothing heavy.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

PROCESS = Path("/proc/self")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
GIGABYTE = 2**30


def memory(process: Path = PROCESS) -> int:
    """Return the bytes that this process may use.

    That is the machine's memory or, where it is smaller, the limit of a control group that the
    process is in, as containers and job managers set it (cgroup v1 and v2).

    Args:
        process: The folder in /proc that says which groups the process is in.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min((machine, *_group_limits(process)))


def cores() -> int:
    """Return the number of cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def tune_process() -> None:
    """Set what makes torch on a CPU much faster and costs nothing."""
    # On virtual cores OpenMP's idle threads spin and take the time of those that work. Without
    # this, two threads train several times slower. It must be set before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # glibc returns the memory of each freed large tensor to the kernel. The next step faults it in
    # again page by page, which takes a fifth of a convolutional net's time. Keep it instead.
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, GIGABYTE)
        libc.mallopt(M_TRIM_THRESHOLD, GIGABYTE)


def release_memory() -> None:
    """Give the memory of freed tensors and arrays back, which `tune_process` lets glibc keep."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _group_limits(process: Path) -> Iterator[int]:
    """Yield the memory limits of the process's control groups and of all groups above them."""
    try:
        groups = (process / "cgroup").read_text().splitlines()
        mounts = (process / "mountinfo").read_text().splitlines()
    except OSError:  # not Linux, or hidden
        return
    paths = {}  # by the version of the hierarchy
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            paths["cgroup2"] = path
        elif "memory" in controllers.split(","):
            paths["cgroup"] = path
    names = {"cgroup2": "memory.max", "cgroup": "memory.limit_in_bytes"}
    for line in mounts:
        mount, _, kind = line.partition(" - ")
        version, _, options = kind.split(" ", 2)
        if version not in paths or (version == "cgroup" and "memory" not in options.split(",")):
            continue
        root, mount_point = mount.split(" ")[3:5]
        # A container's mount may begin at its own group, and hide those above it.
        inside = PurePosixPath(paths[version])
        below = inside.relative_to(root) if inside.is_relative_to(root) else PurePosixPath()
        group = Path(mount_point) / below
        for folder in (group, *group.parents):
            if folder.is_relative_to(mount_point):
                yield from _limit(folder / names[version])


def _limit(file: Path) -> Iterator[int]:
    try:
        content = file.read_text().strip()
    except OSError:  # the hierarchy's root has no limit, and a container's may be hidden
        return
    if content.isdecimal():  # "max" is none
        yield int(content)
