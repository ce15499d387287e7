PYTHON ?= python3
BIN := .venv/bin

.PHONY: env demo lint types test test-quick clean

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

clean:
	rm -rf .venv demo-model
