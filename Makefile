# qiledger: every target sets itself up; `make` alone lists them.

VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
LOCKED := requirements-dev.txt
ROOMS  := events projections services
CLIENT := clients/python/src/qiledger_client
# Processes are started by the hundred: what one has compiled, the next need not.
export PYTHONDONTWRITEBYTECODE :=
# Who kills make has killed the demo too.
TIED   := import os, sys; from services.embedded.lifeline import die_with_parent; \
          die_with_parent(); os.execv(sys.argv[1], sys.argv[1:])

.DEFAULT_GOAL := help
.PHONY: help venv demo test deep check lint format renew bench torture lock clean

help: ## list what can be made
	@echo "make <target>, with ARGS=\"...\" handed on where it says so"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## an environment in .venv from the hashed lock (PYTHON=... chooses the interpreter)

$(STAMP): $(LOCKED) pyproject.toml deploy/environment.sh
	@sh deploy/environment.sh "$(VENV)" "$(LOCKED)" "$(STAMP)"

demo: $(STAMP) ## the whole house with real history, on servers of its own (ARGS)
	@exec $(PY) -c '$(TIED)' $(VENV)/bin/qiledger demo $(ARGS)

test: $(STAMP) ## all tests, on servers of their own (ARGS, such as ARGS="tests/laws -k cycle")
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

deep: $(STAMP) ## the laws on twenty times as many random histories, for a night (ARGS)
	@QILEDGER_TEST_EFFORT=20 $(PY) -m pytest -n auto --dist worksteal --timeout 3600 tests/laws $(ARGS)

check: lint test ## what a change has to pass: lint, then test

lint: $(STAMP) ## style, format, types, direction of imports
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy --strict $(ROOMS) $(CLIENT)
	@$(VENV)/bin/lint-imports --no-cache

format: $(STAMP) ## put style and format right where a machine can
	@$(PY) -m ruff check --fix-only
	@$(PY) -m ruff format

renew: $(STAMP) ## write anew what is made from the code: golden bytes of new types, pages of docs, the client's types
	@$(PY) -m tests.events.golden_bytes
	@$(PY) -m clients.python.typed_events
	@$(PY) -m events.catalogue > docs/.made && mv docs/.made docs/events.md
	@$(PY) -m projections.oddities.page > docs/.made && mv docs/.made docs/data-quality.md
	@$(PY) -m projections.notices.engine.catalogue > docs/.made && mv docs/.made docs/notices.md

bench: $(STAMP) ## measure, print medians and ratios (ARGS)
	@$(PY) -m bench $(ARGS)

torture: $(STAMP) ## kill everything at random under load, and count what is lost: nothing (ARGS)
	@$(PY) -m pytest tests/failures -m torture -s $(ARGS)

lock: $(STAMP) ## write the hashed locks anew from pyproject.toml (ARGS, such as ARGS=--upgrade)
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(PY) -m uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		--extra embedded $(ARGS) -o requirements.txt pyproject.toml
	@$(PY) -m uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		--extra embedded --group dev $(ARGS) -o requirements-dev.txt pyproject.toml

clean: ## remove the environment and all caches; your data stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find $(ROOMS) tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
