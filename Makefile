.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup demo test check cover serve bench soak lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything pinned and hashed

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Unspoken needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "Making .venv with everything pinned: about a minute." >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## run the main job on an embedded SQLite and stay up
	$(BIN)/unspoken demo

check: setup ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## every check and every test, on SQLite and PostgreSQL
	$(BIN)/python -m tests.run

cover: setup ## coverage, branches too, of codes, scans and merging (a third slower than the tests alone)
	$(BIN)/python -m tests.run --cov --cov-report=term-missing:skip-covered $(addprefix tests/,codes scans merging operator customers proof linking claims matching importing commerce)

serve: setup ## migrate and serve on http://127.0.0.1:8000
	$(BIN)/unspoken migrate
	$(BIN)/unspoken serve

bench: setup ## measure speed; prints JSON (takes a quarter of an hour)
	@$(BIN)/python -m tests.bench

soak: setup ## 200 rounds of 50 tills racing for one code, on both databases
	$(BIN)/python -m pytest -m soak tests/scans

lock: ## refresh requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --all-extras pyproject.toml --output-file requirements.lock

clean: ## remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
