# Every verb of the repository. `setup`, `demo` and `test` need python3 (3.11 or newer) and make,
# nothing else. What a verb installs is pinned with hashes in requirements/, and goes to folders
# that git ignores.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

# The environment is made with PYTHON if it is given, else with the fastest build of python3's version.
PYTHON ?= python3
INTERPRETER = $(if $(filter file,$(origin PYTHON)),$$($(PYTHON) tools/interpreter.py),$(PYTHON))
VENV := .venv
BIN := $(VENV)/bin
CODEGEN := .cache/codegen
COMPILED := .cache/compiled
INSTALL := -m pip install --disable-pip-version-check --quiet --no-deps

SETUP_STAMP := $(VENV)/.stamp
CODEGEN_STAMP := $(CODEGEN)/.stamp
COMPILED_STAMP := $(COMPILED)/.stamp

# Options for the program behind a verb: make test ARGS='-k journal -x'
ARGS ?=
MINUTES ?= 5
ifndef SEED
SEED := $(shell echo $$RANDOM)
endif

say = @printf '\033[1m==>\033[0m %s\n'

.PHONY: help
help: ## Show the verbs
	@echo "make VERB, with options for the program behind it in ARGS:"
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environment -----------------------------------------------------------------------------

.PHONY: setup
setup: $(SETUP_STAMP) ## Create .venv with the pinned packages and this project (editable)

$(SETUP_STAMP): pyproject.toml requirements/dev.txt
	$(say) "creating $(VENV) from requirements/dev.txt (about half a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Treadle needs Python 3.11 or newer")'
	@test -x $(BIN)/python || { python=$(INTERPRETER); "$$python" -m venv $(VENV); }
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/dev.txt
	@$(BIN)/python $(INSTALL) --no-build-isolation --editable .
	@touch $@
	$(say) "ready: $(BIN)/treadle"

$(CODEGEN_STAMP): requirements/codegen.txt
	$(say) "creating $(CODEGEN) for the code generators"
	@test -x $(CODEGEN)/bin/python || $(PYTHON) -m venv $(CODEGEN)
	@$(CODEGEN)/bin/python $(INSTALL) --require-hashes --requirement requirements/codegen.txt
	@touch $@

.PHONY: compiled
compiled: $(COMPILED_STAMP) ## Build the wheel with the server's hot path compiled (needs a C compiler), into .cache/compiled

