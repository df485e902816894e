# The two commands are `make demo` and `make test`; both set up everything they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
CORE_VENV := .venv-core
PACKAGE_VENV := .venv-package
LOWEST_VENV := .venv-lowest
NEWEST_VENV := .venv-newest
SBOM_VENV := .venv-sbom
# One BLAS thread a process: the tests run in as many processes as there are cores.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
# scikit-learn's estimator checks include the array API only where SciPy was told of it.
export SCIPY_ARRAY_API := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check core lint types layers docs examples bench package lowest newest licences pictures nightly clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 12

demo: $(VENV)/core ## install, compare five trainings of one real network, write a report
	$(BIN)/nearid demo

test: $(VENV)/all check core ## install and run everything that CI runs

check: $(VENV)/all lint types layers
	$(BIN)/python -m pytest -n auto --dist loadfile

core: $(CORE_VENV)/done ## the tests without any optional dependency
	$(CORE_VENV)/bin/python -m pytest -n auto --dist loadfile -p no:cacheprovider tests

lint: $(VENV)/all ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/all ## static types
	$(BIN)/mypy

layers: $(VENV)/all ## data flows one way
	$(BIN)/lint-imports

docs: $(VENV)/all ## build the site, gallery included, into docs/_build/html
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html

examples: $(VENV)/all ## run every example in the documentation and the docstrings
	$(BIN)/python -m pytest src README.md docs/*.md docs/_ext

bench: $(VENV)/all ## ratios against peers, in one run: tables as Markdown and JSON in .benchmarks
	mkdir -p .benchmarks
	set -e; for part in compare ica metrics scale; do \
	  $(BIN)/python benchmarks/$$part.py --json .benchmarks/$$part.json > .benchmarks/$$part.md; \
	  cat .benchmarks/$$part.md; \
	done
	$(BIN)/python benchmarks/replication.py $${NEARID_DATA:-../shared/data}/representations

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

$(VENV)/all: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[all,test,lint,docs]'
	touch $@ $(VENV)/core

$(CORE_VENV)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(CORE_VENV)
	$(CORE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

package: $(VENV)/all ## build wheel and sources, install the wheel elsewhere, run the core's tests against it
	rm -rf dist/*.whl dist/*.tar.gz $(PACKAGE_VENV)
	$(BIN)/python -m build --no-isolation --outdir dist
	$(PYTHON) -m venv $(PACKAGE_VENV)
	$(PACKAGE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	$(PACKAGE_VENV)/bin/python tools/installed_size.py --at-most 700
	$(PACKAGE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "$$(ls dist/*.whl)[test]"
	$(PACKAGE_VENV)/bin/python -c 'import nearid; assert "site-packages" in nearid.__file__, nearid.__file__'
	$(PACKAGE_VENV)/bin/python -m pytest -n auto --dist loadfile -p no:cacheprovider tests

lowest: ## the core's tests with the lowest versions that are supported
	rm -rf $(LOWEST_VENV)
	$(PYTHON) -m venv $(LOWEST_VENV)
	$(LOWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e '.[test]'
	$(LOWEST_VENV)/bin/python -m pytest -n auto --dist loadfile -p no:cacheprovider tests

newest: ## the core's tests with the newest versions that pip finds, whatever constraints.txt says
	rm -rf $(NEWEST_VENV)
	$(PYTHON) -m venv $(NEWEST_VENV)
	$(NEWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	$(NEWEST_VENV)/bin/python -m pytest -n auto --dist loadfile -p no:cacheprovider tests

licences: $(VENV)/all ## list the licences of all that is needed, and the core as a bill of materials
	$(BIN)/python tools/list_licences.py > docs/licences.md
	rm -rf $(SBOM_VENV)
	$(PYTHON) -m venv $(SBOM_VENV)
	$(SBOM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	$(PYTHON) -m venv --without-pip $(SBOM_VENV)/core
	$(SBOM_VENV)/bin/python -m pip --python $(SBOM_VENV)/core/bin/python install --quiet --disable-pip-version-check -c constraints.txt .
	mkdir -p dist
	$(SBOM_VENV)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type library --output-reproducible \
	  --of JSON -o dist/sbom.json $(SBOM_VENV)/core/bin/python

pictures: $(VENV)/core ## draw the README's picture anew
	$(BIN)/python docs/make_pictures.py

nightly: $(VENV)/all ## hours: 200,000 damaged files a format, 200 kills a command, coverage of intervals
	mkdir -p .benchmarks
	$(BIN)/python -m tests.fuzz --files 200000 --format all
	$(BIN)/python -m tests.faults --kills 200 --command all
	NEARID_EXAMPLES=2000 $(BIN)/python -m pytest -q tests/fuzz/test_public_functions.py
	$(BIN)/python -m tests.calibration --simulations 500 --nightly --out .benchmarks

clean: ## remove what was made
	rm -rf $(VENV) $(CORE_VENV) $(PACKAGE_VENV) $(LOWEST_VENV) $(NEWEST_VENV) $(SBOM_VENV) nearid-demo dist docs/_build docs/gallery docs/api/generated .mypy_cache .ruff_cache .pytest_cache .hypothesis
