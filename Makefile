# Everything here works on a machine with Python 3.11 or newer, venv, pip and make; the first target
# that needs it sets up .venv. Another Python: make test PYTHON=python3.13

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CACHE := .pytest_cache/all
ALL_TESTS = -o cache_dir=$(CACHE) --cov --cov-branch --cov-report=
CORES := listener/finesse/*,listener/correlation/*

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Hundreds of processes are started here; each would compile the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check .needs .collected bench bench-scale kills chaos crowd soak fuzz clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while read -r name words; do \
		printf '  make %-11s %s\n' "$$name" "$$words"; done

setup: $(READY)  ## make .venv with the pinned versions (the others do it when needed)

demo: $(READY)  ## play the scene against a simulated Finesse, with both ways of tagging events
	$(BIN)/listener demo $(if $(STAY),--stay) $(if $(PROFILE),--profile $(PROFILE))

check: $(READY)  ## style, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict listener
	$(BIN)/lint-imports

test: $(READY)  ## check, then all tests with branch coverage (JOBS=n at once, 3 if left out)
	@$(MAKE) --no-print-directory -j3 check .needs .collected
	@$(BIN)/pytest -n $(or $(JOBS),3) --dist worksteal $(ALL_TESTS) --cache-clear; code=$$?; \
		[ $$code = 0 ] || { [ $$code = 1 ] && $(BIN)/python -m tests.again $(CACHE) $(ALL_TESTS) --cov-append; }
	$(BIN)/coverage report --include='$(CORES)' --fail-under=100
	$(BIN)/coverage report --fail-under=90

.needs:
	@tests/needs

.collected: $(READY)  # the tests compiled, and found to load, before several processes do so at once
	@found=$$($(BIN)/pytest --collect-only -q -p no:randomly -p no:cacheprovider 2>&1) || \
		{ code=$$?; printf '%s\n' "$$found" | tail -n 60; exit $$code; }

bench: $(READY)  ## measure; results go to bench-results/
	$(BIN)/python -m tests.benchmarks

bench-scale: $(READY)  ## 2,000 agents on a prosody of this machine (AGENTS=n)
	@tests/needs
	$(BIN)/python -m tests.benchmarks.bench_scale $(if $(AGENTS),--agents $(AGENTS))

chaos: $(READY)  ## ten minutes of faults against the daemon, judged (MINUTES=n, SEED=n)
	@tests/needs
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

soak: $(READY)  ## the same for an hour, and what memory does meanwhile (MINUTES=n, SEED=n)
	@tests/needs
	$(BIN)/python -m tests.chaos --soak --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

crowd: $(READY)  ## 1,000 agents, 50 events/s, all links cut every 30 s (AGENTS=n, MINUTES=n, SEED=n)
	$(BIN)/python -m tests.chaos --agents $(or $(AGENTS),1000) --rate 14 --cut-every 30 \
		--minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

fuzz: $(READY)  ## mutated input for parser, session, API, settings (MINUTES=n, SEED=n, ONLY=name)
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

kills: $(READY)  ## kill -9 the daemon under load, 200 times (KILLS=n, SEED=n)
	$(BIN)/python -m tests.fault.kills --kills $(or $(KILLS),200) $(if $(SEED),--seed $(SEED))

clean:  ## remove .venv and everything that was made
	rm -rf .venv build dist htmlcov bench-results fuzz-finds .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is not. Try: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) lacks the module venv (Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)
