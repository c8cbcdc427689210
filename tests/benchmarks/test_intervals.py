"""The benchmark of intervals calibrates and scores as eval.py does."""

from typing import Any

import pytest

from benchmarks import intervals
from tests.helpers.runs import scored, trained

RUN = ("model=dense", "trainer.max_epochs=6", "data.train_size=512", "data.val_size=1000")


def test_scores_are_those_of_eval() -> None:
    best = trained(*RUN).best
    metrics: dict[str, Any] = scored(best, "intervals=0.9")["intervals"]
    (found,) = intervals.score(str(best), [0.5], 0.9, 0.1, splits=2)
    first, second = found["splits"]
    assert first["fitted"]["coverage"] == pytest.approx(metrics["coverage"], abs=1e-3)
    assert first["fitted"]["width"] == pytest.approx(metrics["width"], rel=1e-3)
    assert first["constant"]["width"] == pytest.approx(metrics["constant_width"], rel=1e-3)
    assert second["fitted"] != first["fitted"]
    assert found["validation"].keys() == {"constant", "features", "symmetries"}
    table = intervals.table_of([{"model": "dense", **found}], 0.9)
    covered = [split["fitted"]["coverage"] for split in found["splits"]]
    assert table.rows[0][3] == f"{min(covered):.2%} to {max(covered):.2%}"
