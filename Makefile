# The two commands: `make demo` shows it work, `make test` runs every check.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test

demo: .venv/installed
	$(BIN)/python train.py experiment=demo
	$(BIN)/python eval.py checkpoint=outputs/demo/checkpoints/best.ckpt hydra.run.dir=outputs/demo-eval

test: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --constraint constraints.txt --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --constraint constraints.txt --editable '.[test]'
	touch $@
