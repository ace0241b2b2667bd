# Each target makes the environment that it needs; an environment is made anew when pyproject.toml or constraints.txt changes.
PYTHON ?= python3
CORE := .venv-core
FULL := .venv-test
PIP := -m pip install --quiet --quiet --disable-pip-version-check

.PHONY: demo test lint docs clean

demo: $(CORE)/ready  ## select crops on a rendered scene, with the light core alone
	$(CORE)/bin/python -m examples.demo

test: lint  ## linters, types, layers, then every test and doctest
	$(FULL)/bin/python -m pytest

lint: $(FULL)/ready  ## linters, types and layers only
	$(FULL)/bin/ruff check .
	$(FULL)/bin/ruff format --check .
	$(FULL)/bin/mypy
	$(FULL)/bin/lint-imports --no-logo

docs: $(FULL)/ready  ## write the --help texts in the docs anew
	$(FULL)/bin/python -m tests.help_texts

clean:  ## remove the environments and everything made
	rm -rf $(CORE) $(FULL) build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(CORE)/ready: EXTRAS :=
$(FULL)/ready: EXTRAS := [train,ray,openai,dev]
$(CORE)/ready $(FULL)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "semclip needs Python >= 3.11: make PYTHON=...")'
	@echo "making $(@D) (once)"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP) --constraint constraints.txt --editable ".$(EXTRAS)"
	@touch $@
