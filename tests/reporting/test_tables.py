"""A table reads the same on the terminal, in Markdown and in HTML."""

import io

from rich.console import Console

from reporting.tables import Table

TABLE = Table("Scores", ["model", "PSNR (dB)"], [["a|b <c>", "19.96"], ["[d]", ""]])


def test_markdown_escapes_what_ends_a_cell() -> None:
    assert TABLE.as_markdown().splitlines() == [
        "| model | PSNR (dB) |",
        "| --- | ---: |",
        r"| a\|b <c> | 19.96 |",
        "| [d] |  |",
    ]
    bold = TABLE._replace(bold_first=True).as_markdown().splitlines()
    assert bold[2:] == [r"| **a\|b <c>** | **19.96** |", "| [d] |  |"]


def test_html_escapes_tags() -> None:
    page = TABLE._replace(bold_first=True).as_html()
    assert "<td>a|b &lt;c&gt;</td><td>19.96</td>" in page
    assert page.count('<tr style="font-weight: bold">') == 1
    assert page.index("font-weight") < page.index("a|b") < page.index("[d]")


def test_the_terminal_shows_brackets_as_they_are() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(TABLE.for_terminal())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(cell in shown for cell in ("a|b <c>", "19.96", "[d]"))
