"""Compare runs: one leaderboard of all that train.py and eval.py have left below some directories.

python compare.py outputs multirun/2026-01-31/12-00-00-000000_train
"""

import argparse
import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from cli.output import end_with_the_reader
from cli.suggestions import suggest
from groundwork.files import expand


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(_fail(2, message))


def main(arguments: Sequence[str]) -> int:
    """Compare what the arguments name.

    Returns:
        The exit status: 1 where there is nothing to compare, 2 for a wrong path.
    """
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "directories",
        nargs="+",
        type=expand,
        metavar="DIRECTORY",
        help="searched for runs, sweeps and evaluations",
    )
    parser.add_argument(
        "--output", type=expand, help="a new directory; by default one below outputs/"
    )
    given, others = parser.parse_known_args(arguments)
    if others:
        choices = suggest(others[0], ["--output", "--help"])
        return _fail(2, f"{others[0]}: there is no such option, {choices}")
    for directory in given.directories:
        if not os.path.isdir(directory):  # False too where the name is too long for a path
            return _fail(2, f"{directory} is not a directory")
    output = given.output or Path(
        f"outputs/{datetime.datetime.now():%Y-%m-%d/%H-%M-%S-%f}_comparison"
    )
    if os.path.exists(output):
        return _fail(2, f"{output} exists already: give another --output")

    # Only now, since they take a second: matplotlib, scipy, pydantic.
    from comparison import leaderboard, report, results

    found = results.read(given.directories)
    compared = leaderboard.compare(found)
    if not compared.tables:
        for left in compared.left_out:
            print(f"{left.directory}: {left.reason}", file=sys.stderr)
        searched = ", ".join(map(str, given.directories))
        return _fail(1, f"there is no run to compare below {searched}")
    try:
        output.mkdir(parents=True)
    except OSError as error:
        return _fail(2, f"{output} cannot be made: {error.strerror}")
    report.write(compared, output)
    return 0


def _fail(status: int, reason: str) -> int:
    print(f"compare.py: {reason}", file=sys.stderr)
    return status


if __name__ == "__main__":
    try:
        with end_with_the_reader():
            status = main(sys.argv[1:])
    except OSError as error:  # a full disk, or what may not be read
        status = _fail(1, str(error))
    sys.exit(status)
