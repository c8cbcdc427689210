"""The published tables are what the stored results render, and publishing writes both."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import publish
from reporting.tables import Table

# A stage of benchmarks.results is stored when it has run; until then its pages have older tables.
STORED: dict[str, dict[str, Any]] = {
    kind: json.loads(found.stored.read_text())
    for kind, found in publish.KINDS.items()
    if found.stored.exists()
}


@pytest.mark.parametrize(
    ("kind", "page"), [(kind, page) for kind in STORED for page in publish.KINDS[kind].pages]
)
def test_the_tables_are_those_of_the_stored_results(kind: str, page: Path) -> None:
    text, table = page.read_text(), publish.KINDS[kind].pages[page]
    assert publish.with_table(text, kind, table(STORED[kind])) == text


def test_every_kind_has_its_place_in_its_pages() -> None:
    for kind, found in publish.KINDS.items():
        for page in found.pages:
            text = page.read_text()
            assert publish.with_table(text, kind, "one sentence") != text


def test_a_sentence_and_notes_are_written_between_the_comments() -> None:
    begin, end = "<!-- kind: written by benchmarks.publish -->", "<!-- kind: end -->"
    page = f"before\n\n{begin}\n{end}\n\nafter\n"
    text = publish.with_table(page, "kind", "word " * 40)
    written = text.removeprefix(f"before\n\n{begin}\n\n").removesuffix(f"\n\n{end}\n\nafter\n")
    assert written.split() == ["word"] * 40
    assert [len(line) for line in written.splitlines()] == [119, 79]
    table = Table("title", ("a", "b"), [("1", "2")], ["A note.", "Another."])
    text = publish.with_table(page, "kind", table)
    assert f"| 1 | 2 |\n\nA note.\n\nAnother.\n\n{end}" in text
    assert publish.with_table(text, "kind", table) == text


def test_the_stored_results_are_of_whole_sets() -> None:
    results = STORED["photographs"]["results"]
    scored = {(result["set"], result["sigma"]): result for result in results}
    sizes = {"Set12": 12, "BSD68": 68, "CBSD68": 68, "Kodak24": 24}
    assert scored.keys() == {(name, sigma) for name in sizes for sigma in (15, 25, 50)}
    for (name, _), result in scored.items():
        assert len(result["pictures"]) == result["pictures_in_set"] == sizes[name]
        numbers = result["methods"][publish.NAME]["psnr"]
        assert numbers["mean"] == pytest.approx(sum(numbers["by_picture"]) / sizes[name])


def test_tables_have_measured_and_published_numbers() -> None:
    stored = STORED["photographs"]
    (row,) = (row for row in publish.scores(stored).rows if row[:2] == ["BSD68", "25"])
    (found,) = (r for r in stored["results"] if (r["set"], r["sigma"]) == ("BSD68", 25))
    assert float(row[2]) == pytest.approx(found["methods"]["photo"]["psnr"]["mean"], abs=0.0051)
    assert row[-2:] == ["28.57", "29.19"]
    (row,) = (row for row in publish.summary(stored).rows if row[0] == "Kodak24")
    assert row[2:4] == ["34.28 / – / 28.46", "34.63 / 32.13 / 28.98"]
    assert len(row[1].split(" / ")) == 3


def test_publishing_stores_the_results_and_rewrites_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, stored, results = (tmp_path / name for name in ("page.md", "stored.json", "new.json"))
    kind = publish.Kind(stored, {page: publish.scores})
    monkeypatch.setitem(publish.KINDS, "photographs", kind)
    results.write_text(json.dumps(STORED["photographs"]))

    def run() -> None:
        monkeypatch.setattr(sys, "argv", ["publish", "photographs", str(results)])
        publish.main()

    page.write_text("no table")
    with pytest.raises(SystemExit, match="a page has no table between"):
        run()
    assert (page.read_text(), stored.exists()) == ("no table", False)
    begin, end = "<!-- photographs: written by benchmarks.publish -->", "<!-- photographs: end -->"
    page.write_text(f"before\n{begin}\n| old |\n{end}\nafter\n")
    run()
    text = page.read_text()
    assert text.startswith(f"before\n{begin}\n\n| set | σ |")
    assert text.endswith(f" |\n\n{end}\nafter\n")
    assert "| old |" not in text
    assert stored.read_text() == results.read_text()
    for content in ("{", "{}", "[]"):
        results.write_text(content)
        with pytest.raises(SystemExit, match=r"new.json has no results of benchmarks.photographs"):
            run()
    assert page.read_text() == text
