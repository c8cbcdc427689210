"""Leftovers of deliberate breaks: constant conditions and unreachable code.

A forgotten break once switched a limit off for a whole release. `make test` runs vulture and ruff.
This file finds the forms that they do not find.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.files import REPOSITORY

# By the fault of a line: a function with that line as its second.
FORMS = {
    "if": "if False:\n        x = 1",
    "if on a number": "if 0:\n        x = 1",
    "if on None": "if None:\n        x = 1",
    "if on text": "if 'x':\n        x = 1",
    "if not": "if not True:\n        x = 1",
    "always": "if True:\n        x = 1",
    "ternary": "x = x if False else 1",
    "other ternary": "x = 1 if True else x",
    "while": "while False:\n        x = 1",
    "and": "x = x.any() and False",
    "or": "x = x.any() or True",
    "and first": "x = False and x.any()",
    "if and": "if x.any() and False:\n        x = 1",
    "if or": "if x.any() or True:\n        x = 1",
    "constants": "x = 1 == 1",
    "one of two": "x = x.any() or 1 < 2",
    "itself": "x = x == x",
    "assert": "assert True",
    "assert of two": "assert (x, 'of x')",
    "comprehension": "x = [y for y in x if True]",
    "guard": "match x:\n        case 1 if False:\n            x = 1",
    "after a return": "return x; x = 1",
    "after an error": "raise ValueError; x = 1",
}


def constant_conditions(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of asserts, comprehensions and guards with a constant condition.

    The lines of `and` and `or` with True or False are among them.
    """
    for node in ast.walk(tree):
        conditions: list[ast.expr | None] = []
        match node:
            case ast.Assert(test=test):
                conditions = [test]
            case ast.comprehension(ifs=ifs):
                conditions = [*ifs]
            case ast.match_case(guard=guard):
                conditions = [guard]
            case ast.BoolOp(values=values):
                conditions = [value for value in values if _is_bool(value)]
        yield from (c.lineno for c in conditions if isinstance(c, ast.Constant))


def _is_bool(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, bool)


def found(file: Path) -> str:
    """Return what the tools of `make test`, with the project's settings, and this file find."""
    settings = str(REPOSITORY / "pyproject.toml")
    tools = (
        ("vulture", "--config", settings),
        ("ruff", "check", "--no-cache", "--output-format=concise", "--config", settings),
    )
    commands = [[sys.executable, "-m", *tool, str(file)] for tool in tools]
    done = [subprocess.run(c, capture_output=True, text=True, cwd=file.parent) for c in commands]
    assert all(each.returncode in (0, 1, 3) for each in done), done
    own = [f"{file}:{line}: constant" for line in constant_conditions(ast.parse(file.read_text()))]
    return "\n".join([*(each.stdout for each in done), *own])


def test_each_form_of_a_break_is_found(tmp_path: Path) -> None:
    file, at = tmp_path / "forms.py", {}
    lines: list[str] = []
    for name, statement in FORMS.items():
        lines += ["", "", f"def form_{'_'.join(name.split())}(x):"]
        at[name] = len(lines) + 1
        lines += f"    {statement}\n    return x".split("\n")
    file.write_text("\n".join(lines[2:]) + "\n")
    names = ("unsatisfiable", "redundant", "unreachable", "SIM22", "PLR01", "F631", "constant")
    told = [line for line in found(file).splitlines() if any(name in line for name in names)]
    missed = [
        name
        for name, line in at.items()
        # Inside a statement, the next line may be reported.
        if not any(f"forms.py:{line - 2 + more}:" in each for each in told for more in (0, 1))
    ]
    assert missed == []


def tracked() -> list[Path]:
    names = subprocess.check_output(["git", "ls-files", "*.py"], cwd=REPOSITORY, text=True)
    return [path for name in names.splitlines() if (path := REPOSITORY / name).exists()]


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a git checkout")
def test_none_is_left_in_the_code() -> None:
    files = tracked()
    assert len(files) > 100
    left = {
        f"{path}:{line}"
        for path in files
        for line in constant_conditions(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert left == set()
