PYTHON ?= python3
BIN := .venv/bin

.PHONY: env demo demo-service lint types test test-quick sanitize fuzz campaign wheel-check first-use bench bench-large bench-growth bench-memory bench-partitions bench-peers bench-scoring bench-service docs docs-site clean

env: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

demo: env
	$(BIN)/fullrank demo -o demo-model

demo-service: env  # a shop's database, a fit, checks, a service and its page, until Ctrl-C
	$(BIN)/python examples/shop.py --folder demo-shop

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: env
	$(BIN)/mypy

test-quick: env
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

test: lint types env
	$(BIN)/pytest -n auto --dist worksteal --durations=40

sanitize: env
	PYTHON=$(BIN)/python tests/native/sanitize/run.sh

# The readers, the model loader and the kernels under atheris and libFuzzer; see tests/fuzz.
MINUTES ?= 60
fuzz: .venv-fuzz/.installed
	.venv-fuzz/bin/python tests/fuzz/run.py --minutes $(MINUTES)

.venv-fuzz/.installed: tests/fuzz/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . -r tests/fuzz/requirements.txt
	touch $@

SEED ?= 1

# Some 20,000 hostile cases; about 30 minutes of one core.
campaign: env
	$(BIN)/python tests/campaign/run.py --seed $(SEED) --out results/campaign.json

docs: env
	$(BIN)/python docs/generate.py

# The pages as a site of files, in site/; a warning is an error.
docs-site: docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The wheel as users have it: built, installed anew, run with an empty PATH.
wheel-check:
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt build
	.venv-wheel/bin/python tests/native/wheel_check.py

# Twelve processes and eight threads at once, and nothing is compiled yet.
first-use: env
	$(BIN)/python tests/native/first_use.py --processes 12 --threads 8 --rounds 10

clean:
	rm -rf .venv .venv-fuzz .venv-irspack .venv-peers .venv-wheel demo-model fuzz-work site

bench: env
	$(BIN)/python benchmarks/speed.py --out results/speed.json --fast citeulike gowalla

bench-large: env
	$(BIN)/python benchmarks/large.py --out results/large.json

bench-growth: env
	$(BIN)/python benchmarks/growth.py --out results/growth.json

bench-memory: env
	$(BIN)/python benchmarks/memory.py --out results/memory.json

bench-partitions: env
	$(BIN)/python benchmarks/partitions.py --out results/partitions.json

bench-scoring: env
	$(BIN)/python benchmarks/scoring.py --out results/scoring.json

bench-peers: env .venv-peers/.installed .venv-irspack/.installed
	$(BIN)/python benchmarks/peers.py --out results/peers.json

bench-service: env .venv-peers/.installed
	$(BIN)/python benchmarks/service.py --out results/service.json

.venv-peers/.installed: benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	touch $@

.venv-irspack/.installed: benchmarks/irspack.txt
	$(PYTHON) -m venv .venv-irspack
	.venv-irspack/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/irspack.txt
	touch $@
