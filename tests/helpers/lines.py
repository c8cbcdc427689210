"""The line that a user sees of a mistake."""

from collections.abc import Callable

import pytest

from cli.messages import is_users_mistake, one_line


def line_for(call: Callable[[], object]) -> str:
    """Return the line that a user sees of the mistake that the call ends with."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    assert is_users_mistake(caught.value), repr(caught.value)
    line = one_line(caught.value)
    assert "\n" not in line
    assert len(line) < 500
    return line
