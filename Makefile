# The two commands of the README, and what a contributor needs. Everything runs from .venv; nothing is installed elsewhere.
# Without a GPU, save some 3 GB: make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3.11
PIP_ARGS ?=
ARGS ?=
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo plan test test-fast test-versions lint format keys lock clean

demo: .venv/installed ## the whole workflow in small, on simulated data
	snakemake --profile profiles/demo $(ARGS)
	@echo "The report: $(CURDIR)/results/report/index.html"

plan: .venv/installed ## what a run would do and about what it costs: make plan ARGS="--configfile mine.yaml"
	snakemake --dry-run --quiet all $(ARGS)

# Three workers on two cores, because the tests on a cluster, which are the first, mostly wait.
test: .venv/installed ## all tests; those on real data need REAL_DATA=folder
	pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations 30 $(ARGS)

test-fast: .venv/installed ## what to run while you work: no Snakemake, browser, training or real data
	pytest --quiet --numprocesses 2 --dist worksteal -m "not slow and not real" $(ARGS)

test-versions: export PIP_ARGS := $(PIP_ARGS)
test-versions: .venv/installed ## exported models in other versions of transformers; makes environments, some GB
	pytest --quiet tests/versions $(ARGS)

lint: .venv/installed ## style and workflow checks
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	snakemake --lint
	snakemake --lint --configfile config/demo.yaml config/demo_apply.yaml

format: .venv/installed
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

keys: .venv/installed ## config.yaml, its reference and its schema from the definitions in workflow_scripts/settings
	python -m workflow_scripts.settings.write_reference --out config

# A fresh resolution of requirements.in; run the tests before you commit it.
lock:
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet $(PIP_ARGS) -r requirements.in
	{ echo "# Made by 'make lock' from requirements.in with Python 3.11; do not edit."; \
	  .lock/bin/pip freeze | sed 's/+cpu$$//'; } > requirements.lock
	rm -rf .lock

.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet $(PIP_ARGS) -r requirements.lock
	.venv/bin/pip check
	touch $@

clean: ## remove what the demo and the tests have written; the environment stays
	rm -rf results .snakemake .pytest_cache .ruff_cache .hypothesis
