#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the native arithmetic with libFuzzer, address and undefined-behaviour sanitizers: integers,
# operations on rows and decryption of every instruction set, compared with plain arithmetic.
# Usage: tests/native/run_fuzz.sh [SECONDS_A_TARGET] [BUILD_FOLDER]; skips without clang and its
# runtime (Debian: clang-14 libclang-rt-14-dev). VECTOR=OFF leaves the vector engines out, builds faster. SEED=1 draws the
# same inputs in each run and forgets those that earlier runs left.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
seconds="${1:-20}"
build="${2:-$root/build/fuzz}"
clang="$(command -v clang++ clang++-14 clang++-15 clang++-16 clang++-19 | head -n 1 || true)"
probe='extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
if [ -z "$clang" ] || ! "$clang" -x c++ -fsanitize=fuzzer,address - -o /dev/null <<<"$probe" 2>/dev/null; then
  echo "skipped: no clang++ with libFuzzer"
  exit 0
fi
mkdir -p "$build"
[ -z "${SEED:-}" ] || rm -rf "$build/corpus"
cmake -S "$root/csrc" -B "$build" -DCMAKE_CXX_COMPILER="$clang" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DPYFATE_MODULE=OFF -DPYFATE_NATIVE_TESTS=ON -DPYFATE_FUZZ=ON \
  -DPYFATE_SANITIZE=address,undefined -DPYFATE_VECTOR="${VECTOR:-ON}" >"$build/cmake.log"
cmake --build "$build" --parallel "${JOBS:-2}" --target fuzz_integer fuzz_rows fuzz_decrypt >"$build/build.log" ||
  { tail -n 50 "$build/build.log"; exit 1; }
for target in integer rows decrypt; do
  mkdir -p "$build/corpus/$target"
  echo "fuzz_$target: $seconds s"
  # New inputs stay in the build folder; a finding is written there too.
  "$build/fuzz_$target" -max_total_time="$seconds" -max_len=400 -timeout=60 -rss_limit_mb=2048 \
    -seed="${SEED:-0}" -print_final_stats=1 -artifact_prefix="$build/$target-" "$build/corpus/$target" \
    "$root/tests/native/fuzz/corpus/$target" >"$build/$target.log" 2>&1 ||
    { tail -n 60 "$build/$target.log"; exit 1; }
  grep -E '^(Done|stat::number_of_executed_units)' "$build/$target.log"
done
