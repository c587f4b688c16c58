# SPDX-License-Identifier: Apache-2.0
"""The built module runs on any x86-64 processor: newer instructions stay inside their units."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess

import pytest

_cpu = pytest.importorskip("pyfate_gpu.backends._cpu")

UNITS = ("pyfate::avx2::", "pyfate::avx512ifma::", "pyfate::portable::Rows::")

# What x86-64-v1 (SSE2) does not have. VEX and EVEX: registers wider than xmm, masks, or a mnemonic in v.
NEWER = re.compile(
    r"%[yz]mm|%k[0-7]\b|^v(?!er[rw]\b)"
    r"|^(mulx|ad[co]x|rorx|sarx|sh[lr]x|andn\b|bextr|bzhi|pdep|pext|bls\w+|popcnt|lzcnt|movbe|crc32)"
    r"|^(pclmul|aes|sha1|sha256|pshufb|palignr|pabs|ph(add|sub)|psign|pmulhrsw|pmaddubsw)"
    r"|^(pmulld|pmuldq|p(min|max)(s[bd]|u[dw])|p(ins|ext)r[bdq]|p?blend|ptest|round[ps]|dpp|insertps)"
    r"|^(movntdqa|packusdw|pcmp(eq|gt)q|pcmp[ei]str|pmov[sz]x|mpsadbw|phmin|(add)?sub[ps]add|h(add|sub)p)"
    r"|^(lddqu|movddup|movs[hl]dup|fisttp|cmpxchg16b)"
)


def functions(path: str) -> dict[str, list[str]]:
    """The instructions of each function of a shared object, as objdump writes them."""
    command = [
        "objdump",
        "--disassemble",
        "--demangle",
        "--no-show-raw-insn",
        "--section=.text",
        path,
    ]
    found: dict[str, list[str]] = {}
    body: list[str] = []
    for line in subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        if line.endswith(">:"):
            body = found.setdefault(line.partition("<")[2][:-2], [])
        elif "\t" in line:
            body.append(line.partition("\t")[2])
    return found


@pytest.mark.skipif(platform.machine() != "x86_64", reason="instruction sets of x86-64")
@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump (binutils) is not installed")
def test_newer_instructions_stay_in_their_units() -> None:
    found = functions(_cpu.__file__)
    wide = {name for name, body in found.items() if any(map(NEWER.search, body))}
    for unit in UNITS:
        assert any(unit in name for name in wide), "the scan sees the units it is about"
    assert any("pyfate::portable::Columns" in name for name in found), "and the others"
    assert {name for name in wide if not any(unit in name for unit in UNITS)} == set()


@pytest.mark.parametrize(
    "line",
    ["vpaddq %xmm0,%xmm1,%xmm2", "vmovdqu64 %zmm1,(%rax)", "mulx %rax,%rbx,%rcx", "andn %rax,%rbx,%rcx"],
)  # fmt: skip
def test_the_scan_knows_newer_instructions(line: str) -> None:
    assert NEWER.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "mulq 8(%rsi)",
        "paddq %xmm0,%xmm1",
        "tzcnt %rax,%rbx",
        "adcq $0,%rdx",
        "verr %ax",
        "andnpd %xmm5,%xmm0",
    ],
)
def test_the_scan_lets_the_baseline_through(line: str) -> None:
    assert not NEWER.search(line)
