# Two commands do everything: `make book` and `make test`. Both build .venv first when it is missing.
#   make book PYTHON=/path/to/python3.12     another interpreter, 3.11 or newer
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed

.PHONY: book pdf test full bench clean

book: $(INSTALLED)  ## execute the notebooks and render the book
	@$(VENV)/bin/ocnd book

pdf: book  ## the whole book as _build/book.pdf, printed by Chromium
	@$(VENV)/bin/python -m report.pdf

test: $(INSTALLED)  ## the whole test suite
	@$(VENV)/bin/python -m pytest -n auto --dist loadfile

# A cell that failed (status 1) is told, and fails the command at its end, but the book shows the others.
full: $(INSTALLED)  ## downloads, all missing records, the book: make full MINUTES=60 WORKERS=8
	@$(VENV)/bin/ocnd sweep $(if $(MINUTES),--max-minutes $(MINUTES)) $(if $(WORKERS),--workers $(WORKERS)) \
	  || swept=$$?; [ $${swept:-0} -le 1 ] || exit $$swept; $(VENV)/bin/ocnd book && exit $${swept:-0}

bench: $(INSTALLED)  ## speed, measured side by side
	@$(VENV)/bin/python -m benchmarks

clean:  ## remove what was built; .venv, data and results stay
	rm -rf _build book/_figures book/chapters/*.ipynb book/chapters/gallery.md
	rm -rf .pytest_cache .ruff_cache *.egg-info build
	find data_prep ocnd_lib report tests -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" --version 2>&1), but Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@echo "Installing into $(VENV): several minutes and about 6 GB the first time ..."
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[test]'
	@touch $@
