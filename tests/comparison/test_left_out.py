"""What a leaderboard leaves out, and the reason that it gives."""

from pathlib import Path

import pytest

from tests.helpers.comparison import noisy_psnr, write_evaluation, write_run
from tests.helpers.leaderboard import COUNT, compared, labels, reasons, scores, write_pair

OTHER_SPLIT = "0123456789abcdef"


def test_what_does_not_belong_is_left_out_with_the_reason(tmp_path: Path) -> None:
    for run_id, model, mean in (("d", "dense", 19.0), ("v", "vae", 18.0)):
        write_pair(tmp_path, run_id, model, mean)
    write_run(tmp_path / "unfinished", "u", seed=1, finished=False)
    write_run(tmp_path / "other noise", "e", seed=2, data={"eval_seed": 1})
    write_run(tmp_path / "other split", "s", seed=3, split=OTHER_SPLIT)
    write_run(tmp_path / "no score", "n", seed=4)
    write_evaluation(tmp_path / "validation", "n", scores(19.0), split="val")
    write_evaluation(tmp_path / "no run", "absent", scores(19.0))
    write_run(tmp_path / "broken", "b", seed=5)
    (tmp_path / "broken" / "metrics.json").write_text('{"run_id": "b"')
    write_run(tmp_path / "half", "h", seed=6)
    (tmp_path / "half" / "metrics.json").write_text('{"run_id": "h"}')
    found = compared(tmp_path)
    expected = {
        "unfinished": "no metrics.json",
        "other noise": "data.eval_seed is 1 and not 0",
        "other split": f"split fingerprint is {OTHER_SPLIT} and not bf279271349aa7a9",
        "validation": "split is val and not test",
        "no score": "not evaluated, as its other seeds are",
        "no run": "its run absent is left out",
        "broken": "metrics.json: Invalid JSON",
        "half": "metrics.json: model: Field required",
    }
    assert reasons(found).keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in reasons(found)[name]
    assert labels(found) == [["dense", "vae"]]
    assert [row.psnr for row in found.tables[0].rows] == pytest.approx([19.0, 18.0])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("per_image.csv", ""),
        ("per_image.csv", "index,psnr\n0,19\n"),
        ("per_image.csv", "noisy_psnr,psnr\n9,nan\n"),
        ("per_image.csv", "noisy_psnr,psnr\n9,19\n9"),
        ("noise_curve.csv", "noise,level,method,psnr\nGaussian,x,model,19\n"),
        ("metrics.json", "[]"),
        ("run.json", ""),
    ],
)
def test_an_evaluation_that_cannot_be_read_is_left_out(
    tmp_path: Path, file: str, content: str
) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0)
    (tmp_path / "scores" / "v" / file).write_text(content)
    found = compared(tmp_path)
    assert list(reasons(found)) == ["v"]
    assert "\n" not in reasons(found)["v"]
    assert found.tables[0].rows[1].difference is None


def test_noisy_images_that_score_otherwise_are_not_the_same(tmp_path: Path) -> None:
    for run_id, model in (("d", "dense"), ("v", "vae"), ("c", "conv_transposed")):
        write_pair(tmp_path, run_id, model, 19.0)
    file = tmp_path / "scores" / "v" / "per_image.csv"
    first = f",{noisy_psnr(COUNT, 0.5)[0]:.6g},"
    assert first in file.read_text()
    file.write_text(file.read_text().replace(first, ",12.5,", 1))
    found = compared(tmp_path)
    assert reasons(found) == {
        "v": "its noisy images do not score as those of the other evaluations"
    }


def test_nothing_counts_twice(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0)
    write_run(tmp_path / "copy", "d", psnr=19.0)
    write_run(tmp_path / "older", "o", psnr=5.0, started="2026-01-30T12:00:00+00:00")
    later = "2026-02-01T13:00:00+01:00"
    write_evaluation(tmp_path / "again", "v", scores(18.5), started=later)
    found = compared(tmp_path, tmp_path / "runs", tmp_path)
    assert [row.psnr for row in found.tables[0].rows] == pytest.approx([19.0, 18.5])
    assert sorted(reasons(found).values()) == [
        "a copy of another run",
        "a newer run has the same settings and seed",
        "the same run was scored again later",
    ]
