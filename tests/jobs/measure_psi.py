# SPDX-License-Identifier: Apache-2.0
"""What private set intersection costs: three parties in one process, half of the ids in common.

``python tests/jobs/measure_psi.py --ids 1000000``; not a test. On a shared machine compare CPU seconds.
"""

from __future__ import annotations

import argparse
import resource
import time

from pyfate_gpu import simulate
from pyfate_gpu.protocol.psi import intersect


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=1_000_000, help="of each side")
    options = parser.parse_args()
    guest = [f"customer-{number:09d}" for number in range(options.ids)]
    host = [f"customer-{number + options.ids // 2:09d}" for number in range(options.ids)]

    def party(ids):
        def run(session):
            return intersect(session, ids).tolist(), session.statistics.usage()

        return run

    before, cpu, wall = memory(), time.process_time(), time.perf_counter()
    result = simulate(guest=party(guest), hosts=[party(host)], arbiter=party([]), timeout=3600)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert result["guest"][0] == list(range(options.ids // 2, options.ids))
    assert result["host-0"][0] == list(range(options.ids - options.ids // 2))
    sent = {name: usage.bytes_sent / 1e6 for name, (_, usage) in result.items()}
    print(f"{options.ids} ids a side: {wall:.0f} s, {cpu:.0f} s of CPU for all parties together")
    print(f"peak memory {memory():.0f} MB, of which {before:.0f} MB before the start")
    print(", ".join(f"{name} sent {size:.1f} MB" for name, size in sent.items()))


if __name__ == "__main__":
    main()
