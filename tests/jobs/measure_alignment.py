# SPDX-License-Identifier: Apache-2.0
"""What private set intersection costs three parties, each a process of its own, half of the ids in common.

``python -m tests.jobs.measure_alignment --rows 1000000 --json tests/results/alignment.json``; not a test.
``--tree PATH`` measures another checkout before this one, in turns. Wall clock is from the moment when all are
connected; CPU seconds and memory are those of each party and its workers, ids included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from pyfate_gpu.jobs.ports import reserved_ports

NAMES = ("guest", "host-0", "arbiter")
_PARTY = """
import json, resource, sys, time
from pyfate_gpu.backends import use_backend
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.transports.grpc import GrpcChannel
from pyfate_gpu.protocol.psi import intersect
name, ports, rows, options = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
parties = [Party.parse(each) for each in ("guest", "host-0", "arbiter")]
addresses = {party: f"127.0.0.1:{port}" for party, port in zip(parties, ports)}
own = Party.parse(name)
peers = {party: address for party, address in addresses.items() if party != own}
first = {"guest": 0, "host-0": rows // 2, "arbiter": None}[name]
ids = [] if first is None else [f"customer-{number + first:09d}" for number in range(rows)]
with use_backend("cpu"), GrpcChannel(own, addresses[own], peers, credentials=None) as channel:
    session = Session(own, peers, channel, timeout=7200.0)
    channel.connect()
    session.begin("align")
    begun = time.perf_counter()
    found = list(intersect(session, ids, **options))
    wall = time.perf_counter() - begun
    common = {"guest": range(rows // 2, rows), "host-0": range(rows - rows // 2), "arbiter": ()}
    assert found == list(common[name])
    session.task("end").__enter__()
    if name == "guest":
        [session.receive(peer, "done", done=bool) for peer in peers]
        session.send(list(peers), "all_done", done=True)
    else:
        session.send(parties[0], "done", done=True)
        session.receive(parties[0], "all_done", done=bool)
usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({"wall": wall, "cpu": sum(usage.ru_utime + usage.ru_stime for usage in usages),
    "sent_mb": session.statistics.usage().bytes_sent / 1e6}))
"""


def memory_of(pid: int) -> float:
    """Return the resident megabytes of a process and its children, pages that they share counted once."""
    total = 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children")
    pids = [pid]
    try:
        pids += map(int, children.read_text().split())
        for each in pids:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
            total += next(
                int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")
            )
    except (OSError, StopIteration):
        pass
    return total * 1024 / 1e6


def run(tree: Path, rows: int, options: dict[str, object]) -> dict[str, dict[str, float]]:
    """Return what each party took."""
    environment = os.environ | {"PYTHONPATH": f"{tree}:{os.environ.get('PYTHONPATH', '')}"}
    with reserved_ports(len(NAMES)) as ports:
        arguments = [json.dumps(list(ports)), str(rows), json.dumps(options)]
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", _PARTY, name, *arguments],
            cwd=tree, env=environment, stdout=subprocess.PIPE, text=True,
        )
        for name in NAMES
    }  # fmt: skip
    peaks = dict.fromkeys(NAMES, 0.0)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            for name, process in processes.items():
                peaks[name] = max(peaks[name], memory_of(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    outputs = {name: process.communicate()[0] for name, process in processes.items()}
    ended.set()
    watcher.join()
    return {
        name: {key: round(value, 1) for key, value in json.loads(output).items()}
        | {"peak_mb": round(peaks[name])}
        for name, output in outputs.items()
    }


def main() -> None:
    """Measure trees in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="ids of each side")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--curve", choices=["curve25519", "p256"])
    parser.add_argument("--tree", type=Path, nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    here = Path(__file__).parents[2]
    results: dict[str, list[dict[str, dict[str, float]]]] = {}
    for _ in range(options.turns):
        for tree in (*options.tree, here):
            chosen = {"curve": options.curve} if options.curve and tree == here else {}
            found = run(tree.resolve(), options.rows, chosen)
            name = "this tree" if tree == here else tree.name
            results.setdefault(name, []).append(found)
            print(name, json.dumps(found), flush=True)
    if options.json:
        command = ["git", "rev-parse", "--short", "HEAD"]
        head = {
            "command": " ".join(["python -m tests.jobs.measure_alignment", *sys.argv[1:]]),
            "commit": subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip(),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "cores": os.cpu_count(),
        }
        options.json.write_text(json.dumps(head | {"runs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
