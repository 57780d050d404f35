# The two main targets: `make run` starts Coverdesk, `make test` runs every check and test. `make help` lists all.

PYTHON ?= python3
PORT ?= 8000
SANDBOX ?=
# Test processes: one per core, at most four, since each starts its own PostgreSQL and browser.
WORKERS ?= auto
# How many histories of contracts and work are compared with the model, for each kind of database.
HISTORIES ?= 10000
# Additional arguments for pytest or the benchmark: make test ARGS="-k ledger".
ARGS ?=

BIN := .venv/bin
SOURCES := $(wildcard engine workflows web tests bench)
CATALOGUES := $(wildcard workflows/languages/catalogues/*/*.po)
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate

# Compiled modules are stored, also where the environment says otherwise: `coverdesk` starts in half the time, and
# the tests start it hundreds of times.
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: run test test-all faults histories tamperings check types lint words format bench lock upgrade audit-packages install help
.DELETE_ON_ERROR:

run: .venv/.run-ready  ## start the web server and the scheduler with demonstration data (PORT=8000, SANDBOX=1)
	@$(BIN)/coverdesk migrate
	@$(if $(SANDBOX),COVERDESK_SANDBOX=$(SANDBOX)) exec $(BIN)/coverdesk serve --with-scheduler --demo --port $(PORT)

test: check  ## run check, then the tests: SQLite, a real PostgreSQL, a real browser (ARGS="-k word")
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

test-all: check  ## run test without leaving anything out: each page for each role, each test on both databases
	@COVERDESK_TESTS=all $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

faults: .venv/.dev-ready  ## try every fault of the database at each statement of each route (takes long)
	@COVERDESK_FAULTS=all COVERDESK_TESTS=all $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal tests/web/faults $(ARGS)

histories: .venv/.dev-ready  ## compare many random histories of contracts, work and billing with simple models (HISTORIES=10000)
	@COVERDESK_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal \
		tests/workflows/work/test_any_history.py tests/workflows/billing/test_any_billing_history.py $(ARGS)

tamperings: .venv/.dev-ready  ## change copies of a desk's database behind its back 1,000 times; the audit must find each
	@COVERDESK_TAMPERINGS=1000 $(BIN)/python -m pytest -n 2 tests/workflows/ledger/test_tampering.py $(ARGS)

check: .venv/.dev-ready  ## check formatting, lint, types and import rules (make test also compares migrations with models)
	@$(MAKE) --no-print-directory --jobs 2 types lint

types: .venv/.dev-ready
	@$(BIN)/mypy $(SOURCES)

lint: .venv/.dev-ready
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory words

# The names before a migration are in its test.
words: .venv/.dev-ready  ## find private words for which the field has a standard term (tests/word_list.txt)
	@git ls-files -z $(SOURCES) findings rules mappings docs .ci '*.md' Makefile pyproject.toml | \
		grep -zv -e /vendor/ -e /versions/ -e /catalogues/ -e /test_migrated_rows.py -e tests/word_list.txt -e '\.png$$' | \
		xargs -0 $(BIN)/codespell --dictionary tests/word_list.txt --regex '[a-zA-Z]+'

format: .venv/.dev-ready  ## format the code and apply the linter's automatic fixes
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: .venv/.dev-ready  ## measure performance against the obvious alternatives (bench/README.md)
	@$(BIN)/python -m bench $(ARGS)

lock: .venv/.uv-ready  ## rewrite the lock files from pyproject.toml, keeping versions that still fit
	@$(LOCK) $(UPGRADE) pyproject.toml --group build -o requirements.lock
	@$(LOCK) $(UPGRADE) pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	@$(LOCK) $(UPGRADE) --group installer -o requirements-uv.lock

upgrade: UPGRADE := --upgrade
upgrade: lock  ## rewrite the lock files with the newest versions that pyproject.toml allows

# Strict: a package that the service does not know counts as a failure, not as free of vulnerabilities.
audit-packages: .venv/.dev-ready  ## check the locked packages for known vulnerabilities (needs the network)
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

install: .venv/.run-ready .venv/.dev-ready  ## create .venv with everything that run and test need

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-15s %s\n' "$$name" "$$text"; done

# Installation. Each step leaves a stamp in .venv and is repeated when its input has changed.
# Python's venv and pip are enough: uv is faster, but where it is unavailable pip installs from the same lock.

.venv/.uv-ready: requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Coverdesk needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< || \
		echo "uv is unavailable here; using pip" >&2
	@touch $@

.venv/.run-ready: requirements.lock pyproject.toml $(CATALOGUES) .venv/.uv-ready
	@$(call install_lock,requirements.lock)
	@$(call install_project)
	@$(BIN)/python -m workflows.languages.compiling
	@touch $@

.venv/.dev-ready: requirements-dev.lock pyproject.toml $(CATALOGUES) .venv/.uv-ready
	@$(call install_lock,requirements-dev.lock)
	@$(call install_project)
	@$(BIN)/python -m workflows.languages.compiling
	@touch $@

define install_lock
echo "Installing $(1)"; \
$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) || \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
endef

# No build isolation: it would download a setuptools that is in no lock file.
define install_project
$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable . || \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
endef
