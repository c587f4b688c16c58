#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the vector engines under valgrind with every value marked undefined: a branch or an address
# that depends on one is an error. Usage: tests/native/run_constant_time.sh [BUILD_FOLDER]; needs g++ and
# valgrind on x86-64.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${1:-$root/build/constant_time}"
mkdir -p "$build"
"${CXX:-g++}" -std=c++20 -O3 -g -mavx2 -I"$root/csrc" -I"$root/csrc/include" \
  "$root/tests/native/test_simd_constant_time.cpp" "$root/csrc/bigint/integer.cpp" \
  -o "$build/test_simd_constant_time"
valgrind --quiet --error-exitcode=1 "$build/test_simd_constant_time"
