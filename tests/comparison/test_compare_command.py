"""compare.py: what it writes where, and what it refuses."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

import compare
from tests.helpers.comparison import write_run
from tests.helpers.leaderboard import compared, write_pair
from tests.helpers.runs import ROOT, run_command


def test_the_csv_holds_the_numbers(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0, seed=1)
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    with (tmp_path / "out" / "leaderboard.csv").open() as file:
        first, second = csv.DictReader(file)
    (table,) = compared(tmp_path).tables
    assert (first["configuration"], first["run_ids"], first["difference"]) == ("dense", "d", "")
    difference = table.rows[1].difference
    assert difference is not None
    found = [float(second[f"difference{end}"]) for end in ("", "_low", "_high")]
    assert found == [*difference]
    assert float(second["psnr"]) == table.rows[1].psnr
    assert float(second["ms_per_image"]) == 0.1


def test_the_page_needs_no_other_file_and_has_every_plot(tmp_path: Path) -> None:
    for std in (0.1, 0.5):
        write_pair(tmp_path, f"d{std}", "dense", 18 + std, std=std)
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    page = (tmp_path / "out" / "leaderboard.html").read_text()
    plots = {path.stem for path in (tmp_path / "out").glob("*.png")}
    cost = "cost_Gaussian-std-0.5-clip-true"
    assert plots == {cost, "noise_curves", "noise_transfer", "learning_curves"}
    assert not re.search(r"https?://|<script|<link", page)
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) == len(plots)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    markdown = (tmp_path / "out" / "leaderboard.md").read_text()
    assert {f"{name}.png" for name in plots} == set(re.findall(r"\]\((.*?)\)", markdown))


def test_torch_is_not_loaded(tmp_path: Path) -> None:
    """Loading it would take longer than comparing does."""
    write_pair(tmp_path, "d", "dense", 19.0)
    code = "import sys, compare; sys.exit(compare.main(sys.argv[1:]) or 'torch' in sys.modules)"
    arguments = [str(tmp_path), "--output", str(tmp_path / "out")]
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("existing", ["runs", "runs/d/run.json"])
def test_an_output_that_exists_is_refused(tmp_path: Path, existing: str) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    before = (tmp_path / "runs" / "d" / "run.json").read_bytes()
    assert compare.main([str(tmp_path), "--output", str(tmp_path / existing)]) == 2
    assert (tmp_path / "runs" / "d" / "run.json").read_bytes() == before


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    done = run_command("compare.py", "missing", directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "compare.py: missing is not a directory\n"
    for arguments, line in (
        ([], "the following arguments are required: DIRECTORY"),
        ([".", "--output"], "argument --output: expected one argument"),
        ([".", "--outptu", "x"], "--outptu: there is no such option, did you mean --output?"),
        (["x" * 300], f"{'x' * 300} is not a directory"),
    ):
        done = run_command("compare.py", *arguments, directory=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"compare.py: {line}\n"
    done = run_command("compare.py", ".", directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "compare.py: there is no run to compare below .\n"
    assert not list(tmp_path.iterdir())
    write_run(tmp_path / "unfinished", "u", finished=False)
    done = run_command("compare.py", ".", "--output", "out", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("unfinished: no metrics.json")
    assert not (tmp_path / "out").exists()


def test_the_default_output_is_a_new_directory_each_time(tmp_path: Path) -> None:
    write_run(tmp_path / "d", "d")
    for count in (1, 2):
        done = run_command("compare.py", "d", directory=tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(list(tmp_path.glob("outputs/*/*_comparison/leaderboard.html"))) == count
