# `make demo` and `make test` need Python 3.11 or newer and a package index; everything else is installed here.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
PROJECT := pyproject.toml constraints.txt
BENCH := .venv-bench

.PHONY: demo test check docs parity bench fuzz

demo: .venv/.installed  ## train clothes in two minutes; the run folder's path is printed first and last
	$(BIN)/gansmith train demo

test: .venv/.installed-test  ## the fast tests
	$(BIN)/python -m pytest

check: .venv/.installed-dev  ## everything that has to hold before a change lands
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyrefly check --min-severity=warn
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not gpu and not nightly"

docs: .venv/.installed  ## docs/reference, from the code
	$(BIN)/python docs/make_reference.py

parity: $(BENCH)/.installed  ## the classic networks against Keras on TensorFlow; `check` compares with Keras on torch
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2 $(BENCH)/bin/python -m pytest -m slow tests/parity

bench: .venv/.installed-dev $(BENCH)/.installed  ## the measured numbers of the README; needs the real sets in $GANSMITH_DATA
	$(BIN)/python -m benchmarks.speed.startup
	$(BIN)/python -m benchmarks.speed.step_time
	$(BIN)/python -m benchmarks.speed.step_time --systems auto --name step-time-auto
	$(BIN)/python -m benchmarks.speed.layers
	$(BIN)/python -m benchmarks.speed.overhead
	$(BIN)/python -m benchmarks.speed.watch
	$(BIN)/python -m benchmarks.speed.busy
	$(BIN)/python -m benchmarks.speed.growth
	$(BIN)/python -m benchmarks.speed.demo
	$(BIN)/python -m benchmarks.speed.plan_accuracy
	$(BIN)/python -m benchmarks.speed.batches
	$(BIN)/python -m benchmarks.speed.packing
	$(BIN)/python -m benchmarks.speed.large_store
	$(BIN)/python -m benchmarks.reliability.bombs
	$(BIN)/python -m benchmarks.speed.checkpoint_time
	$(BIN)/python -m benchmarks.reliability.kills
	$(BIN)/python -m benchmarks.speed.measures
	$(BIN)/python -m benchmarks.quality.sensitivity
	$(BIN)/python -m benchmarks.speed.precision
	$(BIN)/python -m benchmarks.pages.performance_page
	for recipe in fashion-mlp fashion-dcgan notmnist-dcgan mnist-mlp mnist-small-dcgan; do \
	  $(BIN)/python -m benchmarks.quality.classic_runs $$recipe || exit 1; done
	$(BIN)/python -m benchmarks.quality.classic_runs mnist-dcgan --steps 1000
	$(BIN)/python -m benchmarks.quality.classic_runs cifar-ships --steps 500
	$(BIN)/python -m benchmarks.pages.gallery
	$(BIN)/python -m benchmarks.quality.truncation
	$(BIN)/python -m benchmarks.quality.own_images
	$(BIN)/python -m benchmarks.quality.conditional --data fashion-mnist --recipe auto
	$(BIN)/python -m benchmarks.quality.conditional --data mnist --recipe auto
	$(BIN)/python -m benchmarks.quality.bakeoff measure
	$(BIN)/python -m benchmarks.quality.bakeoff train
	$(BIN)/python -m benchmarks.quality.bakeoff small
	$(BIN)/python -m benchmarks.quality.bakeoff modes
	$(BIN)/python -m benchmarks.quality.bakeoff page

SECONDS := 300
fuzz: .venv-fuzz/.installed  ## the readers under random bytes, SECONDS of processor time each; findings are kept in .fuzz/
	.venv-fuzz/bin/python -m tests.fuzz --seconds $(SECONDS)

.venv/.installed: $(PROJECT)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/.installed-test: .venv/.installed
	$(PIP) --editable .[test]
	touch $@

# torch-fidelity's arithmetic is what the metrics are compared with; the torchvision it asks for is not wanted here.
.venv/.installed-dev: .venv/.installed-test
	$(PIP) --editable .[dev]
	$(PIP) --no-deps torch-fidelity
	touch $@

# TensorFlow wants an older h5py than we do: the first pin of a name counts.
$(BENCH)/.installed: $(PROJECT) constraints-bench.txt
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	awk -F= '!seen[$$1]++' constraints-bench.txt constraints.txt > $(BENCH)/constraints.txt
	$(BENCH)/bin/python -m pip install --disable-pip-version-check --quiet \
	  --constraint $(BENCH)/constraints.txt --editable .[parity]
	touch $@

.venv-fuzz/.installed: $(PROJECT)
	test -x .venv-fuzz/bin/python || $(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt \
		--editable .[fuzz]
	touch $@
