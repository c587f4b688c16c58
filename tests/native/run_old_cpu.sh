#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Encrypts, adds and decrypts with the built package on emulated processors without AVX, AVX2 and
# AVX-512: no illegal instruction, and the instruction set that is chosen. Needs qemu-x86_64 (Debian: qemu-user); NumPy's
# wheels themselves want x86-64-v2, so Nehalem is the oldest.
# Usage: tests/native/run_old_cpu.sh [PYTHON]
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
python="${1:-$root/.venv/bin/python}"
command -v qemu-x86_64 >/dev/null || { echo "skipped: no qemu-x86_64"; exit 0; }
code='
from pyfate_gpu import backend_info, generate_keypair
isa = backend_info().isa
public, private = generate_keypair(512, allow_insecure_key_size=True)
c = public.encrypt([1.5, -2.0]) + private.encrypt([1.0, 1.0])
assert private.decrypt(c * 2).tolist() == [5.0, -2.0]
print(isa)
'
for pair in Nehalem:portable Haswell:avx2; do
  cpu=${pair%:*}
  isa="$(cd / && PYFATE_GPU_BACKEND=cpu PYFATE_GPU_TABLE_MB=1 PYFATE_GPU_THREADS=1 OPENBLAS_NUM_THREADS=1 \
    qemu-x86_64 -cpu "$cpu" "$(readlink -f "$python")" -c "import site, sys; site.addsitedir(sys.argv[1]); $code" \
    "$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["platlib"])')")"
  echo "$cpu: $isa"
  [ "$isa" = "${pair#*:}" ]
done
