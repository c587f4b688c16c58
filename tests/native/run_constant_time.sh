#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs native code under valgrind with secrets marked undefined: a branch or an address that depends
# on one is an error. First the arithmetic of the vector engines, then decryption and encryption from
# end to end on the portable engine and on the emulated one (all instruction sets: VECTOR=ON).
# Usage: tests/native/run_constant_time.sh [BUILD_FOLDER]; needs cmake, g++ and valgrind on x86-64.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${1:-$root/build/constant_time}"
mkdir -p "$build"
"${CXX:-g++}" -std=c++20 -O3 -g -mavx2 -I"$root/csrc" -I"$root/csrc/include" \
  "$root/tests/native/test_simd_constant_time.cpp" "$root"/csrc/bigint/{integer,secure_memory}.cpp \
  -o "$build/test_simd_constant_time"
valgrind --quiet --error-exitcode=1 "$build/test_simd_constant_time"

cmake -S "$root/csrc" -B "$build" -DPYFATE_MODULE=OFF -DPYFATE_NATIVE_TESTS=ON \
  -DPYFATE_CONSTANT_TIME=ON -DPYFATE_VECTOR="${VECTOR:-OFF}" >"$build/cmake.log"
cmake --build "$build" --target test_constant_time test_secure_memory test_shares --parallel "${JOBS:-2}" >"$build/build.log" ||
  { cat "$build/build.log"; exit 1; }
"$build/test_secure_memory" # in pages of its own, which the address sanitizer replaces
valgrind --quiet --error-exitcode=1 "$build/test_constant_time"
valgrind --quiet --error-exitcode=1 "$build/test_shares"
# The test must be able to fail: tables that are not hardened are indexed by randomness.
if valgrind --quiet --error-exitcode=1 --log-file="$build/control.log" "$build/test_constant_time" control; then
  echo "FAILED: valgrind did not see a table indexed by a secret"
  exit 1
fi
grep -q fixed_base "$build/control.log" || { cat "$build/control.log"; exit 1; }
echo "the control was found"
