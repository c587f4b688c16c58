#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the native tests for aarch64 and runs them on an emulated processor. Needs cmake, a cross compiler and
# qemu-aarch64 (Debian: g++-aarch64-linux-gnu, qemu-user), which keeps no pages out of core dumps: test_secure_memory
# is left out.
# Usage: tests/native/run_aarch64.sh [BUILD_FOLDER]
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${1:-$root/build/aarch64}"
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 0; }
done

cmake -S "$root/csrc" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
  -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
  -DCMAKE_CROSSCOMPILING_EMULATOR="$(command -v qemu-aarch64)" -DPYFATE_MODULE=OFF -DPYFATE_NATIVE_TESTS=ON
cmake --build "$build" --parallel "${JOBS:-2}"
ctest --test-dir "$build" --output-on-failure -E '^test_secure_memory$'
