# SPDX-License-Identifier: Apache-2.0
"""Runs routines for us and for the peers, and gathers the lines of a result."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from pyfate_gpu import backend_info, use_backend
from pyfate_gpu.bench.harness import Contestant, Figure, Job, compete, processor_ratio, ratio
from pyfate_gpu.bench.machine import fingerprint, memory, pinned
from pyfate_gpu.bench.peers import PEERS, Peer
from pyfate_gpu.bench.roofline import ROOF, roof, work_of
from pyfate_gpu.bench.routines import ROUTINES, Routine, Size
from pyfate_gpu.bench.world import World
from pyfate_gpu.config import available_cores
from pyfate_gpu.errors import ConfigurationError

OURS = "ours"
ON_CPU = "cpu"
COPIES = 8  # arrays of a batch that are alive at once, those of the peers included
WIDE = ("add_broadcast", "matmul_right")  # routines with a ciphertext for each row and feature
PYTHON_INTEGER = 64  # bytes, and as much again for each digit of a matrix


def run(
    options: argparse.Namespace, console: Console, repeat: Callable[..., str]
) -> dict[str, Any]:
    """Measure all routines that `options` ask for; `repeat` gives the command of one line.

    Raises
    ------
    ConfigurationError
        If the machine has not the memory or the cores for what was asked.
    BackendUnavailableError
        If the backend or the instruction set does not run here.
    """
    check_machine(options)
    lines, peers_seen = [], []
    with use_backend(options.backend, isa=options.isa):
        machine = fingerprint()
        for key_bits in options.key_bits if options.routine else []:
            with pinned(1):  # threads that peers start now stay within it
                world = World.create(key_bits, dict(options.peer_python))
                peers = adopt(world, options.peers, console)
            peers_seen += [name for name in peers if name not in peers_seen]
            for name, routine, size, threads in plan(options, console, key_bits):
                with (
                    console.status(f"{routine.title_of(size)}, n = {key_bits} bits"),
                    pinned(threads),
                ):
                    line = measure(name, routine, size, world, peers, threads, options)
                lines.append({**line, "command": repeat(line)})
    ours_elsewhere = [ON_CPU] if machine["device"] else []
    return {"machine": machine, "peers": ours_elsewhere + peers_seen, "lines": lines}


def plan(
    options: argparse.Namespace, console: Console, key_bits: int
) -> Iterator[tuple[str, Routine, Size, int]]:
    """Every line that will be measured with a key; says what is left out and why."""
    here = backend_info()
    for name in options.routine:
        routine = ROUTINES[name]
        if routine.device and not here.name.startswith(routine.device):
            if key_bits == options.key_bits[0]:
                console.print(f"{name} is left out: it needs the backend {routine.device}")
            continue
        if routine.isa and options.isa not in (None, routine.isa):
            continue
        for size in routine.sizes(options):
            for threads in options.threads:
                yield name, routine, size, threads


def check_machine(options: argparse.Namespace) -> None:
    """Refuse what this machine has no room for, before anything is measured."""
    for threads in options.threads:
        if threads > available_cores():
            raise ConfigurationError(
                f"--threads {threads}: this process may run on {available_cores()} core(s); "
                "threads beyond them measure nothing"
            )
    available = memory("MemAvailable")
    sizes = ((name, size) for name in options.routine for size in ROUTINES[name].sizes(options))
    for name, size in sizes:
        needed = bytes_of(name, size, max(options.key_bits))
        if available and needed > available:
            raise ConfigurationError(
                f"--routine {name} with {size.rows:,} rows takes about {needed / 2**30:.1f} GiB at "
                f"{max(options.key_bits)} bits and {available / 2**30:.1f} GiB are free; "
                f"ask for fewer: --rows {max(1, size.rows * available // (2 * needed))}"
            )


def bytes_of(name: str, size: Size, key_bits: int) -> int:
    """About how much memory a job takes."""
    ciphertexts = size.rows * (max(1, size.features) if name in WIDE else 1)
    plain = size.rows * size.features * PYTHON_INTEGER
    return ciphertexts * COPIES * (key_bits // 4) + plain


def adopt(world: World, names: Sequence[str], console: Console) -> dict[str, Peer]:
    """The peers that are installed and take a key of this length."""
    peers = {}
    for name in names:
        try:
            peers[name] = PEERS[name](world)
        except ImportError:
            console.print(f"peer {name} is left out: {PEERS[name].install}", highlight=False)
        except Exception as error:  # other people's code, which must not stop the run
            bits = world.public_key.key_bits
            console.print(f"peer {name} is left out at {bits} bits: {error}", markup=False)
    return peers


def measure(
    name: str,
    routine: Routine,
    size: Size,
    world: World,
    peers: dict[str, Peer],
    threads: int,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """One line of the result."""
    isa = routine.isa or options.isa
    backend = "cpu" if routine.forces_cpu else options.backend
    with use_backend(backend, isa=isa, threads=threads, hardened=routine.hardened):
        own = replace(world)  # inputs of its own: arrays stay on the engine that made them
        contestants = [Contestant(OURS, "", lambda: settled(own, routine.ours(own, size)))]
        contestants += rivals(routine, size, world, peers)
        limit = roof(own, threads) if routine.work else None
        figures = compete(
            contestants + ([limit] if limit else []),
            repeats=options.repeats,
            seconds=options.seconds,
            refcheck=options.refcheck,
        )
        ran, work = backend_info(), work_of(own)
    ours, others = figures[0], [figure for figure in figures[1:] if figure.name != ROOF]
    share = None
    if limit and routine.work and work and not ours.failure:
        # One thread's share by the processor's time; of several, waiting for each other counts too.
        by = processor_ratio if threads == 1 and ran.name == ON_CPU else ratio
        share = by(ours, figures[-1]) * routine.work(work, size)
    return {
        "routine": name,
        "title": routine.title_of(size),
        "key_bits": world.public_key.key_bits,
        "unit": routine.unit,
        "backend": ran.name,
        "isa": ran.isa,
        "threads": threads,
        **vars(size),
        "peer_rows": {n: routine.of_peer(size, p).rows for n, p in peers.items()},
        "figures": [as_json(figure) for figure in (ours, *others)],
        "ratios": {f.name: ratio(ours, f) for f in others if not (ours.failure or f.failure)},
        "share": share,
        "targets": [
            vars(target)
            for target in routine.targets
            if target.fraction_bits in (0, size.fraction_bits)
        ],
        "refcheck": options.refcheck,
    }


def rivals(
    routine: Routine, size: Size, world: World, peers: dict[str, Peer]
) -> Iterator[Contestant]:
    """The peers that offer the operation; beside a GPU also our own CPU engine on all cores."""
    if backend_info().name.startswith("cuda") and not routine.device:
        yield Contestant(ON_CPU, "all cores", lambda: on_cpu(routine, size, world))
    theirs = routine.theirs
    if theirs is None:
        return
    for peer in peers.values():
        if routine.operation in peer.offers:

            def prepare(peer: Peer = peer) -> Job:
                return theirs(world, peer, routine.of_peer(size, peer))

            yield Contestant(peer.name, peer.offers[routine.operation], prepare, foreign=True)


def on_cpu(routine: Routine, size: Size, world: World) -> Job:
    """The job of a routine on the cpu backend with all cores, whatever is chosen outside."""
    with use_backend("cpu"):
        job = routine.ours(replace(world), size)

    def run() -> Any:
        with use_backend("cpu"):
            return job.run()

    return replace(job, run=run)


def settled(world: World, job: Job) -> Job:
    """The same job, which on a GPU waits for the device: kernels run on after a call returns."""
    if not backend_info().name.startswith("cuda"):
        return job
    engine: Any = world.public_key.engine()

    def run() -> Any:
        result = job.run()
        engine.on.wait()
        return result

    return replace(job, run=run)


def as_json(figure: Figure) -> dict[str, Any]:
    """Everything a reader needs; without median where the result was wrong."""
    measured = {} if figure.failure else {"median": figure.median, "spread": figure.spread}
    return {**vars(figure), **measured}
