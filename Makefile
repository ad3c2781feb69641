# Everything runs in .venv, which the targets make themselves. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# HASHES=yes: every file that is installed has one of the hashes in requirements/, but for PyTorch and what it brings, of which the
# right build depends on the machine. Otherwise the same versions are installed, from mirrors too that build packages anew.
HASHES ?= no
pinned = $(PIP) install --no-deps --require-hashes -r requirements/$(1).txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-elsewhere lint types floors ci speed soak fuzz fuzz-guided gpu zoo report strangers site docs pins clean

help:  ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "CPython 3.11 or newer is needed; name one with PYTHON=..."; exit 1; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -f $(BIN)/python; echo "Creating $(VENV) failed; the venv and pip modules of $(PYTHON) are needed."; exit 1; }

$(VENV)/.runtime: pyproject.toml constraints.txt requirements/runtime.txt | $(BIN)/python
	@echo "Installing what the suite needs to run (PyTorch among it: about 1.5 GB, two minutes)"
ifeq ($(HASHES),yes)
	@$(call pinned,runtime)
	@$(PIP) install -c constraints.txt torch
	@$(PIP) install --no-deps --no-build-isolation -e .
else
	@$(PIP) install -c constraints.txt torch
	@$(PIP) install -c constraints.txt -e .
endif
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing what its tests need (libraries of attacks and of spiking networks as oracles)"
ifeq ($(HASHES),yes)
	@$(call pinned,dev)
else
	@$(PIP) install -c constraints.txt -e '.[dev,quality,cluster,nir,onnx]' loguru tqdm requests
	@$(PIP) install --no-deps -c constraints.txt torchattacks spikingjelly snntorch norse sinabs nir nirtorch pbr
endif
	@touch $@

$(VENV)/.docs: $(VENV)/.runtime requirements/docs.txt
	@echo "Installing what the documentation needs"
ifeq ($(HASHES),yes)
	@$(call pinned,docs)
else
	@$(PIP) install -c constraints.txt -e '.[docs]'
endif
	@touch $@

demo: $(VENV)/.runtime  ## evaluate a defended spiking network under PGD on real images
	$(BIN)/bench evaluate --model zoo:snn_gsr --attack pgd

test: $(VENV)/.dev  ## run the tests (under 5 minutes on 2 cores)
	@echo "Running the tests"
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-all: $(VENV)/.dev  ## and the slow ones with them: whole attack sets on trained networks (about 7 minutes)
	@echo "Running the tests, the slow ones with them"
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not gallery"

test-elsewhere: $(VENV)/.dev  ## the numeric tests as other machines run them (about an hour; PART=--part: 3 minutes)
	@$(BIN)/python tests/elsewhere.py $(PART)

lint: $(VENV)/.dev  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy --strict
	$(BIN)/mypy

floors: $(VENV)/.dev  ## import contracts: reports -> bench -> zoo -> attacks
	$(BIN)/lint-imports

ci: test-all lint types floors  ## all of the above

speed: $(VENV)/.dev  ## side-by-side speed comparisons, as ratios
	@for script in network loop job standard strangers memory spike_camera; do $(BIN)/python tests/speed/$$script.py || exit 1; done

soak: $(VENV)/.dev  ## kill commands, cut their power, fill their disks, and run them again (KILLS=N: so many kills)
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m soak --kills $(or $(KILLS),1000)

fuzz: $(VENV)/.dev  ## odd inputs through every door that reads what others wrote (INPUTS=N, SEED=N)
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m fuzz --examples $(or $(INPUTS),10000) --seed $(or $(SEED),0)

fuzz-guided: $(VENV)/.dev  ## the same inputs guided by coverage, for whoever has installed atheris (SECONDS=N for each door)
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m fuzz.guided --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

gpu: $(VENV)/.dev  ## what only a GPU can show: right kernels, speed and memory (at most 8 minutes)
	@$(BIN)/python tests/gpu/run.py

zoo: $(VENV)/.runtime  ## train every compact model that has no weights yet (hours on a CPU; resumable)
	$(BIN)/bench train --all --missing --install

report: $(VENV)/.runtime  ## redo the tables and pictures of README and docs/ from fresh evaluations
	$(BIN)/python -m reports.readme

strangers: $(VENV)/.dev  ## redo the table of docs/strangers.md (15 minutes; TRAIN=1 trains its networks first)
	@if [ -n "$(TRAIN)" ]; then PYTHONPATH=tests $(BIN)/python -m strangers.training || exit 1; fi
	@PYTHONPATH=tests $(BIN)/python -m strangers.table

site: $(VENV)/.runtime  ## write the leaderboards as a static site into build/site
	@mkdir -p build
	$(BIN)/bench report site --out build/site

docs: $(VENV)/.docs  ## write the documentation into build/docs; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/docs/index.html"

pins:  ## write requirements/*.txt anew, with the hashes of all files (needs uv)
	@$(PYTHON) requirements/generate.py

clean:  ## remove caches and build artefacts, keep .venv, records and weights
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
