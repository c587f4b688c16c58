# SPDX-License-Identifier: Apache-2.0
"""Reads the machine code of the kernels: spills, registers, and the speed that it allows.

The model: a scheduler starts one instruction a cycle; a wide multiplication holds its pipe for four
cycles, other multiplications of that pipe two, simple integer instructions theirs for two, memory
four. A loop takes as long as its busiest pipe. Rates: docs/algorithms/gpu-kernels.md.

A warp that has a scheduler for itself takes longer: the compiler has written into each instruction how
many cycles the next one waits. Only what comes from memory or another thread is not in it.

Run as a program it prints registers.json, the registers that test_machine_code.py compares with.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

H200_SCHEDULERS = 132 * 4
H200_HERTZ = 1.98e9
LANES = 32
BLOCK = 16
TEAM = 8
SHUFFLE_CYCLES = 23  # until a value of another thread is there

PREFIXES = {
    "wide": ("IMAD.WIDE", "IMAD.HI"),
    "multiply": ("IMAD", "HFMA2"),
    "memory": ("LD", "ST", "ULDC", "RED", "ATOM"),
    "control": ("BRA", "BSSY", "BSYNC", "EXIT", "CALL", "RET", "NOP", "BAR", "WARPSYNC", "YIELD"),
}


def cuobjdump() -> str | None:
    """The disassembler of the CUDA toolkit, or of the package nvidia-cuda-cuobjdump."""
    places = Path(sysconfig.get_path("purelib")).glob("nvidia/cu*/bin/cuobjdump")
    return shutil.which("cuobjdump") or next(map(str, places), None)


# In a mangled name: its length, the name, template arguments.
KERNEL = r"(?=(\d\d)([a-z][a-z0-9_]*_kernel)(?:I(?:NS\w*?\d(BaseN|Team)E)?Li(\d+)E)?)"
# Address, text, and the second word of the encoding, which begins on the next line.
INSTRUCTION = r"^\s*/\*([0-9a-f]{4,})\*/\s+(.*?);.*\n\s*/\* 0x([0-9a-f]{16}) \*/"


@dataclass(frozen=True)
class Loop:
    """Instructions first ... last, the last one jumping back to the first."""

    first: int
    last: int

    def __contains__(self, other: Loop) -> bool:
        return self != other and self.first <= other.first and other.last <= self.last


@dataclass(frozen=True)
class Kernel:
    """One kernel: its name, threads a number and limbs (0 if for any), and its instructions."""

    name: str
    layout: str
    limbs: int
    registers: int
    addresses: tuple[int, ...]
    opcodes: tuple[str, ...]
    targets: tuple[int | None, ...]
    stalls: tuple[int, ...]

    @property
    def title(self) -> str:
        """Name and template arguments."""
        arguments = [str(each) for each in (self.layout, self.limbs) if each]
        return f"{self.name}<{', '.join(arguments)}>" if arguments else self.name

    @property
    def spills(self) -> int:
        """Accesses to local memory."""
        return sum(opcode.startswith(("LDL", "STL")) for opcode in self.opcodes)

    @cached_property
    def loops(self) -> list[Loop]:
        """All loops, the outer ones first."""
        place = {address: i for i, address in enumerate(self.addresses)}
        jumps = ((place.get(t, -1), i) for i, t in enumerate(self.targets) if t is not None)
        return [
            Loop(*jump)
            for jump in sorted(jumps, key=lambda j: (j[0], -j[1]))
            if 0 <= jump[0] < jump[1]
        ]

    def own(self, loop: Loop) -> list[int]:
        """Instructions of a loop that are in no inner one."""
        inner = [other for other in self.loops if other in loop]
        return [
            i
            for i in range(loop.first, loop.last + 1)
            if not any(other.first <= i <= other.last for other in inner)
        ]

    def straight_runs(self, instructions: list[int]) -> Iterator[list[int]]:
        """Cuts instructions where a jump begins or ends: each part runs as a whole."""
        labels = {self.addresses.index(t) for t in self.targets if t in self.addresses}
        run: list[int] = []
        for i in instructions:
            if run and (i in labels or i != run[-1] + 1 or self.targets[run[-1]] is not None):
                yield run
                run = []
            run.append(i)
        if run:
            yield run

    def mix(self, instructions: list[int]) -> Counter[str]:
        """How many instructions of each kind."""
        return Counter(kind(self.opcodes[i]) for i in instructions)


def kind(opcode: str) -> str:
    """Which pipe an instruction keeps busy."""
    for name, prefixes in PREFIXES.items():
        if opcode.startswith(prefixes):
            return name
    return "integer"


def cycles(mix: Counter[str]) -> float:
    """Cycles a warp holds its scheduler's busiest pipe."""
    return max(
        4 * mix["wide"] + 2 * mix["multiply"],
        2 * mix["integer"],
        4 * mix["memory"],
        sum(mix.values()),
    )


