# SPDX-License-Identifier: Apache-2.0
"""CPU seconds and bytes of a default fit with 2048 bits, all parties in one process; no test.

``python -m tests.glm.measure_fit [breast | default_credit] [--packing none] [--max-iter N]``; two fits of different
length give the cost of a pass.
"""

from __future__ import annotations

import argparse
import time

from pyfate_gpu import HeteroLogisticRegression, simulate
from tests.glm.real_data import load_whole


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="breast", choices=("breast", "default_credit"))
    parser.add_argument("--packing", default="auto")
    parser.add_argument("--max-iter", type=int, default=HeteroLogisticRegression.max_iter)
    options = parser.parse_args()
    guest, y, host = load_whole(options.data)

    def party(*data):
        model = HeteroLogisticRegression(
            key_bits=2048, packing=options.packing, max_iter=options.max_iter
        )
        return lambda session: model.fit(*data, session=session)

    begin = time.process_time()
    models = simulate(guest=party(guest, y), hosts=[party(host)], arbiter=party(), timeout=3600)
    seconds = time.process_time() - begin
    sent = sum(model.report_.usage.bytes_sent for model in models.values()) / 1e6
    passes = models["guest"].n_iter_
    print(f"{options.data}: {seconds:.2f} CPU seconds, {passes} passes, {sent:.2f} MB sent by all")


if __name__ == "__main__":
    main()
