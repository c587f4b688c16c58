# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` need Python 3.10 or later, a C++20 compiler and make; each target makes what it needs.
# Another interpreter: make test PYTHON=python3.12 VENV=.venv312

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
STAMPS := $(VENV)/.stamps
WORKERS ?= 2
PYTHON310 ?= python3.10
PYTHON311 ?= python3.11
# Builds of PyTorch without CUDA; PyPI has none for x86-64. Where it cannot be reached, PyPI's 3 GB are installed.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# The module for GPUs takes minutes to compile and runs where an NVIDIA device is: by default it is built there alone.
# CUDA=ON builds it wherever nvcc is, CUDA=OFF nowhere; pip without make builds it where nvcc is.
NVIDIA := $(strip $(wildcard /dev/nvidia* /proc/driver/nvidia) $(shell command -v nvidia-smi 2>/dev/null))
CUDA ?= $(or $(PYFATE_CUDA),$(if $(NVIDIA),AUTO,OFF))
CPU_ONLY = $(if $(filter OFF,$(CUDA)),$(if $(NVIDIA),,*** FOR THE CPU ONLY: no NVIDIA device was found here. With CUDA: make build CUDA=ON ***))
# Which choice the last build was made with.
CHOICE = $(STAMPS)/cuda-$(CUDA)

# What the extension modules are made of: a change of any of them builds again, file by file.
NATIVE := CMakeLists.txt $(shell find csrc cuda -type f -not -name '*.md' 2>/dev/null)
CXX_SOURCES = $(shell git ls-files -- '*.cpp' '*.h' '*.cu' '*.cuh')

.PHONY: help build demo test test-torch lint format docs bench gpu-check interop interop-arrays interop-phe interop-heu interop-hess interop-fate1 interop-fate2 interop-flower interop-nvflare dist wheel sbom clean
help:
	@echo "make demo    three parties train over real ciphertexts (builds first, a minute or two)"
	@echo "make test    every test; make lint: style, types, layers; make docs: docs/_build/html"
	@echo "make test-torch  the tests that take PyTorch, which it installs without CUDA (200 MB)"
	@echo "make bench   short benchmark against gmpy2 and phe; all options: $(PY) -m bench --help"
	@echo "make gpu-check  on a machine with an NVIDIA GPU and CuPy: every result right, how fast"
	@echo "make interop the adapters against phe, HEU, SecretFlow, FATE, Flower and NVFlare; a part: make interop-heu ... (CONTRIBUTING)"
	@echo "make dist    the sdist, reproducible; make wheel: with code for all GPUs; make sbom: what a user installs, as CycloneDX"
	@echo "make build   the package in $(VENV), editable; CUDA=ON, here and everywhere: with the module for GPUs"
	@echo "make format  ruff and clang-format in place"
	@echo "make clean   remove everything that make made"

build: $(STAMPS)/build

demo: $(STAMPS)/build
	$(VENV)/bin/pyfate-gpu demo

test: $(STAMPS)/build $(STAMPS)/test
	$(PY) -m pytest -n $(WORKERS)

# By itself: a missing PyTorch or a test that is skipped fails.
test-torch: $(STAMPS)/build $(STAMPS)/test $(STAMPS)/torch
	$(PY) -W error -c 'import torch'
	$(PY) -m pytest -n $(WORKERS) -m torch --no-skips

lint: $(STAMPS)/build $(STAMPS)/lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(if $(CXX_SOURCES),$(VENV)/bin/clang-format --dry-run -Werror $(CXX_SOURCES))
	git ls-files -z | xargs -0 $(VENV)/bin/codespell

format: $(STAMPS)/lint
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .
	$(if $(CXX_SOURCES),$(VENV)/bin/clang-format -i $(CXX_SOURCES))

docs: $(STAMPS)/build $(STAMPS)/docs
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

bench: $(STAMPS)/build $(STAMPS)/bench
	$(PY) -m bench --refcheck --repeats 3 --peers gmpy2 phe --json bench/out/short.json --html bench/out/short.html

