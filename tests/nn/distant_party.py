# SPDX-License-Identifier: Apache-2.0
"""One party of transfer learning over mutual TLS: ``python -m tests.nn.distant_party PARTY FOLDER [MESSAGES]``.

The folder holds its rows, its certificate and the addresses; after so many messages it kills itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from pyfate_gpu.errors import PyFateError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST, Party
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
from pyfate_gpu.nn.transfer import FederatedTransfer


class Mortal(Session):
    """Dies of SIGKILL instead of sending one message more."""

    left = -1

    def send(self, to, name, **payload):
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return super().send(to, name, **payload)


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    party = Party.parse(name)
    addresses = json.loads((folder / "addresses.json").read_text())
    pem = {kind: (folder / f"{name}.{kind}").read_bytes() for kind in ("certificate", "key")}
    credentials = Credentials((folder / "authority").read_bytes(), pem["certificate"], pem["key"])
    peers = {Party.parse(p): address for p, address in addresses.items() if p != name}
    channel = GrpcChannel(
        party, addresses[name], peers, credentials=credentials, timeout=300, peer_timeout=5
    )
    data = np.load(folder / f"{name}.npz")
    model = FederatedTransfer(
        features=3, max_iter=4, random_state=1 if party == GUEST else 2, key_bits=512, allow_insecure_key_size=True
    )  # fmt: skip
    try:
        channel.connect()
        session = Mortal(party, peers, channel, timeout=300)
        session.left = int(sys.argv[3]) if len(sys.argv) > 3 else -1
        labels = [data["y"]] if party == GUEST else []
        model.fit(data["X"], *labels, session=session, common=data["common"])
        scores = model.decision_function(None if party == GUEST else data["X"], session=session)
        found = {"weights": model.weights_, "scores": np.zeros(0) if scores is None else scores}
        np.savez(folder / f"{name}.found.npz", **found)
        channel.close()
    except PyFateError as error:
        (folder / f"{name}.error").write_text(f"{type(error).__name__}: {error}")
        os._exit(1)  # nobody is there to say goodbye to


if __name__ == "__main__":
    main()
