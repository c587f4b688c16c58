#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The wheel of this machine's Python, made of what `make build` compiled, in an environment of its own: it trains there.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="$PWD/${VENV:-.venv}"
python="$venv/bin/python"
folder="$PWD/build/try-wheel"
for choice in "$venv"/.stamps/cuda-*; do # with or without the module for GPUs, as it was built
  if [ -e "$choice" ]; then export PYFATE_CUDA="${choice##*-}"; fi
done

rm -rf "$folder" && mkdir -p "$folder"
"$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder" .
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "$folder"/*.whl
cd "$folder" # not in the checkout, whose package would be imported
"$folder/venv/bin/pyfate-gpu" demo
