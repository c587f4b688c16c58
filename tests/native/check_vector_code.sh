#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two things that a compiler may leave out of kernels, which no result shows. Without prefetches additions of many rows
# take 2 to 4 % longer. Without vzeroupper the upper halves of registers stay dirty, and whatever else the process
# does with SSE (SHA-256 above all) takes a third longer. Usage: check_vector_code.sh OBJECT...
set -euo pipefail
checked=0
for object in "$@"; do
  case "$object" in
    */cpu/avx2/kernels*|*/cpu/avx512ifma/kernels*) ;;
    *) continue ;;
  esac
  checked=$((checked + 1))
  found="$(objdump -d -C --no-show-raw-insn "$object" | awk '
    function check() {
      if (wide && !clean) print name " leaves the upper halves of registers dirty"
      if (name ~ /generic::multiply</ && !asks) print name " does not prefetch"
    }
    /^[0-9a-f]+ <.*>:$/ { check(); name = $0; wide = clean = asks = 0 }
    /%[yz]mm/ { wide = 1 }
    /vzeroupper/ { clean = 1 }
    /prefetch/ { asks = 1 }
    END { check() }')"
  if [ -n "$found" ]; then
    printf '%s:\n%s\n' "$object" "$found"
    exit 1
  fi
done
echo "$checked units keep prefetches and clean registers"
