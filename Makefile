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
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/step_time.py
	$(BIN)/python benchmarks/step_time.py --systems auto --name step-time-auto
	$(BIN)/python benchmarks/layers.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/watch.py
	$(BIN)/python benchmarks/busy.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/demo.py
	$(BIN)/python benchmarks/plan_accuracy.py
	$(BIN)/python benchmarks/batches.py
	$(BIN)/python benchmarks/packing.py
	$(BIN)/python benchmarks/large_store.py
	$(BIN)/python benchmarks/bombs.py
	$(BIN)/python benchmarks/checkpoint_time.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/measures.py
	$(BIN)/python benchmarks/sensitivity.py
	$(BIN)/python benchmarks/precision.py
	$(BIN)/python benchmarks/performance_page.py
	for recipe in fashion-mlp fashion-dcgan notmnist-dcgan mnist-mlp mnist-small-dcgan; do \
	  $(BIN)/python benchmarks/classic_runs.py $$recipe || exit 1; done
	$(BIN)/python benchmarks/classic_runs.py mnist-dcgan --steps 1000
	$(BIN)/python benchmarks/classic_runs.py cifar-ships --steps 500
	$(BIN)/python benchmarks/gallery.py
	$(BIN)/python benchmarks/truncation.py
	$(BIN)/python benchmarks/own_images.py
	$(BIN)/python benchmarks/conditional.py --data fashion-mnist --recipe auto
	$(BIN)/python benchmarks/conditional.py --data mnist --recipe auto
	$(BIN)/python benchmarks/bakeoff.py measure
	$(BIN)/python benchmarks/bakeoff.py train
	$(BIN)/python benchmarks/bakeoff.py small
	$(BIN)/python benchmarks/bakeoff.py modes
	$(BIN)/python benchmarks/bakeoff.py page

SECONDS := 300
fuzz: .venv-fuzz/.installed  ## the readers under random bytes, SECONDS of processor time each; findings are kept in .fuzz/
	PYTHONPATH=tests .venv-fuzz/bin/python -m fuzz --seconds $(SECONDS)

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
