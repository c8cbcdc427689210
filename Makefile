# make demo: train a denoiser and see it work.  make test: run every check.
# make bench: measure speed and memory; make keras, before it, lets Keras take part.
# make page CHECKPOINTS='[A,B]': the laboratory in a browser, with these models, in page/.  make test-page: test it.
# make results: train, score and publish all scores on Fashion-MNIST, with five seeds; it goes on where it was stopped.

PYTHON ?= python3
BIN := .venv/bin
WEB_SOURCES := $(shell find web/src web/public web/index.html web/*.json web/*.ts -type f)
DEMO = outputs/demo_$(shell date +%Y-%m-%d_%H-%M-%S)

.PHONY: demo test bench keras results page test-page

demo: RUN := $(DEMO)
demo: .venv/installed
	$(BIN)/python train.py experiment=demo hydra.run.dir=$(RUN)
	$(BIN)/python eval.py checkpoint=$(RUN)/checkpoints/best.ckpt 'levels=[0.2,0.5,0.8]' hydra.run.dir=$(RUN)/eval
	@echo
	@echo "The picture (clean, noisy, restored):  $(RUN)/eval/strip.png"
	@echo "The table of metrics:                  $(RUN)/eval/metrics.txt"
	@echo "Everything on one page:                $(RUN)/eval/report.html"
	@echo "Next, on real Fashion-MNIST:           $(BIN)/python train.py model=vae noise.std=0.5"

test: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/vulture
	$(BIN)/lint-imports
	# As many tests at a time as there are cores, each on one; OpenMP's threads as in cli/command.py.
	# mypy, which takes half a minute of one core, runs beside them, and its words follow theirs.
	@types=$$(mktemp); $(BIN)/mypy >$$types 2>&1 & mypy=$$!; \
	OMP_NUM_THREADS=1 GOMP_SPINCOUNT=1000 $(BIN)/pytest --numprocesses=auto --dist=worksteal; \
	tests=$$?; wait $$mypy; typed=$$?; echo $(BIN)/mypy; cat $$types; rm $$types; \
	exit $$((tests ? tests : typed))

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks

results: .venv/installed
	$(BIN)/python -m benchmarks.results

# What is missing is refused before anything is installed or built.
page:
	@test -n "$(CHECKPOINTS)" || { echo "Give the models that the page shows:" \
		"make page CHECKPOINTS='[RUN/checkpoints/best.ckpt,OTHER_RUN/checkpoints/best.ckpt]'"; exit 1; }
	@$(MAKE) --no-print-directory .venv/installed-onnx web/dist/index.html
	@rm -rf page.old; if [ -e page ]; then mv page page.old; fi
	@$(BIN)/python export.py format=web 'checkpoint=$(CHECKPOINTS)' output=page/ || \
		{ if [ -e page.old ]; then mv page.old page; fi; exit 1; }
	@rm -rf page.old

test-page: .venv/installed-test web/node_modules/installed
	cd web && npm run --silent check && npm run --silent build
	OMP_NUM_THREADS=1 GOMP_SPINCOUNT=1000 $(BIN)/pytest web/tests

web/dist/index.html: web/node_modules/installed $(WEB_SOURCES)
	cd web && npm run --silent build
	@touch $@

# No package's own script runs.
web/node_modules/installed: web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

keras: .venv-keras/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

# With an extra of pyproject.toml: test, bench, onnx
.venv/installed-%: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$*]'
	@touch $@

.venv-keras/installed:
	$(PYTHON) -m venv .venv-keras
	.venv-keras/bin/pip install --quiet 'tensorflow==2.21.0' 'keras==3.15.1'
	@touch $@
