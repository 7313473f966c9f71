# Everything a person does here, from a fresh clone. `make` alone explains itself.
# Needs Python 3.11 or newer with pip, and make; runs as an ordinary user and as root.

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
JOBS ?= 2
PYTEST_ARGS ?=
UPGRADE ?=
IMAGE ?= paygw:dev

# The first Python that is new enough and can make environments.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$name; break; }; done)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

.PHONY: soak help setup run demo peers test drill check check-format check-lint check-types check-imports check-openapi \
	check-deploy bench openapi fix image locks clean

help: ## say what can be done
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

setup: $(READY) ## make the environment in .venv from the hashed lock (a second call does nothing)

# Without ensurepip (Debian's python3 alone) the outer pip fills the environment.
$(READY): requirements/dev.lock
	@test -n "$(PYTHON)" || { echo "paygw needs Python 3.11 or newer; none was found. Install it, or say PYTHON=/path/to/python."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "paygw needs Python 3.11 or newer; $(PYTHON) is older."; exit 1; }
	@test -x $(PY) || "$(PYTHON)" -m venv $(VENV) >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear --without-pip $(VENV)
	@echo "installing requirements/dev.lock into $(VENV)"
	@if $(PY) -m pip --version >/dev/null 2>&1; then pip="$(PY) -m pip"; else pip="$(PYTHON) -m pip --python $(PY)"; fi; \
		$$pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes -r requirements/dev.lock
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "paygw.pth").write_text(f"{pathlib.Path.cwd()}\n")'
	@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$0")/python" -P -m paygw "$$@"' > $(VENV)/bin/paygw && chmod 755 $(VENV)/bin/paygw
	@touch $@

run: $(READY) ## hub, worker, pretend banks and a sample portal on this machine: http://127.0.0.1:8080
	$(PY) -m paygw run --sandbox

demo: $(READY) ## the whole story, headless, judged by the banks own truth
	$(PY) -m paygw demo

test: $(READY) ## every test but the long trials
	$(PY) -m pytest -n $(JOBS) --dist loadscope -q $(PYTEST_ARGS)
	$(PY) -m pytest -m "alone and not drill" -q $(PYTEST_ARGS)
	$(PY) -m pytest -m browser -q $(PYTEST_ARGS) tests/browser

# What continuous integration can afford; `make soak` runs every long trial at full length.
DRILLS = tests/drills/test_one_order.py tests/drills/test_feed.py tests/store/test_embedded_drill.py \
	tests/drills/test_night_killed.py::test_killed_twice_at_every_step \
	tests/journeys/test_demo.py::test_demo_ends_in_agreement

SHORT_DRILLS = $(addprefix tests/drills/test_,killed.py run.py storm.py forgery.py sick_bank.py sick_portals.py)

drill: $(READY) ## the long trials that fit continuous integration
	$(PY) -m pytest -m drill -q --durations=15 $(PYTEST_ARGS) $(DRILLS)
	$(PY) -m pytest -m drill -q --durations=15 --drill-scale 0.1 --drill-kills 8 $(PYTEST_ARGS) $(SHORT_DRILLS)
	$(PY) -m pytest -m drill -q --drill-scale 0.02 $(PYTEST_ARGS) tests/drills/test_corpus_nights.py

soak: $(READY) ## every long trial at full length: killed processes, planted faults, thousands of histories
	$(PY) -m pytest -n $(JOBS) -m "hypothesis and not drill and not alone" -q --hypothesis-profile=exploring $(PYTEST_ARGS) tests
	$(PY) -m pytest -m drill -q --durations=15 --hypothesis-profile=exploring $(PYTEST_ARGS) tests

peers: $(READY) ## our connectors beside independent clients in JavaScript, which npm installs from a lock file
	@if command -v npm >/dev/null 2>&1; then cd tests/peers/node && npm ci --loglevel=error; \
		else echo "no npm here: the peers written in JavaScript will be skipped"; fi
	$(PY) -m pytest -m peers -q $(PYTEST_ARGS) tests/peers

check: check-format check-lint check-types check-imports check-openapi check-deploy ## format, lint, types, import directions, openapi.yaml, deployment files

check-format: $(READY)
	$(PY) -m ruff format --check .

check-lint: $(READY)
	$(PY) -m ruff check .

check-types: $(READY)
	$(PY) -m mypy

check-imports: $(READY)
	$(VENV)/bin/lint-imports --no-logo

check-openapi: $(READY)
	$(PY) -m paygw openapi --check

# Neither hadolint, promtool nor a running Docker is needed: the rules we hold the files to are tests.
check-deploy: $(READY)
	$(PY) -m pytest -q -p no:cacheprovider tests/house/test_deploy.py tests/deploy/test_rules.py tests/deploy/test_watching.py tests/deploy/test_runbook.py
	@command -v promtool >/dev/null 2>&1 || echo "not run: promtool test rules (not installed)"
	@if docker compose version >/dev/null 2>&1; then docker compose -f deploy/compose.yaml config --quiet; \
		else echo "not run: docker compose config (no docker compose here)"; fi
	@if command -v hadolint >/dev/null 2>&1; then hadolint Dockerfile; else echo "not run: hadolint (not installed)"; fi

bench: $(READY) ## measure, as ratios to what the database and the network can do
	$(PY) -m bench

openapi: $(READY) ## write openapi.yaml from the code
	$(PY) -m paygw openapi --write

fix: $(READY) ## format, and repair what ruff can repair
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .

image: ## build the container image (needs Docker)
	docker build --tag $(IMAGE) .

# uv resolves for all platforms at once; no package address is written into the locks.
locks: ## resolve pyproject.toml into requirements/*.lock again (UPGRADE=--upgrade takes newer versions)
	@test -n "$(PYTHON)" || { echo "paygw needs Python 3.11 or newer; none was found."; exit 1; }
	@"$(PYTHON)" -m venv .venv-locks && .venv-locks/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	UV_CUSTOM_COMPILE_COMMAND="make locks" $(LOCK) --extra recon --extra dev --output-file requirements/dev.lock
	UV_CUSTOM_COMPILE_COMMAND="make locks" $(LOCK) --extra recon --constraint requirements/dev.lock --output-file requirements/run.lock

	for list in requirements/bench-*.in; do UV_CUSTOM_COMPILE_COMMAND="make locks" $(RESOLVE) $$list --output-file $${list%.in}.lock; done

RESOLVE = .venv-locks/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url $(UPGRADE)
LOCK = $(RESOLVE) pyproject.toml

clean: ## remove caches and build leftovers; .venv and var/ (your database) stay
	rm -rf .venv-locks .venv-bench-* dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache test-results
	find paygw connectors reconciliation tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
