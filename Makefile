# `make demo` and `make test` set up everything they need on a machine with Python >= 3.11 and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := .make
# Four on two cores: two of them wait for containers and servers most of the time (tests/side_by_side.py).
PROCESSES ?= 4

.PHONY: demo up test test-fast lint types imports check parity benchmark lock clean help

help:
	@echo "make demo       tune the bundled synthetic person as a Prefect flow; prints the recommendation and where the report is"
	@echo "make up         start the service: a Prefect server and a worker, in containers"
	@echo "make test       run the tests (what needs Docker or Nightscout skips, saying so, where there is none)"
	@echo "make check      lint, types and import rules"
	@echo "make benchmark  ours against upstream's script, side by side"

$(STAMPS)/python: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python-dev: $(STAMPS)/python requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

$(STAMPS)/node: $(STAMPS)/python images/oref0/package-lock.json
	$(BIN)/python -m flows.oref0.runtime install
	touch $@

demo: $(STAMPS)/node
	$(BIN)/autotune demo --prefect

# Prefect's server and a worker in containers: docs/operations.md.
up:
	docker compose up --detach --build --wait

test: $(STAMPS)/python-dev $(STAMPS)/node
	$(BIN)/python -m pytest --numprocesses $(PROCESSES)

test-fast: $(STAMPS)/python-dev $(STAMPS)/node
	$(BIN)/python -m pytest --numprocesses auto -m "not flow and not docker and not nightscout"

lint: $(STAMPS)/python-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/python-dev
	$(BIN)/mypy

imports: $(STAMPS)/python-dev
	$(BIN)/lint-imports --no-logo

check: lint types imports

benchmark: $(STAMPS)/node
	$(BIN)/python -m benchmarks

# After a change of the dependencies: what is locked stays as it is where it still fits (needs uv).
lock:
	uv pip compile pyproject.toml --universal --generate-hashes --no-header --python-version 3.11 -o requirements.lock
	uv pip compile pyproject.toml --group dev -c requirements.lock --universal --generate-hashes --no-header \
	  --python-version 3.11 -o requirements-dev.lock

clean:
	rm -rf $(VENV) $(STAMPS) images/oref0/node_modules build dist .pytest_cache .mypy_cache .ruff_cache
