# Postern's commands. `make` alone lists them.
PORT ?= 8765
DATA ?= .data
ARGS ?=

# The tests start hundreds of programs. None shall compile what another has compiled already: that is a second each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check format bench bench-peers faults docs lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: ## Start a server to try Postern with (PORT=8765 DATA=.data)
	@scripts/setup run
	@exec .venv/bin/postern demo --port "$(PORT)" --data "$(DATA)"

test: ## Run the tests, real clients and browser included (ARGS="-k device")
	@scripts/setup clients
	@exec .venv/bin/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: ## Check format, lint, types, and that imports run one way
	@scripts/setup dev
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: ## Put the code in the house's format, and fix what lint can fix
	@scripts/setup dev
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

bench: ## Measure server and client beside others (ARGS="--help")
	@scripts/setup bench
	@exec .venv/bin/python -m bench $(ARGS)

bench-peers: ## Measure Postern beside other authorization servers (ARGS="--help")
	@scripts/setup bench-peers
	@exec .venv/bin/python -m bench peers $(ARGS)

faults: ## Do to real servers what they must survive (ARGS="F1 --cycles 200", ARGS=--list)
	@scripts/setup dev
	@scripts/setup strace || :
	@exec .venv/bin/python -m postern.testing.faults $(ARGS)

docs: ## Write docs/settings.md anew from the settings themselves
	@scripts/setup run
	@mkdir -p docs .cache
	.venv/bin/postern config docs >.cache/settings.md
	@mv .cache/settings.md docs/settings.md

lock: ## Lock the dependencies of pyproject.toml (ARGS=--upgrade)
	@scripts/lock $(ARGS)

clean: ## Remove everything that make has made, but the demo's data
	rm -rf .venv .cache .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
