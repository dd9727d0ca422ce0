.DEFAULT_GOAL := help
.PHONY: help run test test-lowest test-newest coverage check fix bench faults campaigns fuzz reference screenshots lock clean

PYTHON ?= python3
BIN := .venv/bin
NEW_ENOUGH := import sys; sys.version_info >= (3, 11) or sys.exit("promptgit needs Python 3.11 or later, and '\''$(PYTHON)'\'' is \
	%d.%d. Name another one: make run PYTHON=python3.12" % sys.version_info[:2])
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
# A .venv stays if it is whole, its Python is new enough, and PYTHON, where it is given, has the same version.
KEPT := $(if $(wildcard .venv),$(shell $(BIN)/python -c 'import pip; $(NEW_ENOUGH); $(VERSION)' 2>/dev/null))
ifneq ($(origin PYTHON),file)
KEPT := $(filter $(shell $(PYTHON) -c '$(VERSION)' 2>/dev/null),$(KEPT))
endif
ifeq ($(KEPT),)
.PHONY: .venv/run
endif
LANGFUSE := 3 4 5
GENERATORS := tests/generators
MCP := 1 2
# The programs of others that tests use, each in a place of its own.
CLIENTS := .venv/langfuse .venv/litellm/installed .venv/mlflow/installed .venv/generators/installed .venv/prompt-files/installed .venv/mcp/installed
# One worker runs all tests of a file: what they share, as a server or a browser, is made once. Three workers keep two
# cores busy, for tests wait now and then for servers that start and stop.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
FAST := $(PARALLEL) -m 'not (browser or server or langfuse or slow)'

help: ## list these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/run ## serve http://127.0.0.1:8000 on ./data
	@exec $(BIN)/promptgit serve

test: .venv/test $(CLIENTS) ## run the whole test suite, or a part: make test T='tests/test_names.py -k uuid'
	$(BIN)/pytest $(PARALLEL) $(T)

test-lowest: .venv/test ## the suite's fast part with the lowest versions of what the project depends on
	$(call fast,lowest-direct)

test-newest: .venv/test ## the suite's fast part with the newest versions of everything
	$(call fast,highest)

coverage: .venv/test ## which lines the suite's fast part does not run
	$(BIN)/pytest $(FAST) --cov=promptgit --cov-report=term-missing:skip-covered

check: .venv/test ## lint, format, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/test ## format, and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/test ## measure, each figure beside its floor (some minutes)
	$(BIN)/python -m tests.bench

CAMPAIGNS := tests/faults tests/test_past.py tests/test_commits_model.py tests/test_releases_stateful.py tests/test_pushed_files.py \
	tests/test_access_table.py tests/test_prefixes.py tests/test_gates.py tests/test_fuzz.py

faults: .venv/test ## cut the power, kill, fail system calls, damage files, break hosts and nodes: long forms (as root, on Linux, with strace)
	PROMPTGIT_TEST_ROUNDS=5 $(BIN)/pytest -n 2 --dist loadfile $(CAMPAIGNS)

campaigns: .venv/test ## the same with the numbers of attempts that docs/trust.md quotes (hours)
	PROMPTGIT_TEST_ROUNDS=100 $(BIN)/pytest $(CAMPAIGNS)

fuzz: .venv/test ## attack a service with requests made up from its OpenAPI document (some minutes)
	$(BIN)/python -m tests.fuzz

reference: .venv/test ## write the reference of commands from the commands
	$(BIN)/python -m tests.command_reference docs/command-reference.md

screenshots: .venv/test ## draw the README's pictures anew (needs chromium and chromium-driver)
	$(BIN)/python -m tests.screenshots docs

