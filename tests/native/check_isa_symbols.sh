#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A unit compiled for one instruction set may offer the linker nothing that another unit could use:
# every symbol it defines must name its own namespace. Usage: check_isa_symbols.sh OBJECT...
set -euo pipefail
checked=0
for object in "$@"; do
  case "$object" in
    */cpu/avx2/*) namespace=pyfate::avx2 ;;
    */cpu/avx512ifma/*) namespace=pyfate::avx512ifma ;;
    *) continue ;;
  esac
  checked=$((checked + 1))
  # Capital letters and u: what the linker sees. DW.ref.*: addresses for unwinding, no code.
  stray="$(nm -C --defined-only "$object" | awk '$2 ~ /^[A-Zu]$/' | grep -v -e "$namespace" -e asan -e ' DW\.ref\.' || true)"
  if [ -n "$stray" ]; then
    printf '%s defines symbols outside %s:\n%s\n' "$object" "$namespace" "$stray"
    exit 1
  fi
done
echo "$checked units define only symbols of their own"
