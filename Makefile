# Each target sets up what it needs. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
JOBS   ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

# The SAM CLI pins what the project pins otherwise, so it lives apart.
SAM_VENV  ?= .venv-sam
SAM_READY := $(SAM_VENV)/.ready
SAM       := SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM_VENV)/bin/sam
# Mutmut stands on the project's own environment, without being part of it.
MUTANTS_VENV  ?= .venv-mutants
MUTANTS_READY := $(MUTANTS_VENV)/.ready
MINUTES       ?= 60
PACKAGE   := .aws-sam/build/StreamProcessor

.PHONY: help setup lock replay test check bench validate build build-StreamProcessor deploy fuzz-filters histories million hunts record-killed conformance right-handlers live-pace mutants

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Make the environment (.venv) from requirements.lock

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@touch $@

lock:  ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --extra dev --no-header --no-annotate \
		--no-emit-index-url pyproject.toml -o requirements.lock
	echo aws-sam-cli==1.170.0 | $(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url - -o requirements-sam.lock

replay: $(READY)  ## Replay the recorded conversation against DynamoDB Local and give the verdict (ARGS="...")
	@$(BIN)/python -m replay run $(ARGS)

test: $(READY)  ## Run every test (DynamoDB Local is fetched on first use)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

fuzz-filters: $(READY)  ## Compare the filters with a slow evaluator on 100,000 pairs (ARGS="--seed N --pairs N")
	@$(BIN)/python -m tests.simulation.fuzz_filters $(ARGS)

histories: $(READY)  ## Explore 200,000 random histories in memory and 1,000 on DynamoDB Local (SCHEDULES=N ON_ENGINE=N)
	$(BIN)/python -m replay explore --schedules $(or $(SCHEDULES),200000)
	$(BIN)/python -m replay explore --schedules $(or $(ON_ENGINE),1000) --engine dynamodb

million: $(READY)  ## The same, 1,000,000 and 2,000: half an hour
	@$(MAKE) --no-print-directory histories SCHEDULES=1000000 ON_ENGINE=2000

hunts: $(READY)  ## Convict the usual function of each fault it can show, stepped inside botocore
	REPLAY_EVERY_HUNT=1 $(BIN)/python -m pytest -v tests/simulation/test_foreign.py --durations=0

record-killed: $(READY)  ## Kill a recording 20 times while 10,000 writes run: nothing lost, nothing doubled
	WRITES=10000 $(BIN)/python -m pytest -v tests/run/test_record_killed.py --durations=1

right-handlers: $(READY)  ## Let two right handlers that are not ours meet 5,000 cases each: no alarm (ARGS="...")
	REPLAY_RIGHT_SCHEDULES=5000 $(BIN)/python -m pytest -v tests/simulation/test_foreign_right.py --durations=0 $(ARGS)

live-pace: $(READY)  ## Tell how soon rows follow 100 messages a second under live, for a minute; then kill it
	SECONDS_WRITTEN=60 $(BIN)/python -m pytest -v -s tests/run/test_live_pace.py

$(MUTANTS_READY): requirements-mutants.lock $(READY)
	@$(BIN)/python -m venv --clear $(MUTANTS_VENV)
	@$(MUTANTS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-mutants.lock
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		"$$($(MUTANTS_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
	@touch $@

mutants: $(MUTANTS_READY)  ## Change the function in 1,600 places: each must fall or stand in docs/mutants.md; 20 minutes (MINUTES=60 MODULES="plan row")
	@$(BIN)/python -m tests.mutants $(MUTANTS_VENV)/bin/mutmut $(JOBS) $(MINUTES) $(MODULES)

check: $(READY)  ## Format, lint, types, import contracts, dead code, wheel
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/vulture
	$(BIN)/python -m build --wheel --no-isolation --outdir build/wheel . >/dev/null

bench: $(READY)  ## Measure ours beside the usual function and the floor, and rewrite docs/benchmarks.md (ARGS="...")
	@$(BIN)/python -m bench $(ARGS)

$(SAM_READY): requirements-sam.lock
	@$(PYTHON) -m venv --clear $(SAM_VENV)
	@$(SAM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-sam.lock
	@touch $@

validate: $(SAM_READY)  ## Check template.yaml with the SAM CLI's linter, making a table and attaching to one
	@$(SAM) validate --lint --template template.yaml
	@mkdir -p build
	@sed '/^  TableStreamArn:/,/Default:/s|Default: ""|Default: $(SOME_STREAM)|' template.yaml > build/template.attach.yaml
	@$(SAM) validate --lint --template build/template.attach.yaml

SOME_STREAM := arn:aws:dynamodb:eu-west-1:111122223333:table/their-messages/stream/2026-01-01T00:00:00.000

build: $(SAM_READY)  ## Build the function's package and the template to deploy (PARAMETERS="Name=value ...")
	@PYTHON=$(abspath $(SAM_VENV))/bin/python $(SAM) build $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))
	@echo "build: $(PACKAGE) holds $$(find $(PACKAGE) -type f -exec cat {} + | wc -c) bytes in $$(find $(PACKAGE) -type f | wc -l) files"

# SAM calls this for the function StreamProcessor, in this folder (samconfig.toml: build_in_source). Only wheels without
# compiled code are taken, and only such as the oldest runtime of the template can use: one package for every runtime and
# processor, from any machine, and a dependency that breaks this breaks the build. boto3 comes with the runtime. Bytecode
# stays out: that of another version is of no use.
build-StreamProcessor:
	@test -n "$${ARTIFACTS_DIR:-}" || { echo "make: 'sam build' calls this target; use make build, or name ARTIFACTS_DIR" >&2; exit 2; }
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --upgrade --target "$$ARTIFACTS_DIR" \
		--only-binary=:all: --platform any --implementation py --abi none --python-version 3.11 \
		--constraint requirements.lock --requirement stream_processor/requirements.txt
	rm -rf "$$ARTIFACTS_DIR/bin"
	$(PYTHON) -c 'import shutil, sys; shutil.copytree("stream_processor", sys.argv[1], \
		ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)' "$$ARTIFACTS_DIR/stream_processor"

deploy: $(SAM_READY)  ## Say account, region, stack and changes, ask, then deploy (PARAMETERS="Name=value ...", STACK=name)
	@$(SAM_VENV)/bin/python tools/deploy_target.py $(if $(STACK),--stack $(STACK))
	@$(MAKE) --no-print-directory build
	@SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam deploy $(if $(STACK),--stack-name $(STACK)) \
		$(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

conformance: $(READY)  ## List every claim about the event source with its cases and verdict
	@$(BIN)/python -m pytest -q -m conformance -p tests.simulation.conformance_table -p no:cacheprovider tests $(ARGS)
