# The two commands of the README: `make train` runs the main job, `make test` the tests; both set everything up first.
# The first supported Python that this machine has; another one: make train PYTHON=/path/to/python3.12
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: train test test-all lint types check lock mutants pictures bench bench-table clean

train: $(READY)
	$(BIN)/rnnfc train configs/sine.yaml

# Two processes: more of them would each start TensorFlow and train what tests of a file share.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(PYTEST)

# What takes too long for every day: tests marked slow, forty times as many random inputs, and the coverage of branches, which
# costs as much again as 40 % of the tests on Python 3.11 and fails below 95 %.
test-all: $(READY)
	RNNFC_KILLS=80 $(PYTEST) --hypothesis-profile=long -m "" --cov --cov-report=term

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/words.py

types: $(READY)
	$(BIN)/mypy

# What CI runs.
check: lint types test

# Installed from the lock alone, each file held to its hash; the package itself needs no network then. --no-deps: the lock is
# whole, and pip would look for the newest of what is asked for with extras (coverage[toml]), which no hash covers.
$(READY): requirements.lock pyproject.toml
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' || { echo 'rnnfc needs Python 3.11, 3.12 or 3.13; name one: make train PYTHON=/path/to/python3.12'; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# One lock for all supported Pythons; no index address goes into it.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --no-emit-index-url \
		--custom-compile-command "make lock" --upgrade --output-file requirements.lock pyproject.toml

# Mutation testing: changes of a module that no test notices (pip install '.[mutation]').
# Of one module: make mutants MODULE=rnnfc.data.frequency
MODULE ?=
mutants: $(READY)
	$(BIN)/mutmut run --max-children 2 $(if $(MODULE),'$(MODULE).*')
	$(BIN)/mutmut results

# The plots of README and docs, from configs/airline.yaml and configs/explain_*.yaml.
pictures: $(READY)
	$(BIN)/python scripts/pictures.py

# Training speed against Keras, PyTorch and JAX (about an hour; the peers: pip install '.[bench]'); RUNS=1 for a look.
RUNS ?= 5
SPEED ?= outputs/speed.json
bench: $(READY)
	$(BIN)/python scripts/bench/training.py --runs $(RUNS) --json $(SPEED)

# Table and plot of docs/speed.md, from the last `make bench`.
bench-table: $(READY)
	$(BIN)/python scripts/bench/table.py $(SPEED)

clean:
	rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage mutants
