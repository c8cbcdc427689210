"""A table: described once, rendered for the terminal, Markdown and HTML."""

import html
from collections.abc import Sequence
from typing import NamedTuple

from rich.markup import escape
from rich.table import Column
from rich.table import Table as RichTable


class Table(NamedTuple):
    """Rows of text under a header. The first column names the row and is set to the left.

    Attributes:
        title: What the table shows.
        header: The name of each column.
        rows: A cell for each column.
        notes: Lines that belong below the table.
        bold_first: Whether the first row is set in bold.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    bold_first: bool = False

    def for_terminal(self) -> RichTable:
        """The table for a rich console, without title and notes."""
        first, *others = self.header
        table = RichTable(first, *(Column(name, justify="right") for name in others))
        for number, row in enumerate(self.rows):
            bold = "bold" if self.bold_first and number == 0 else None
            table.add_row(*map(escape, row), style=bold)
        return table

    def as_markdown(self) -> str:
        """The table in GitHub's Markdown, without title and notes."""
        rows = [[cell.replace("|", r"\|") for cell in row] for row in self.rows]
        if self.bold_first:
            rows[0] = [f"**{cell}**" if cell else "" for cell in rows[0]]
        alignment = ["---", *["---:"] * (len(self.header) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.header, alignment, *rows))

    def as_html(self) -> str:
        """The table as an HTML element, without title and notes."""
        header = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        lines = [f"<tr>{header}</tr>"]
        for number, row in enumerate(self.rows):
            style = ' style="font-weight: bold"' if self.bold_first and number == 0 else ""
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
            lines.append(f"<tr{style}>{cells}</tr>")
        return "<table>\n" + "\n".join(lines) + "\n</table>"
