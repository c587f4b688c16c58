# SPDX-License-Identifier: Apache-2.0
"""A round of 1,000,000 float32 parameters and 10 clients at 16 bits, on one core, against others in turns.

``python -m tests.homo.measure_rounds --peers PYTHON --flower PYTHON --json tests/results/homo_rounds.json``; PYTHON
is that of an environment with tenseal and phe, and of one with flwr 1.42. Not a test. Seconds are those of the
processor, each the best of some turns.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pyfate_gpu import backend_info, generate_keypair, use_backend
from pyfate_gpu.homo import AggregationPlan, Identity, SecureAggregator
from pyfate_gpu.homo.masks import fused, ring
from pyfate_gpu.homo.quantiser import Layout, vector
from pyfate_gpu.homo.streams import Stream
from pyfate_gpu.homo.updates import take_apart
from tests.homo.measure_peers import CLIENTS, best, update

PLAN = AggregationPlan(CLIENTS, 16, clip=1.0)
SCHEMES = {"paillier": "paillier", "short subgroup": "paillier-short-subgroup"}


def peer(python: str, name: str, parameters: int) -> dict[str, float]:
    """What a peer says, in a process of its own, on one thread."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1"}
    script = str(Path(__file__).with_name("measure_peers.py"))
    command = [python, script, name, str(parameters)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(found.stdout[found.stdout.rindex("{") :])  # warnings of theirs come before


def masks(values: np.ndarray) -> dict[str, float]:
    """Quantise and mask at a client; the server's part; bytes."""
    identities = [Identity.generate() for _ in range(CLIENTS)]
    aggregator = SecureAggregator("masks", PLAN, members=[each.public for each in identities])
    found: dict[str, float] = {}
    seconds = []
    for round_id in range(5):
        server = aggregator.server(round_id)
        clients = [aggregator.client(round_id, i, each) for i, each in enumerate(identities)]
        for _ in range(2):
            for number, request in server.ask().items():
                server.add(clients[number].answer(request))
        for number, request in server.ask().items():
            clients[number].answer(request)
            start = time.process_time()
            blob = clients[number].seal(values)
            seconds.append(time.process_time() - start)
            server.add(blob)
        found["bytes"] = len(blob)
        while requests := server.ask():
            for number, request in requests.items():
                server.add(clients[number].answer(request))
        start = time.process_time()
        sealed = server.close()
        found["close_seconds"] = time.process_time() - start
    found["seal_seconds"] = min(seconds)
    structure, arrays = take_apart(values)
    layout = Layout(PLAN, structure)
    pads = [
        (Stream(bytes([number]) * 32, ring.lane_of(PLAN.width)), 1) for number in range(CLIENTS)
    ]
    found["mask_seconds"], _ = best(lambda: fused.masked_update(layout, arrays, 1, pads), 15)
    found["mask_by_numpy_seconds"], _ = best(
        lambda: list(ring.masked(vector(layout, arrays, 1), PLAN.width, pads))
    )
    found["open_seconds"], _ = best(lambda: aggregator.open(sealed), 3)
    return found


def paillier(values: np.ndarray, scheme: str) -> dict[str, float]:
    """Quantise, pack, encrypt, write at a client, with the public key and with the private one."""
    public, private = generate_keypair(2048, scheme)
    at = [0]

    def seal(key, shared):
        aggregator = SecureAggregator("paillier", PLAN, key=key, shared_key=shared)
        at[0] += 1
        return aggregator.client(at[0]).seal(values)

    seal(public, False)  # builds the key's tables
    found: dict[str, float] = {}
    found["seal_seconds"], blob = best(lambda: seal(public, False), 5)
    seal(private, True)
    found["seal_by_owner_seconds"], _ = best(lambda: seal(private, True), 5)
    found["bytes"] = len(blob)
    aggregator = SecureAggregator("paillier", PLAN, key=public)
    server = aggregator.server(99)
    blobs = [aggregator.client(99, number).seal(values) for number in range(3)]
    server.add(blobs[0])
    start = time.process_time()
    server.add(blobs[1])
    found["add_seconds"] = time.process_time() - start
    server.add(blobs[2])
    sealed = server.close()
    holder = SecureAggregator("paillier", PLAN, key=private)
    found["open_seconds"], _ = best(lambda: holder.open(sealed), 1)
    return found


def server_memory(method: str, parameters: int) -> float:
    """Most memory of a server with ten clients beside the update that comes in, in sealed updates.

    With glibc's threshold fixed, beyond which it gives back what is freed: left to itself it may keep an update or two.
    """
    command = [
        sys.executable,
        "-m",
        "tests.homo.measure_rounds",
        "--memory",
        method,
        str(parameters),
    ]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 17)}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(found.stdout)


