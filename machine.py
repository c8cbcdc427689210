"""How much memory and how many cores this process may use, in a container too.

This file imports nothing heavy.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROCESS = Path("/proc/self")


def memory(process: Path = PROCESS) -> int:
    """Bytes that this process may use.

    That is the machine's memory or, where it is smaller, the limit of a control group that the
    process is in, as containers and job managers set it (cgroup v1 and v2).

    Args:
        process: The folder in /proc that says which groups the process is in.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min((machine, *_group_limits(process)))


def cores() -> int:
    """The number of cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def _group_limits(process: Path) -> Iterator[int]:
    """The memory limits of the process's control groups and of all groups above them."""
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
