"""Walks through folders. Links are followed."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache


def walk(
    root: str,
    enters: Callable[[os.DirEntry[str]], bool],
    unreadable: Callable[[OSError], None],
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """List `root` and the folders below it, like os.walk, but follow links safely.

    Each folder comes once, so that loops end. Its own place comes before any link to it.

    Args:
        root: The folder to begin with.
        enters: Decides whether to go into a folder, or into a link to one.
        unreadable: Is called for each folder that cannot be listed.

    Yields:
        Each folder with its entries.
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
    """List a folder, in the order of names."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder. A circular or unreadable link is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def real_paths() -> Callable[[str], str]:
    """Return a function like os.path.realpath that looks at each folder once."""
    real_folder = lru_cache(None)(os.path.realpath)

    def real_path(path: str) -> str:
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        return os.path.normpath(os.path.join(real_folder(folder), name))

    return real_path
