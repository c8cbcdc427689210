# make demo: train a denoiser and see it work.  make test: run every check.

PYTHON ?= python3
BIN := .venv/bin
DEMO = outputs/demo_$(shell date +%Y-%m-%d_%H-%M-%S)

.PHONY: demo test

demo: RUN := $(DEMO)
demo: .venv/installed
	$(BIN)/python train.py experiment=demo hydra.run.dir=$(RUN)
	$(BIN)/python eval.py checkpoint=$(RUN)/checkpoints/best.ckpt hydra.run.dir=$(RUN)/eval
	@echo
	@echo "The picture (clean, noisy, restored):  $(RUN)/eval/strip.png"
	@echo "The table of metrics:                  $(RUN)/eval/metrics.txt"
	@echo "Next, on real Fashion-MNIST:           $(BIN)/python train.py model=vae noise.std=0.5"

test: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	GOMP_SPINCOUNT=1000 $(BIN)/pytest  # as runs/cli.py does, which see

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@