$(COMPILED_STAMP): $(SETUP_STAMP) pyproject.toml tools/compile_server.py tools/hatch_build.py tools/written_out.py $(shell find server worker_sdk -name '*.py' -o -name '*.sql')
	$(say) "compiling the server into $(COMPILED) (two to four minutes)"
	@rm -rf $(COMPILED) && mkdir -p $(COMPILED)
	@TREADLE_COMPILED=1 $(BIN)/hatchling build --target wheel --directory $(COMPILED)/wheel >$(COMPILED)/build.log 2>&1 \
		|| { tail -n 30 $(COMPILED)/build.log >&2; exit 1; }
	@$(BIN)/python $(INSTALL) --no-compile --target $(COMPILED) $(COMPILED)/wheel/*.whl
	@touch $@

.PHONY: lock
lock: $(SETUP_STAMP) ## Renew the pinned versions in requirements/
	$(say) "resolving requirements/*.txt"
	@tools/lock.sh $(BIN)/uv

.PHONY: tools
tools: ## Get grpcurl, Jaeger and the YAML language server for the tests, into a cached folder (needs Go and npm)
	$(say) "programs for the tests (TREADLE_TOOLS says where to)"
	@tools/build_tools.sh

# --- see it work -----------------------------------------------------------------------------

.PHONY: demo
demo: $(SETUP_STAMP) ## Run 500 orders through a server and two workers
	@$(BIN)/python -m examples.order_processing $(ARGS)

# What is measured is the compiled build, or with BUILD=interpreted the other.
BUILD ?= compiled
MEASURED = $(if $(filter compiled,$(BUILD)),$(COMPILED_STAMP),$(SETUP_STAMP))
bench bench-peers: export PYTHONPATH := $(if $(filter compiled,$(BUILD)),$(abspath $(COMPILED)))

.PHONY: bench
bench: $(MEASURED) ## Measure runs a second, latencies, CPU, fsync and the bare echo rate
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: flame
flame: $(SETUP_STAMP) ## Draw where the server's time goes while it is busy, into flame.svg (gets py-spy)
	@tools/profiler.sh
	@$(BIN)/python -m benchmarks.flame $(ARGS)

.PHONY: bench-peers
bench-peers: $(MEASURED) ## Measure other engines and this one in the same run (HARNESS says where theirs is)
	$(say) "other engines, into .cache/peers"
	@tools/peers.sh $(HARNESS)
	@$(BIN)/python -m benchmarks.peers $(if $(HARNESS),--harness $(HARNESS)) $(ARGS)

# --- prove it --------------------------------------------------------------------------------

.PHONY: test
test: $(SETUP_STAMP) ## Run all tests; what could not run is counted, with its reason
	$(say) "running the tests"
	@$(BIN)/pytest $(ARGS)

# Suites of what is compiled, and those that drive whole servers.
.PHONY: test-compiled
test-compiled: $(COMPILED_STAMP) ## Run the tests of what is compiled with the compiled build
	$(say) "running tests with the compiled build"
	@PYTHONPATH=$(abspath $(COMPILED)) $(BIN)/pytest $(foreach suite,engine definitions machine journal runs matching timers telemetry api simulation acceptance,tests/$(suite)) $(ARGS)

.PHONY: simulate
simulate: $(SETUP_STAMP) ## Run the server in a simulated world of crashes: SEED=N repeats one
	$(say) "simulating with SEED=$(SEED)"
	@$(BIN)/python -m tests.simulation --seed $(SEED) $(ARGS)

.PHONY: chaos
chaos: $(SETUP_STAMP) ## Kill real servers and workers at random places for MINUTES=N
	$(say) "chaos for $(MINUTES) minutes"
	@$(BIN)/python -m tests.acceptance --minutes $(MINUTES) --seed $(SEED) $(ARGS)

.PHONY: check
check: check-format check-lint check-types check-imports check-contract check-source ## Format, lint, types, import contracts, proto contract, house rules

.PHONY: check-format check-lint check-types check-imports check-contract check-source
check-format: $(SETUP_STAMP)
	$(say) "format (ruff)"
	@$(BIN)/ruff format --check . || { echo "run $(BIN)/ruff format" >&2; exit 1; }

check-lint: $(SETUP_STAMP)
	$(say) "lint (ruff)"
	@$(BIN)/ruff check --quiet .

check-types: $(SETUP_STAMP)
	$(say) "types (mypy --strict)"
	@$(BIN)/mypy --no-error-summary $(wildcard server worker_sdk tests examples benchmarks tools)

check-imports: $(SETUP_STAMP)
	$(say) "who may import whom (import-linter)"
	@$(BIN)/lint-imports --no-logo

check-contract: $(SETUP_STAMP)
	$(say) "contract: style, and no break since proto/baseline.binpb (buf)"
	@$(BIN)/buf lint proto
	@$(BIN)/buf breaking proto --against proto/baseline.binpb

check-source: $(SETUP_STAMP)
	$(say) "house rules (tools/check_source.py)"
	@$(BIN)/python tools/check_source.py

# --- generated files -------------------------------------------------------------------------

.PHONY: proto
proto: $(CODEGEN_STAMP) ## Generate worker_sdk/treadle/v1 from proto/
	$(say) "generating worker_sdk/treadle/v1"
	@tools/generate_proto.sh $(CODEGEN) worker_sdk

.PHONY: codec
codec: $(SETUP_STAMP) ## Write the journal's codec from the engine's dataclasses and their messages
	$(say) "writing server/treadle_server/journal/codec_functions.py"
	@$(BIN)/python tools/codec_source.py server/treadle_server/journal/codec_functions.py

.PHONY: docs
docs: $(SETUP_STAMP) ## Write the pages of docs/reference that follow from the code
	$(say) "writing state diagrams and the command line's reference"
	@$(BIN)/python tools/generate_docs.py docs/reference

.PHONY: proto-baseline
proto-baseline: $(SETUP_STAMP) ## Accept the present contract as what `check` compares with
	$(say) "writing proto/baseline.binpb"
	@$(BIN)/buf build proto --as-file-descriptor-set --exclude-source-info --output proto/baseline.binpb

.PHONY: verify
verify: $(SETUP_STAMP) $(CODEGEN_STAMP) ## Check that generated files are current, and the wheel is whole
	$(say) "comparing worker_sdk/treadle/v1 with what proto/ generates"
	@tools/verify_proto.sh $(CODEGEN)
	$(say) "comparing the journal's codec with what the engine's values and proto/ say"
	@$(BIN)/python tools/codec_source.py --check server/treadle_server/journal/codec_functions.py
	$(say) "comparing docs/reference with what the code says"
	@tools/verify_docs.sh $(VENV)
	$(say) "installing the wheel with the light base alone"
	@tools/verify_wheel.sh $(VENV)
