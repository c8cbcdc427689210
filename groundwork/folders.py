"""Folders and what is in them, also behind links."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache


def walk(
    root: str,
    enters: Callable[[os.DirEntry[str]], bool],
    unreadable: Callable[[OSError], None],
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Each folder from `root` on, and what is in it: like os.walk, but links are followed.

    A folder comes once, in its own place before any link to it, so that loops end.

    enters: whether to go into a folder or a link to one. unreadable: is told of those that cannot
        be listed.
    """
    seen: set[tuple[int, int]] = set()
    linked = deque([root])
    while linked:
        own = [linked.popleft()]
        while own:
            folder = own.pop()
            try:
                status = os.stat(folder)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                entries = listing(folder)
            except OSError as error:
                unreadable(error)
                continue
            yield folder, entries
            folders = [entry for entry in entries if is_folder(entry) and enters(entry)]
            own += [entry.path for entry in reversed(folders) if not entry.is_symlink()]
            linked += [entry.path for entry in folders if entry.is_symlink()]


def listing(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """False, too, for a link that leads in circles, or to where nothing may be seen."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def real_paths() -> Callable[[str], str]:
    """os.path.realpath for many paths: each folder is looked at once."""
    real_folder = lru_cache(None)(os.path.realpath)

    def real_path(path: str) -> str:
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        return os.path.normpath(os.path.join(real_folder(folder), name))

    return real_path
