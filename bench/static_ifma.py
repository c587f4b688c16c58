# SPDX-License-Identifier: Apache-2.0
"""Cycles of the AVX-512 IFMA engine by a model, for machines without it: ``python -m bench.static_ifma``.

A bound by a model, not a measurement. The unit is compiled as the build does, one multiplication and one
squaring are followed instruction by instruction (no branch depends on a number, so the vector instructions
need not be carried out), and llvm-mca schedules the trace on the processor asked for. It knows ports,
latencies and dependencies through registers; it takes every load for a hit in the first cache and no load
for one that waits for a store. Needs g++, binutils, llvm-mca 16 or later, and ``pip install unicorn``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import unicorn
from unicorn import x86_const as x86

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "csrc/cpu/avx512ifma/kernels.cpp"
FLAGS = [
    "-O3",
    "-DNDEBUG",
    "-std=c++20",
    "-fPIC",
    "-fvisibility=hidden",
    "-mavx512f",
    "-mavx512ifma",
]
INCLUDES = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'csrc/include'}"]
LANES, PRODUCTS_A_CYCLE = 8, 1  # half a product an instruction: 52 bits of 104
LIMBS = {1024: 20, 2048: 40, 3072: 60}
LIMB_PRODUCTS = {"multiply": 5.0, "square": 3.5}  # in squares of the limbs
STAND_IN = "vfmadd231pd"
"""LLVM's model of Zen 4 lets a 512-bit vpmadd52 start every 2 cycles; the processor starts one a cycle, as
it does this one, on the same two pipes and with the same latency."""
PAGE, STACK, DATA, END = 1 << 12, 0x7000_0000, 0x6000_0000, 0x5000_0000


@dataclass(frozen=True)
class Code:
    """A shared object: its instructions by address, its functions by demangled name."""

    path: Path
    instructions: dict[int, tuple[int, str]]
    functions: dict[str, int]

    @classmethod
    def compile(cls, source: Path, folder: Path, flags: list[str]) -> Code:
        """`source`, linked far enough that calls within it have their targets."""
        path = folder / "unit.so"
        _run("g++", *flags, "-shared", "-o", str(path), str(source))
        listing = _run("objdump", "-d", "-w", "--insn-width=16", str(path))
        instructions = {}
        for line in listing.splitlines():
            if match := re.match(r" *([0-9a-f]+):\t([0-9a-f ]+)\t(.+)", line):
                address, size = int(match[1], 16), len(match[2].split())
                instructions[address] = (size, re.sub(r"\s*#.*|<[^>]*>", "", match[3]).strip())
        symbols = re.findall(r"^([0-9a-f]+) [TtWw] (.+)$", _run("nm", "-C", str(path)), re.M)
        return cls(path, instructions, {name: int(address, 16) for address, name in symbols})

    def trace(self, function: int) -> list[str]:
        """The instructions of one call, in the order they run."""
        machine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        for offset, virtual, size in self._segments():
            start = virtual // PAGE * PAGE
            machine.mem_map(start, (virtual + size - start + PAGE - 1) // PAGE * PAGE)
            machine.mem_write(virtual, self.path.read_bytes()[offset : offset + size])
        for base in (STACK, DATA, END):
            machine.mem_map(base, 1 << 20)
        top = STACK + (1 << 19)
        machine.mem_write(top, END.to_bytes(8, "little"))
        machine.reg_write(x86.UC_X86_REG_RSP, top)
        arguments = (x86.UC_X86_REG_RDI, x86.UC_X86_REG_RSI, x86.UC_X86_REG_RDX, x86.UC_X86_REG_RCX)
        for i, register in enumerate(arguments):
            machine.reg_write(register, DATA + i * (1 << 17))
        steps: list[str] = []

        def step(emulator: unicorn.Uc, address: int, size: int, _: object) -> None:
            length, text = self.instructions[address]
            if not (text.startswith("rep") and steps and steps[-1] == text):
                steps.append(text)
            if text.startswith(("v", "k")) and not text.startswith("vzero"):
                emulator.reg_write(x86.UC_X86_REG_RIP, address + length)

        machine.hook_add(unicorn.UC_HOOK_CODE, step, begin=1, end=END - 1)
        machine.emu_start(function, END)
        return steps

    def _segments(self) -> list[tuple[int, int, int]]:
        table = _run("readelf", "-lW", str(self.path))
        found = re.findall(r"LOAD +0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)", table)
        return [(int(a, 16), int(b, 16), int(c, 16)) for a, b, c in found]


def cycles(steps: list[str], processor: str, mca: str) -> int:
    """What llvm-mca needs for the trace; jumps go nowhere, calls and returns are jumps."""
    lines = []
    for text in steps:
        mnemonic = text.split()[0]
        if mnemonic.startswith("j"):
            text = f"{mnemonic} .Lnext"
        elif mnemonic.startswith(("call", "ret")):
            text = "jmp .Lnext"
        elif mnemonic.startswith("vpmadd52"):
            text = text.replace(mnemonic, STAND_IN)
        if not mnemonic.startswith(("nop", "data16", "cs", "endbr")):
            lines.append(text)
    source = "\n".join([*lines, ".Lnext:", ""])
    options = f"-mcpu={processor}", "-mtriple=x86_64-linux-gnu", "-iterations=1"
    report = re.search(r"Total Cycles: +(\d+)", _run(mca, *options, stdin=source))
    assert report is not None, "llvm-mca counted no cycles"
    return int(report[1])


def find(functions: dict[str, int], verb: str, limbs: int) -> int:
    """The engine's member for so many limbs."""
    start = f"pyfate::simd::Arithmetic<pyfate::avx512ifma::Vector, 52, {limbs}>::{verb}("
    return next(address for name, address in functions.items() if name.startswith(start))


def _run(*command: str, stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.static_ifma", description=__doc__)
    parser.add_argument("--mcpu", default="znver4", help="processor that llvm-mca models")
    parser.add_argument("--llvm-mca", default="llvm-mca-19", metavar="PROGRAM")
    options = parser.parse_args()
    print(f"{options.mcpu}; cycles of {LANES} residues mod n^2 by {options.llvm_mca}, not measured")
    print("n     operation  instructions  cycles  limit  share of limit")
    with tempfile.TemporaryDirectory() as folder:
        code = Code.compile(UNIT, Path(folder), [*FLAGS, *INCLUDES])
        for bits, limbs in LIMBS.items():
            for verb, products in LIMB_PRODUCTS.items():
                steps = code.trace(find(code.functions, verb, limbs))
                needed = cycles(steps, options.mcpu, options.llvm_mca)
                limit = round(2 * products * limbs**2 / PRODUCTS_A_CYCLE)
                print(
                    f"{bits}  {verb:9}  {len(steps):12}  {needed:6}  {limit:5}  {limit / needed:.0%}"
                )


if __name__ == "__main__":
    main()
