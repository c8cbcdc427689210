"""How the benchmarks' commands tell what a user can mend."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_line(program: str) -> Iterator[None]:
    """Print an error that a user can mend in one line, and end with the status 2.

    Args:
        program: What the line begins with.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
