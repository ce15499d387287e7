PYTHON ?= python3
BIN := .venv/bin

.PHONY: env demo lint types test test-quick sanitize bench bench-large bench-growth bench-memory bench-peers clean

env: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

demo: env
	$(BIN)/fullrank demo -o demo-model

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: env
	$(BIN)/mypy

test-quick: env
	$(BIN)/pytest -m "not slow"

test: lint types env
	$(BIN)/pytest

sanitize: env
	PYTHON=$(BIN)/python tests/native/sanitize/run.sh

clean:
	rm -rf .venv .venv-peers demo-model

bench: env
	$(BIN)/python benchmarks/speed.py --out results/speed.json --fast citeulike gowalla

bench-large: env
	$(BIN)/python benchmarks/large.py --out results/large.json

bench-growth: env
	$(BIN)/python benchmarks/growth.py --out results/growth.json

bench-memory: env
	$(BIN)/python benchmarks/memory.py --out results/memory.json

bench-peers: env .venv-peers/.installed
	$(BIN)/python benchmarks/peers.py --out results/peers.json

.venv-peers/.installed: benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	touch $@