def kernels(binary: Path) -> list[Kernel]:
    """All kernels in a cubin or in a library that holds machine code."""
    tool = cuobjdump()
    assert tool is not None
    usage = _run(tool, "-res-usage", binary)
    registers = dict(re.findall(r"Function (\S+):\s+REG:(\d+)", usage))
    found = []
    for part in re.split(r"\n\s*Function : ", _run(tool, "-sass", binary))[1:]:
        name = part.split(None, 1)[0]
        lines = re.findall(INSTRUCTION, part, re.MULTILINE)
        code = [
            (int(at, 16), re.sub(r"^@!?U?P[T\d]+\s+", "", text.strip())) for at, text, _ in lines
        ]
        # The last one: what comes before has a checksum in it, which may look like anything.
        short = [m for m in re.finditer(KERNEL, name) if int(m[1]) == len(m[2])][-1]
        found.append(
            Kernel(
                name=short[2],
                layout=short[3] or "",
                limbs=int(short[4] or 0),
                registers=int(registers[name]),
                addresses=tuple(at for at, _ in code),
                opcodes=tuple(text.split()[0] for _, text in code),
                targets=tuple(_target(text) for _, text in code),
                stalls=tuple(int(control, 16) >> 41 & 15 for _, _, control in lines),
            )
        )
    return found


def operations_per_second(kernel: Kernel) -> float:
    """Upper bound of an H200 for multiply_kernel or square_kernel, by its busiest pipe."""
    total: Counter[str] = Counter()
    for run, turns in _runs(kernel):
        for name, count in kernel.mix(run).items():
            total[name] += turns * count
    numbers = LANES // TEAM if kernel.layout == "Team" else LANES
    return H200_SCHEDULERS * H200_HERTZ * numbers / cycles(total)


def microseconds_alone(kernel: Kernel) -> float:
    """How long one of them takes a warp with a scheduler for itself, memory left out."""
    waits = {"SHFL": SHUFFLE_CYCLES, "VOTE": SHUFFLE_CYCLES}
    total = sum(
        turns * sum(max(kernel.stalls[i], waits.get(kernel.opcodes[i][:4], 0)) for i in run)
        for run, turns in _runs(kernel)
    )
    return 1e6 * total / H200_HERTZ


def _runs(kernel: Kernel) -> Iterator[tuple[list[int], float]]:
    """Straight runs of instructions, and how often they run for a row.

    Trip counts follow from the algorithm. Where a branch decides, the code is taken to run each time,
    but for the runs of wide multiplications, whose number of turns is known.
    """
    return (_runs_of_a_team if kernel.layout == "Team" else _runs_of_a_thread)(kernel)


def _runs_of_a_thread(kernel: Kernel) -> Iterator[tuple[list[int], float]]:
    blocks = kernel.limbs // BLOCK
    square = kernel.name == "square_kernel"
    block_products = [
        loop
        for loop in kernel.loops
        if not any(other in loop for other in kernel.loops)
        and kernel.mix(kernel.own(loop))["wide"] >= BLOCK * BLOCK - BLOCK
    ]
    assert len(block_products) == 2, "one loop over products of operands, one over those with n"
    rows = next(loop for loop in kernel.loops if all(each in loop for each in block_products))
    columns = [loop for loop in kernel.loops if all(each in loop for each in block_products)][-1]
    operand_products = blocks * (blocks - 1) // 2 + blocks**2 if square else 3 * blocks**2
    for loop in kernel.loops:
        if loop != rows and loop not in rows:
            continue  # before the first row
        for run in kernel.straight_runs(kernel.own(loop)):
            if loop == block_products[0]:
                yield run, operand_products
            elif loop == block_products[1]:
                yield run, 2 * blocks * (blocks - 1)
            elif kernel.mix(run)["wide"] >= BLOCK * BLOCK // 2:
                # In a column: the block of q that cancels it has IMAD.HI, a square has none.
                cancels = any(kernel.opcodes[i].startswith("IMAD.HI") for i in run)
                yield run, 2 * blocks if cancels else blocks
            elif loop == columns:
                yield run, 4 * blocks
            elif loop in columns:
                yield run, 6 * blocks  # the loop over one or two pairs of halves
            elif columns in loop and loop != rows:
                yield run, 2  # passes
            elif loop == rows:
                yield run, 1
            else:
                yield run, max(kernel.limbs // 4, 3 * blocks)  # copies and corrections


def _runs_of_a_team(kernel: Kernel) -> Iterator[tuple[list[int], float]]:
    """Pass 0 goes over the threads' shares of the other operand, pass 1 over two limbs at a time."""
    passes = [loop for loop in kernel.loops if kernel.mix(kernel.own(loop))["wide"] >= BLOCK]
    assert len(passes) == 2, "one loop for each pass"
    rows = next(loop for loop in kernel.loops if all(each in loop for each in passes))
    turns = {passes[0]: TEAM, passes[1]: kernel.limbs // 2, rows: 1}
    for loop in kernel.loops:
        if loop == rows or loop in rows:
            for run in kernel.straight_runs(kernel.own(loop)):
                yield run, turns.get(loop, kernel.limbs // BLOCK)  # copies and corrections


def _target(text: str) -> int | None:
    jump = re.match(r"BRA\b.*?0x([0-9a-f]+)\s*$", text)
    return int(jump[1], 16) if jump else None


def _run(tool: str, option: str, binary: Path) -> str:
    # cuobjdump looks for nvdisasm in PATH; both packages put their program in one folder.
    path = os.pathsep.join([str(Path(tool).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [tool, option, str(binary)], capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


if __name__ == "__main__":
    from pyfate_gpu.backends import _cuda

    found = sorted(kernels(Path(_cuda.__file__)), key=lambda k: k.title)
    registers = {"toolkit": _cuda.toolkit_version(), **{k.title: k.registers for k in found}}
    print(json.dumps(registers, indent=2))
