PYTHON ?= python3
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

install:  ## install nurture with everything the tests need into the active environment
	$(PYTHON) -m pip install --quiet -e '.[dev]'

test:  ## core, stories, SQLite: some three minutes
	$(PYTHON) -m pytest -q -n auto -m 'not slow and not postgres'

test-all:  ## everything, PostgreSQL and Chromium too
	$(PYTHON) -m pytest -q -n auto

lint:  ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

chaos:  ## kill -9 everywhere, for most of an hour; goes on where it was interrupted
	$(PYTHON) -m tests.chaos.long

demo:  ## 300 prospects, 60 days, in under a minute
	$(PYTHON) -m nurture.cli demo

docs:  ## write the generated parts of docs/
	$(PYTHON) docs/generate.py

bench:  ## the measurements of benchmarks/, as ratios in one run
	$(PYTHON) benchmarks/core.py
	$(PYTHON) benchmarks/wake.py
	$(PYTHON) benchmarks/delivery.py
	$(PYTHON) benchmarks/messages.py
	$(PYTHON) benchmarks/imports.py
	$(PYTHON) benchmarks/tracking.py
	$(PYTHON) benchmarks/demo.py

.PHONY: help install test test-all lint chaos demo docs bench
