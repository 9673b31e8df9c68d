# Flowlatch. `make` prints the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where it is set, each of two hundred processes of the tests would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test large testpg check bench drill memory many fuzz timing table openapi format lock

help: ## Print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(VENV)/.runtime ## Start Flowlatch at http://127.0.0.1:8000 (make needs only Python 3.11 or newer)
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.dev ## Run every test but the large ones, on SQLite
	@$(BIN)/python -m pytest $(ON_TWO_CORES) -m "not large"

large: $(VENV)/.dev ## Run the large tests: many processes, restarts, calls or pages, on SQLite
	@$(BIN)/python -m pytest $(ON_TWO_CORES) -m large

testpg: $(VENV)/.dev ## Run the tests that the database matters to on a PostgreSQL of their own
	@FLOWLATCH_TEST_DATABASE=postgres $(BIN)/python -m pytest $(ON_TWO_CORES) $(ON_POSTGRES)

# Whole files, so that a module's server and browser start once; the slow ones first (tests/conftest.py).
ON_TWO_CORES := -n 2 --dist loadfile --no-loadscope-reorder
ON_POSTGRES := tests/accounts tests/apikeys tests/chatflows $(addprefix tests/server/restarts/test_,postgres.py waiting_answers.py) tests/server/start/test_start.py tests/server/streams/test_aborts.py $(addprefix tests/server/gate/test_,predictions.py revocation.py short_way.py)

check: $(VENV)/.dev ## Run the quick checks: style, types, imports, migrations, deployment, fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy .
	@$(BIN)/python manage.py makemigrations --check --dry-run --settings tests.settings
	@PUBLIC_URL=https://flowlatch.example $(BIN)/python manage.py check --deploy --fail-level WARNING --settings tests.settings
	@$(BIN)/python -m pytest -q -n 2 -m fast

bench: $(VENV)/.dev ## Measure the gate beside a bare Django view and a bare relay, as ratios
	@$(BIN)/python -m tests.bench $(BENCH)

drill: $(VENV)/.dev ## Run the large cases of running it (a rolling restart under load), with figures
	@$(BIN)/python -m tests.drill $(DRILL)

memory: $(VENV)/.dev ## Measure what the server holds in memory, and how long it takes to start
	@$(BIN)/python -m tests.bench.memory $(MEMORY)

many: $(VENV)/.dev ## Measure pages and checks with a million keys and 10,000 chatflows
	@$(BIN)/python -m tests.bench.pages $(MANY)

fuzz: $(VENV)/.dev ## Try the whole management API from its document, with and without keys
	@$(BIN)/python -m tests.fuzz $(FUZZ)

timing: $(VENV)/.dev ## Measure whether the time of an answer tells which e-mail or key exists
	@$(BIN)/python -m tests.bench.timing

table: $(VENV)/.dev ## Write docs/access-table.md anew: every route by role and credential
	@$(BIN)/python -m tests.access_table

openapi: $(VENV)/.dev ## Write docs/openapi.json anew
	@$(BIN)/python manage.py openapi --settings tests.settings

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/.dev ## Lock the requirements anew, with hashes
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) pyproject.toml -o requirements.txt >/dev/null
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) --group dev pyproject.toml -o requirements-dev.txt >/dev/null

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Flowlatch needs Python 3.11 or newer. Install it, or name it: PYTHON=python3.12 make run" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. Install it (on Debian and Ubuntu: apt install python3-venv), then try again." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Flowlatch needs (once) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
