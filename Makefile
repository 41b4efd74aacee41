# `make` alone lists the tasks. Everything is installed into .venv and ui/node_modules, nothing outside this folder
# (but for Debian's Chromium, which `make test` installs where it may).

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
PACKAGES := $(patsubst %/__init__.py,%,$(wildcard $(addsuffix /__init__.py,ontology graph ingest rules jobs api examples)))
LINTED := $(PACKAGES) $(wildcard benchmarks tests)

UI := $(wildcard ui/package.json)
NPM := $(shell node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm)
PAGE := api/static/index.html
UI_SOURCES := $(if $(UI),$(shell find ui -maxdepth 1 -type f) $(shell find ui/src ui/public 2>/dev/null))

.DEFAULT_GOAL := help
.PHONY: help install install-dev ui demo serve chromium servers test test-systems check format bench lock clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- installing ---------------------------------------------------------------------------------------------------

install: $(VENV)/.installed ## make .venv with .venv/bin/andon, from the hashed lock
install-dev: $(VENV)/.installed-dev ## the same with the tools that test and check it

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Andon needs Python 3.11 or later: make install PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.locked: requirements/runtime.txt requirements/build.txt requirements/compiled.txt | $(PY)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip
	$(PIP) install --quiet --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) install --quiet --no-deps --only-binary :all: --require-hashes -r requirements/compiled.txt || \
		echo "There is no compiled SQL parser for this platform: the pure one serves, at half the speed."
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.installed
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

ui: $(if $(UI),$(if $(NPM),$(PAGE),no-npm)) ## build the page that the service serves under /ui/

$(PAGE): ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd ui && npm run build
	@touch $@

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	cd ui && npm ci
	@touch $@

.PHONY: no-npm
no-npm:
	@echo "No Node.js 20 or later with npm here: the page under /ui/ is not built. Everything else works."

# --- running ------------------------------------------------------------------------------------------------------

demo: install ui ## serve with a demo estate loaded: prints the address to open
	$(VENV)/bin/andon demo

serve: install ui ## serve on 127.0.0.1:8080 with the data in ./andon-data
	$(VENV)/bin/andon serve --data andon-data

# --- checking -----------------------------------------------------------------------------------------------------

check: install-dev ## format, lint, types, import contract, ontology; the same for the page
	$(VENV)/bin/ruff format --check $(LINTED)
	$(VENV)/bin/ruff check $(LINTED)
	$(VENV)/bin/mypy $(PACKAGES)
	$(VENV)/bin/lint-imports
	$(VENV)/bin/andon ontology check
	$(VENV)/bin/andon ontology doc --check
ifneq ($(and $(UI),$(NPM)),)
	@$(MAKE) --no-print-directory ui/node_modules/.package-lock.json
	cd ui && npm run check
endif

test: check ui chromium servers ## check, then all tests but the heavy ones; prints how many were skipped
ifneq ($(and $(UI),$(NPM)),)
	cd ui && npm test
endif
	$(PY) -m pytest -m 'not systems' $(PYTEST_ARGS)

test-systems: install-dev ui servers ## the heavy tests: whole installations with real servers that are killed and restarted
	@scripts/fuseki >/dev/null || test "$$CI" != true
	$(PY) -m pytest -m systems $(PYTEST_ARGS)

chromium: ## find or install the browser that the page's tests drive
	@scripts/chromium || test "$$CI" != true

servers: ## find or fetch the Neo4j server that its tests start (about 125 MB, once)
	@scripts/neo4j >/dev/null || test "$$CI" != true

bench: install-dev ui ## measure what the README quotes; STACK=server: over PostgreSQL and Neo4j
	$(PY) -m benchmarks $(if $(STACK),--stack $(STACK))

format: install-dev ## rewrite the Python code in the project's format
	$(VENV)/bin/ruff check --fix $(LINTED)
	$(VENV)/bin/ruff format $(LINTED)

# --- keeping up ---------------------------------------------------------------------------------------------------

UV := $(or $(shell command -v uv 2>/dev/null),$(VENV)/bin/uv)
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(UPGRADE)

lock: install ## re-make requirements/*.txt (UPGRADE=--upgrade takes newer versions)
	@command -v $(UV) >/dev/null || $(PIP) install --quiet uv
	$(LOCK) pyproject.toml --extra rdf --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --extra rdf --extra server --extra parquet --constraints requirements/runtime.txt \
		--output-file requirements/server.txt
	$(LOCK) requirements/compiled.in --no-deps --constraints requirements/runtime.txt --output-file requirements/compiled.txt
	$(LOCK) requirements/build.in --constraints requirements/runtime.txt --output-file requirements/build.txt
	$(LOCK) pyproject.toml requirements/build.in --extra dev \
		--constraints requirements/server.txt --constraints requirements/build.txt --output-file requirements/dev.txt

clean: ## remove what was installed and built (never data)
	rm -rf $(VENV) ui/node_modules api/static build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
