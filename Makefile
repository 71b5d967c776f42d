# Every verb of the repository. `help`, `setup`, `demo` and `test` need python3 (3.11 or newer) and
# make, nothing else. What a verb installs is pinned with hashes in requirements/, and goes to
# folders that git ignores.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODEGEN := .cache/codegen
INSTALL := -m pip install --disable-pip-version-check --quiet --no-deps

SETUP_STAMP := $(VENV)/.stamp
CODEGEN_STAMP := $(CODEGEN)/.stamp

say = @printf '\033[1m==>\033[0m %s\n'

.PHONY: help
help: ## Show the verbs
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environment -----------------------------------------------------------------------------

.PHONY: setup
setup: $(SETUP_STAMP) ## Create .venv with the pinned packages and this project (editable)

$(SETUP_STAMP): pyproject.toml requirements/dev.txt
	$(say) "creating $(VENV) from requirements/dev.txt (about a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Treadle needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/dev.txt
	@$(BIN)/python $(INSTALL) --no-build-isolation --editable .
	@touch $@
	$(say) "ready: $(BIN)/treadle"

$(CODEGEN_STAMP): requirements/codegen.txt
	$(say) "creating $(CODEGEN) for the code generators"
	@test -x $(CODEGEN)/bin/python || $(PYTHON) -m venv $(CODEGEN)
	@$(CODEGEN)/bin/python $(INSTALL) --require-hashes --requirement requirements/codegen.txt
	@touch $@

.PHONY: lock
lock: $(SETUP_STAMP) ## Renew the pinned versions in requirements/
	$(say) "resolving requirements/*.txt"
	@tools/lock.sh $(BIN)/uv

# --- contract --------------------------------------------------------------------------------

.PHONY: proto
proto: $(CODEGEN_STAMP) ## Generate worker_sdk/treadle/v1 from proto/
	$(say) "generating worker_sdk/treadle/v1"
	@tools/generate_proto.sh $(CODEGEN) worker_sdk

.PHONY: proto-baseline
proto-baseline: $(SETUP_STAMP) ## Accept the present contract as what `check` compares with
	$(say) "writing proto/baseline.binpb"
	@$(BIN)/buf build proto --as-file-descriptor-set --exclude-source-info --output proto/baseline.binpb

.PHONY: verify
verify: $(SETUP_STAMP) $(CODEGEN_STAMP) ## Check that the generated code is current
	$(say) "comparing worker_sdk/treadle/v1 with what proto/ generates"
	@tools/verify_proto.sh $(CODEGEN)

# --- programs that some tests talk to ---------------------------------------------------------

.PHONY: tools
tools: ## Build grpcurl and Jaeger into a cached folder outside the tree (needs Go)
	$(say) "programs for the tests (TREADLE_TOOLS says where to)"
	@tools/build_tools.sh