gpu-check: $(STAMPS)/build $(STAMPS)/test
	$(PY) -m bench.gpu_check

# Needs the network: the partners are installed at run time, into .venv-heu, .venv-secretflow, .venv-fate1 and (2 GB) .venv-fate2.
# A part goes on where it stopped; what passed at this commit is not done again. Results: tests/interop/results.
INTEROP := arrays phe heu hess fate1 fate2 flower nvflare
interop: $(STAMPS)/build $(STAMPS)/interop
	for part in $(INTEROP); do $(MAKE) --no-print-directory interop-$$part || true; done
	$(PY) tests/interop/parts.py

$(INTEROP:%=interop-%): $(STAMPS)/build $(STAMPS)/interop
interop-arrays:
	$(PY) tests/interop/run_arrays.py
interop-phe:
	$(PY) tests/interop/run_phe_suite.py
interop-heu interop-hess interop-fate2: interop-%:
	$(PY) tests/interop/run_$*.py --python $(PYTHON310)
interop-flower interop-nvflare: interop-%:
	$(PY) tests/interop/run_seats.py $* --python $(PYTHON311)
interop-fate1:
	$(PY) tests/interop/run_fate1.py --python $(PYTHON310) $(if $(FATE1),--fate1 $(FATE1))

dist: $(STAMPS)/venv
	$(PIP) install --quiet --constraint .ci/build-constraints.txt --group build
	$(PY) .ci/build_sdist.py dist

# For this machine's Python. Where nvcc is, _cuda has machine code for every generation of GPUs that nvcc knows.
wheel: $(STAMPS)/venv
	$(PIP) install --quiet --constraint .ci/build-constraints.txt --group build
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist --config-settings=build-dir=build/release \
	  --config-settings=cmake.define.PYFATE_CUDA_ARCHITECTURES=all-major .

# An environment with what the package needs to run and nothing else, then its list.
sbom: $(STAMPS)/build $(STAMPS)/release
	rm -rf build/sbom && $(PY) -m venv build/sbom && mkdir -p dist
	$(PY) -c "from importlib.metadata import requires; \
	  print(*(r for r in requires('pyfate-gpu') if 'extra ==' not in r), sep='\n')" > build/sbom/needed.txt
	build/sbom/bin/python -m pip install --quiet --requirement build/sbom/needed.txt
	$(VENV)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file dist/sbom.cdx.json build/sbom/bin/python

clean:
	rm -rf $(VENV) build dist docs/_build bench/out
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	rm -f pyfate_gpu/backends/*.so
	find pyfate_gpu tests bench docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "$(PYTHON) is not Python 3.10 or later; name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) has no working venv module (Debian: apt install python3-venv)"; exit 1; }
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	@mkdir -p $(STAMPS) && touch $@

# Editable: Python sources are used where they lie, the module compiled here goes into the environment.
# A module dropped into the tree by hand would be older than its sources, so it goes away.
$(STAMPS)/build: $(STAMPS)/venv $(CHOICE) pyproject.toml $(NATIVE)
	$(if $(CPU_ONLY),@echo "$(CPU_ONLY)")
	$(PIP) install --quiet --group build
	rm -f pyfate_gpu/backends/*.so
	PYFATE_CUDA=$(CUDA) PYFATE_CUDA_REASON='$(if $(CPU_ONLY),no NVIDIA device was found)' \
	  $(PIP) install --quiet --no-build-isolation --editable .
	@touch $@

$(CHOICE): $(STAMPS)/venv
	@rm -f $(STAMPS)/cuda-* && touch $@

$(STAMPS)/test $(STAMPS)/lint $(STAMPS)/docs $(STAMPS)/bench $(STAMPS)/interop $(STAMPS)/release: $(STAMPS)/%: $(STAMPS)/venv pyproject.toml
	$(PIP) install --quiet --group $*
	@touch $@

$(STAMPS)/torch: $(STAMPS)/venv pyproject.toml
	$(PIP) install --quiet --extra-index-url $(TORCH_INDEX) --group torch
	@touch $@
