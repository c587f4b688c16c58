# SPDX-License-Identifier: Apache-2.0
"""One fit of all parties in one process, and what it cost: ``python tests/glm/fit_once.py FOLDER``; no test.

FOLDER has ``data.npz`` (y, and a matrix for each party, part0 the guest's) and ``fit.json`` (model, parameters).
Prints JSON. Uses nothing but what the package has exported since its first release, so that any build can run it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np

import pyfate_gpu
from pyfate_gpu import CiphertextArray, simulate


class Clock:
    """CPU seconds of this process, losses and bytes at each iteration's end."""

    def __init__(self):
        self.seconds, self.losses, self.sent = [], [], {}

    def on_iteration(self, report):
        if report.party == "guest":
            self.seconds.append(time.process_time() - BEGIN)
            self.losses.append(report.loss)
        sent = report.usage.bytes_sent
        self.sent[report.iteration] = self.sent.get(report.iteration, 0) + sent


class Held:
    """The most bytes of encrypted arrays that a party, a thread, has at once."""

    def __init__(self):
        self.now, self.most, self.lock = {}, {}, threading.RLock()

    def watch(self):
        original, held, owners = CiphertextArray.__init__, self, {}

        def init(array, *arguments, **options):
            original(array, *arguments, **options)
            party = threading.current_thread().name
            owners[id(array)] = party, array.size * array.public_key.key_bits // 4
            held.add(*owners[id(array)])

        def finish(array):
            party, nbytes = owners.pop(id(array), (None, 0))
            held.add(party, -nbytes)

        CiphertextArray.__init__, CiphertextArray.__del__ = init, finish

    def add(self, party, nbytes):
        with self.lock:
            self.now[party] = self.now.get(party, 0) + nbytes
            self.most[party] = max(self.most.get(party, 0), self.now[party])


def main():
    folder = Path(sys.argv[1])
    fit = json.loads((folder / "fit.json").read_text())
    data = np.load(folder / "data.npz")
    parts = [data[f"part{number}"] for number in range(len(data.files) - 1)]
    clock, held = Clock(), Held()
    held.watch()

    def party(*own):
        model = getattr(pyfate_gpu, fit["model"])(**fit["parameters"], callbacks=[clock])
        return lambda session: model.fit(*own, session=session)

    models = simulate(
        guest=party(parts[0], data["y"]),
        hosts=[party(part) for part in parts[1:]],
        arbiter=party(),
        timeout=36000,
    )
    names = ["guest", *(f"host-{number}" for number in range(len(parts) - 1))]
    print(
        json.dumps(
            {
                "seconds": clock.seconds,
                "losses": clock.losses,
                "sent": [clock.sent[number] for number in sorted(clock.sent)],
                "total": time.process_time() - BEGIN,
                "sent_in_all": sum(model.report_.usage.bytes_sent for model in models.values()),
                "held": max(held.most.values()),
                "coef": [np.asarray(models[name].coef_).tolist() for name in names],
                "intercept": np.asarray(models["guest"].intercept_).tolist(),
            }
        )
    )


if __name__ == "__main__":
    BEGIN = time.process_time()
    main()
