#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the native tests with the address and undefined-behaviour sanitizers and runs them; then those
# that share keys or memory between threads with the thread sanitizer, on the portable engine. The memory sanitizer is left
# out: it takes a C++ library built with it, or whatever that library writes counts as uninitialized; valgrind, in
# run_constant_time.sh, looks for uses of uninitialized memory.
# Usage: tests/native/run_sanitizers.sh [BUILD_FOLDER]; needs cmake and a C++ compiler, no Python.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${1:-$root/build/sanitizers}"

sanitize() { # sanitize SANITIZERS FOLDER TARGETS CMAKE_OPTION...
  local sanitizers=$1 folder=$2 targets=$3
  shift 3
  cmake -S "$root/csrc" -B "$folder" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DPYFATE_MODULE=OFF -DPYFATE_NATIVE_TESTS=ON -DPYFATE_SANITIZE="$sanitizers" "$@"
  # shellcheck disable=SC2086 # several names
  cmake --build "$folder" --parallel "${JOBS:-2}" --target $targets
}

sanitize address,undefined "$build" all
ctest --test-dir "$build" --output-on-failure
sanitize thread "$build/thread" "test_contexts test_parallel test_secure_memory test_threads" \
  -DPYFATE_VECTOR=OFF -DPYFATE_EMULATED=OFF
ctest --test-dir "$build/thread" --output-on-failure -R '^test_(contexts|parallel|secure_memory|threads)$'
