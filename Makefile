# Two commands do everything on a fresh machine: `make book` and `make test`. The others are for authors.
.PHONY: help setup book preview chapter test check notebooks text bench fuzz oldest lab serve pdf lock clean
PY := .venv/bin/python
PORT ?= 8000
ONLY ?=

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## what both commands need; ends at once when nothing has changed (R=0 leaves R out)
	@tools/setup.sh

book: setup ## run every notebook, build the site: _build/html/index.html
	@$(PY) -m tools.site

preview: setup ## build only the pages with ONLY=... in their path: _build/preview/_build/html/index.html
	@$(PY) -m tools.site --only "$(or $(ONLY),$(error say which pages: make preview ONLY=01_oysters))"

chapter: setup ## start a chapter from the skeleton (NAME=2_zuur/13_topic TITLE="...")
	@$(PY) -m tools.chapter "$(or $(NAME),$(error say which: make chapter NAME=2_zuur/13_topic))" $(if $(TITLE),"$(TITLE)")

test: setup check ## check the code, build the site, test every function, notebook and page
	@$(PY) -m tools.site
	@$(PY) -m pytest -n 2 --dist loadfile

check: setup ## style and types, some seconds
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

notebooks: setup ## run the notebooks and store their text outputs (ONLY=part of a path)
	@$(PY) -m tools.notebooks normalise --only "$(ONLY)"

text: setup ## after a change of prose only: store the numbers its new text names (runs nothing)
	@$(PY) -m tools.notebooks text

bench: setup ## time mmhelpers beside its peers, in one run (peers get an environment of their own)
	@$(PY) bench/run.py && $(PY) bench/type1.py

fuzz: setup ## engine, reference and lme4 on N random designs (SEED=1 N=200)
	@$(PY) -m tools.fuzz --seed $(or $(SEED),1) --n $(or $(N),200)

oldest: setup ## the engine's tests on the oldest NumPy and SciPy that are allowed (an environment of its own)
	@tools/oldest.sh

lab: setup ## open JupyterLab on the book, with its directives rendered
	@.venv/bin/jupyter lab --notebook-dir=book --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(if $(filter 0,$(shell id -u)),--allow-root)

serve: book ## the site on http://localhost:8000 (PORT=...)
	@$(PY) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

pdf: book ## print the whole book: _build/html/download/mixed-models-in-python.pdf (needs Chromium)
	@$(PY) -m tools.bundle

lock: ## compile requirements.txt from pyproject.toml (needs uv)
	@uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11.0 --generate-hashes \
	  --custom-compile-command "make lock" -o requirements.txt
	@$(PY) -m tools.conda

clean: ## remove what `make book` made (not the environment)
	@rm -rf _build
