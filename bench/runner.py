# SPDX-License-Identifier: Apache-2.0
"""Runs routines for us and for the peers, and gathers the lines of a result."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from bench.harness import Contestant, Figure, compete, ratio
from bench.machine import fingerprint
from bench.peers import PEERS, Peer
from bench.routines import ROUTINES, Routine
from bench.world import World
from pyfate_gpu import backend_info, use_backend

OURS = "ours"


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure everything that `options` ask for."""
    with use_backend(options.backend, isa=options.isa, threads=options.threads):
        machine = fingerprint()
        lines = []
        for key_bits in options.key_bits:
            world = World.create(key_bits)
            peers = adopt(world, options.peers, console)
            for name in options.routine:
                with console.status(f"{name}, n = {key_bits} bits"):
                    lines.append(measure(name, ROUTINES[name], world, peers, options))
    return {"machine": machine, "peers": options.peers, "lines": lines}


def adopt(world: World, names: Sequence[str], console: Console) -> dict[str, Peer]:
    """The peers that are installed, with the key of `world`."""
    peers = {}
    for name in names:
        try:
            peers[name] = PEERS[name](world)
        except ImportError:
            console.print(f"peer {name} is left out: {PEERS[name].install}")
    return peers


def measure(
    name: str, routine: Routine, world: World, peers: dict[str, Peer], options: argparse.Namespace
) -> dict[str, Any]:
    """One line of the result."""
    rows = min(routine.rows, options.rows or routine.rows)
    peer_rows = min(routine.peer_rows, rows)
    isa = routine.isa or options.isa
    backend = "cpu" if routine.isa else options.backend
    with use_backend(backend, isa=isa, threads=options.threads):
        world = replace(world)  # inputs of its own: arrays stay on the engine that made them
        contestants = [Contestant(OURS, "", routine.ours(world, rows))]
        contestants += [
            Contestant(
                peer.name,
                peer.offers[routine.operation],
                routine.theirs(world, peer, peer_rows),
            )
            for peer in peers.values()
            if routine.operation in peer.offers
        ]
        figures = compete(
            contestants,
            repeats=options.repeats,
            seconds=options.seconds,
            refcheck=options.refcheck,
        )
        ran = backend_info()
    ours, *others = figures
    return {
        "routine": name,
        "title": routine.title,
        "key_bits": world.public_key.key_bits,
        "unit": routine.unit,
        "backend": ran.name,
        "isa": ran.isa,
        "rows": rows,
        "peer_rows": peer_rows,
        "figures": [as_json(figure) for figure in figures],
        "ratios": {f.name: ratio(ours, f) for f in others if not (ours.failure or f.failure)},
        "target": vars(routine.target) if routine.target else None,
        "refcheck": options.refcheck,
    }


def as_json(figure: Figure) -> dict[str, Any]:
    """Everything a reader needs; without median where the result was wrong."""
    measured = {} if figure.failure else {"median": figure.median, "spread": figure.spread}
    return {**vars(figure), **measured}