lock: .venv/test ## resolve the newest versions into the lock files
	$(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --no-header \
		--extra server -o requirements.lock pyproject.toml requirements.build.in
	$(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --no-header \
		--extra server --extra test --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml requirements.build.in
	for major in $(LANGFUSE); do echo "langfuse ==$$major.*" | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes \
		--no-emit-index-url --no-emit-find-links --allow-unsafe --no-header --no-annotate \
		-o tests/langfuse/$$major.lock -; done
	printf '%s\n' litellm 'langfuse ==4.*' | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes \
		--no-emit-index-url --no-emit-find-links --allow-unsafe --no-header --no-annotate -o tests/litellm/litellm.lock -
	echo langfuse-haystack | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes --no-emit-index-url \
		--no-emit-find-links --allow-unsafe --no-header --no-annotate -o tests/haystack/haystack.lock -
	echo mlflow-skinny | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes --no-emit-index-url \
		--no-emit-find-links --allow-unsafe --no-header --no-annotate -o tests/mlflow/mlflow.lock -
	echo openapi-python-client | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes --no-emit-index-url \
		--no-emit-find-links --allow-unsafe --no-header --no-annotate -o $(GENERATORS)/openapi-python-client.lock -
	for major in $(MCP); do echo "mcp ==$$major.*" | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes \
		--no-emit-index-url --no-emit-find-links --allow-unsafe --no-header --no-annotate \
		-o tests/mcp/$$major.lock -; done
	echo 'prompty[jinja2]' | $(BIN)/pip-compile -q --upgrade --no-strip-extras --generate-hashes --no-emit-index-url \
		--no-emit-find-links --allow-unsafe --no-header --no-annotate -o tests/prompt_files/prompty.lock -
	! command -v npm >/dev/null || for place in $(GENERATORS) tests/prompt_files tests/mcp tests/langfuse tests/promptfoo; do npm update --prefix $$place \
		--package-lock-only --save --omit-lockfile-registry-resolved --no-audit --no-fund; done

# Run the fast part in a place of its own, with the versions that a way of resolving gives.
define fast
	$(BIN)/uv venv -q --clear --seed --python $(BIN)/python build/$(1)
	$(BIN)/uv pip install -q --python build/$(1)/bin/python --resolution $(1) -e '.[server,test]'
	build/$(1)/bin/pytest $(FAST)
endef

clean: ## remove what make has installed
	rm -rf .venv

# Both install exactly what the lock file names; the project itself is used in place.
.venv/run: requirements.lock pyproject.toml
	@test -n '$(KEPT)' || $(PYTHON) -c '$(NEW_ENOUGH)'
	@test -n '$(KEPT)' || { rm -rf .venv; $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }; }
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/test: requirements-dev.lock .venv/run
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# The SDKs of Langfuse and what stands on them, each of its own place, for the tests that use them.
.venv/langfuse: $(LANGFUSE:%=.venv/langfuse-%/installed) .venv/langfuse-js/installed .venv/promptfoo/installed .venv/haystack/installed
	@touch $@

.venv/langfuse-%/installed: tests/langfuse/%.lock | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# LiteLLM, with the SDK of Langfuse that it asks for, for the tests that use them.
.venv/litellm/installed: tests/litellm/litellm.lock | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# MLflow's client, for the test that takes prompts from its registry.
.venv/mlflow/installed: tests/mlflow/mlflow.lock | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What makes clients of the OpenAPI document, for the tests that use it; for TypeScript only where there is npm.
.venv/generators/installed: $(GENERATORS)/openapi-python-client.lock $(GENERATORS)/package-lock.json | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	cp $(GENERATORS)/package.json $(GENERATORS)/package-lock.json $(@D)
	! command -v npm >/dev/null || npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| echo "openapi-typescript is not installed; its test is skipped."
	@touch $@

# Readers of other prompt files, for the tests that use them; dotprompt's only where there is npm.
.venv/prompt-files/installed: tests/prompt_files/prompty.lock tests/prompt_files/package-lock.json | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	cp tests/prompt_files/package.json tests/prompt_files/package-lock.json $(@D)
	! command -v npm >/dev/null || npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| echo "dotprompt is not installed; its test is skipped."
	@touch $@

# Clients of the Model Context Protocol, for the tests that use them: those of Python each in a place of its own.
.venv/mcp-%/installed: tests/mcp/%.lock | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/mcp/installed: tests/mcp/package-lock.json $(MCP:%=.venv/mcp-%/installed)
	mkdir -p $(@D)
	cp tests/mcp/package.json tests/mcp/package-lock.json $(@D)
	! command -v npm >/dev/null || npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| echo "MCP's conformance tests and inspector are not installed; their tests are skipped."
	@touch $@

.venv/langfuse-js/installed: tests/langfuse/package-lock.json | .venv/run
	mkdir -p $(@D)
	cp tests/langfuse/package.json $< $(@D)
	! command -v npm >/dev/null || npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| echo "Langfuse's SDKs for JavaScript are not installed; their tests are skipped."
	@touch $@

# 270 MB without the optional packages, which are for some providers of models; its database has a driver for each kind of machine.
.venv/promptfoo/installed: tests/promptfoo/package-lock.json | .venv/run
	mkdir -p $(@D)
	cp tests/promptfoo/package.json $< $(@D)
	! command -v npm >/dev/null || npm ci --prefix $(@D) --omit=optional --omit=peer --engine-strict --ignore-scripts --no-audit --no-fund \
		--loglevel=error || echo "promptfoo is not installed (it wants x86-64 and a new Node); its test is skipped."
	@touch $@

.venv/haystack/installed: tests/haystack/haystack.lock | .venv/run
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@