def _memory(method: str, parameters: int) -> float:
    """In a process of its own: updates come from files, one at a time."""
    folder = Path(tempfile.mkdtemp())
    values = np.zeros(parameters, np.float32)
    if method == "paillier":
        public, _ = generate_keypair(2048, "paillier-short-subgroup")
        aggregator = SecureAggregator("paillier", PLAN, key=public)
    else:
        aggregator = SecureAggregator("masks", PLAN)
    server, clients = aggregator.server(0), [aggregator.client(0, i) for i in range(CLIENTS)]
    stages = 2 if method == "masks" else 0
    for _ in range(stages):
        for number, request in server.ask().items():
            server.add(clients[number].answer(request))
    for number, request in server.ask().items():
        (folder / str(number)).write_bytes(clients[number].answer(request, values))
    size = (folder / "0").stat().st_size
    del values
    blob = (folder / "0").read_bytes()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what clients left behind is not to be taken up again
    _reset_peak()
    before = _resident()
    server.add(blob)
    for number in range(1, CLIENTS):
        del blob
        blob = (folder / str(number)).read_bytes()
        server.add(blob)
    del blob
    while requests := server.ask():
        for number, request in requests.items():
            server.add(clients[number].answer(request))
    sealed = server.close()
    peak = _peak()
    assert sealed
    return (peak - before) / size


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _peak() -> int:
    text = Path("/proc/self/status").read_text()
    return (
        int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM"))) * 1024
    )


def main() -> None:
    """Measure all and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python with tenseal and phe")
    parser.add_argument("--flower", help="Python with flwr")
    parser.add_argument("--fedbiomed", help="Python with fedbiomed")
    parser.add_argument("--masks-only", action="store_true", help="leave Paillier and memory out")
    parser.add_argument("--parameters", type=int, default=1_000_000)
    parser.add_argument("--memory", nargs=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.memory:
        print(_memory(options.memory[0], int(options.memory[1])))
        return
    parameters = options.parameters
    with use_backend("cpu", threads=1):
        result = {
            "command": "python -m tests.homo.measure_rounds", "parameters": parameters,
            "clients": CLIENTS, "value_bits": 16, "key_bits": 2048,
            "machine": platform.processor() or platform.machine(),
            "engine": str(backend_info()).partition("\n")[0],
            "masks": masks(update()[:parameters]),
        }  # fmt: skip
        for name, scheme in () if options.masks_only else SCHEMES.items():
            result[name] = paillier(update()[:parameters], scheme)
    if options.peers:
        result["tenseal"] = peer(options.peers, "tenseal", parameters)
        result["phe"] = peer(options.peers, "phe", parameters)
    if options.flower:
        result["flwr"] = peer(options.flower, "flwr", parameters)
    if options.fedbiomed:
        result["fedbiomed"] = peer(options.fedbiomed, "fedbiomed", parameters)
    if not options.masks_only:
        result["server_memory"] = {
            f"{name}, {size}": server_memory(name, size)
            for name in ("masks", "paillier")
            for size in (parameters, 4 * parameters)
        }
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
