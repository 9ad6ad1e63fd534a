# make run    the whole course on the embedded data: environment, notebooks, results page
# make test   linter, unit tests, every notebook
# More: make help. Settings: PROFILE=full, ARGS="-p EPOCHS=40", PY=python3.13, TORCH_BACKEND=cpu.
PY ?= python3
PROFILE ?= quick
TORCH_BACKEND ?= auto
SHARE ?= 0.05
DRY ?=
CHAPTERS ?=
SCRIPTS ?= training attacks worst_case black_box attack_costs image_scaling examination drawing \
	coverage audit_costs audit_calibration growth large_data false_alarms fine_tuned_pairs \
	patients neighbours audit_alarms
BIN := .venv/bin
WANTED := -r env/requirements-dev.txt -e .[download,dicom,onnx,witnesses] -c env/constraints.txt
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
KEEP_MEMORY := MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=2147483647  # glibc: fewer page faults
NOTEBOOKS = $(wildcard dataset/*.ipynb notebooks/*.ipynb)
export UV_SYSTEM_CERTS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export JUPYTER_PREFER_ENV_PATH = 1

.PHONY: run env test refresh bench gpu torture full-check format real results site links archive \
	constraints clean help
.DEFAULT_GOAL := help

run: .venv/.ready  ## run the course and say where its results are
	$(BIN)/second-look run --profile $(PROFILE) $(ARGS)

env: .venv/.ready  ## the environment alone, with the command second-look

test: .venv/.ready  ## linter, unit tests, every notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2
	# pytest --nbval notebooks dataset, on two cores and in an order in which nothing runs twice
	OMP_NUM_THREADS=1 $(KEEP_MEMORY) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		--nbval --nbval-cell-timeout 600 $$($(BIN)/python -m utils.course list --paths)

bench: .venv/.ready  ## what attacks and training cost, ours beside others: SCRIPTS="attacks black_box"
	set -e; for name in $(SCRIPTS); do PYTHONPATH=tests $(BIN)/python tests/benchmarks/$$name.py; done

gpu: .venv/.ready  ## eight minutes on one graphics card; DRY=1: the same on the CPU, tiny
	PYTHONPATH=.:tests $(BIN)/python tests/benchmarks/gpu.py $(if $(DRY),--dry)

torture: .venv/.ready  ## kills, full disks, company, malformed input: a sample; all with SHARE=1
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests $(BIN)/python tests/torture/run.py --share $(SHARE)

# Longer than a minute, so it is no part of `make test`, which checks the values alone.
full-check: .venv/.ready  ## every chapter by the full profile, tiny, on a few drawn images of each set
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests $(BIN)/python tests/full_profile/run.py $(CHAPTERS)

refresh: run  ## run the course and keep its outputs in the committed notebooks
	cp assets/course/quick/notebooks/prepare_dataset.ipynb dataset/
	cp $(filter-out %/prepare_dataset.ipynb,$(wildcard assets/course/quick/notebooks/*.ipynb)) notebooks/
	$(MAKE) results
	$(MAKE) format

format: .venv/.ready  ## format the code, tidy what changes by itself in the notebooks
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout --keep-output --keep-count --extra-keys "metadata.papermill metadata.widgets \
		metadata.language_info.version cell.metadata.papermill cell.metadata.execution" $(NOTEBOOKS)
	$(BIN)/python -m utils.course.upkeep

real: .venv/.ready  ## the questions of the course on real images: make real DATA_ROOT=/data
	OMP_NUM_THREADS=1 $(BIN)/python -m utils.course.real $(if $(DATA_ROOT),--data-root '$(DATA_ROOT)',)

results: .venv/.ready  ## write claims, tables and first pictures of chapters from the records
	$(BIN)/python -m utils.course.publish

site: .venv/.ready  ## texts, chapters and results as pages to read in a browser, in site/
	rm -rf site
	$(BIN)/python -m utils.course.site.build site
	@echo "Open site/index.html"

links: .venv/.ready  ## write the public address into the notebooks: make links URL=https://...
	@$(if $(filter undefined,$(origin URL)),echo "make links URL=ADDRESS; an empty one removes it"; exit 1,:)
	$(BIN)/python -m utils.course.upkeep '$(URL)'

archive:  ## second-look.zip, to upload to Colab
	git archive --format=zip --prefix=second-look/ --output=second-look.zip HEAD

# Without what depends on the kind of GPU: torch names its own.
constraints: .venv/.ready  ## pin the newest versions that fit together, for every platform
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-annotate --no-header env/requirements-dev.txt pyproject.toml \
		| grep -vE '^(nvidia-|cuda-|triton|-e )' > env/constraints.part
	mv env/constraints.part env/constraints.txt

clean:  ## forget the environment and what the runner made; data, checkpoints and records stay
	rm -rf .venv assets/course site *.egg-info .pytest_cache .ruff_cache

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 14

# The first install takes the build of torch that fits this machine from PyTorch's own index;
# where that cannot be reached, the next takes PyPI's; the last does without uv.
.venv/.ready: env/requirements.txt env/requirements-dev.txt env/constraints.txt pyproject.toml
	@$(PY) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " \
		+ sys.version.split()[0] + "; try make PY=python3.13" if sys.version_info < (3, 11) else 0)'
	@$(BIN)/python -m pip --version > /dev/null 2>&1 \
		|| { echo "Making .venv with $$($(PY) --version)"; $(PY) -m venv --clear .venv; }
	@$(BIN)/python -m pip install --quiet uv || echo "No uv here, pip will do"
	@echo "Installing what the course needs (torch: $(TORCH_BACKEND))"
	@$(UV) --torch-backend=$(TORCH_BACKEND) $(WANTED) 2> /dev/null \
		|| { echo "Without PyTorch's own index: from PyPI"; $(UV) $(WANTED); } \
		|| { echo "Without uv: with pip"; $(BIN)/python -m pip install --quiet $(WANTED); }
	@touch $@
	@echo "Environment ready: .venv"
