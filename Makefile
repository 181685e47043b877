# What a developer types: `make help` lists it. Every target first makes the environment that it needs (.venv, or .venv-bench
# for the peers), and makes it again when setup.cfg or pyproject.toml has changed. No C compiler is needed.
PYTHON ?= python3
BIN := .venv/bin
LINKS := build/typecheck/lazygraph

.PHONY: help demo test test-all test-peers ops-table lint typecheck bench clean
help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: .venv/models.stamp  ## train a network on handwritten digits
	$(BIN)/lazygraph train mlp

# One process per core, so NumPy's products of one thread; a test marked `alone` has the machine to itself. Workers steal
# whole runs of tests from each other, so that a module's fixtures are mostly made once.
SPREAD := -n auto --dist worksteal
test test-all: export OPENBLAS_NUM_THREADS := 1

test: .venv/dev.stamp  ## run the quick tests, a seeded slice
	$(BIN)/python -m pytest -q $(SPREAD) -m "not slow and not alone"
	$(BIN)/python -m pytest -q -m "not slow and alone"

test-all: .venv/dev.stamp  ## run every test, the exhaustive ones too
	$(BIN)/python -m pytest -q $(SPREAD) -m "not alone" --hypothesis-profile=all
	$(BIN)/python -m pytest -q -m alone --hypothesis-profile=all

test-peers: .venv-bench/stamp  ## compare values, gradients and models with torch's, in an environment of its own
	.venv-bench/bin/python -m pytest -q tests/peers

ops-table: .venv/dev.stamp  ## write docs/ops.md from the records, with the accuracy that it measures
	$(BIN)/python -m tests.ops.table

lint: .venv/dev.stamp  ## check style and formatting (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy knows nothing of package_dir, so it is shown the installed names as a tree of links.
typecheck: .venv/dev.stamp  ## check the types of everything but the tests (mypy --strict)
	rm -rf $(LINKS)
	mkdir -p $(LINKS)
	ln -s $(CURDIR)/lazygraph/* $(CURDIR)/compiler $(CURDIR)/runtime $(CURDIR)/models $(LINKS)
	MYPYPATH=build/typecheck $(BIN)/mypy -p lazygraph -p benchmarks

bench: .venv-bench/stamp  ## time ours against torch and jax, and write docs/performance.md (torch.compile needs g++)
	.venv-bench/bin/python -m benchmarks.run

clean:  ## remove what was built, the environments too
	rm -rf .venv .venv-bench build lazygraph.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -exec rm -rf {} +

.venv/models.stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[models]'
	touch $@

.venv/dev.stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch .venv/models.stamp $@

.venv-bench/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --editable . torch==2.13.0 'jax[cpu]' hypothesis pytest
	touch $@
