#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the native tests with the address and undefined-behaviour sanitizers and runs them.
# Usage: tests/native/run_sanitizers.sh [BUILD_FOLDER]; needs cmake and a C++ compiler, no Python.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${1:-$root/build/sanitizers}"
cmake -S "$root/csrc" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
  -DPYFATE_MODULE=OFF -DPYFATE_NATIVE_TESTS=ON -DPYFATE_SANITIZE=ON
cmake --build "$build" --parallel "${JOBS:-2}"
ctest --test-dir "$build" --output-on-failure
