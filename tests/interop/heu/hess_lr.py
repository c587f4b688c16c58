# SPDX-License-Identifier: Apache-2.0
"""One party of SecretFlow's HESS logistic regression on HEU or on ours, by ../run_hess.py.

SecretFlow's own code throughout: ``ours`` calls ``heu.install()`` before it is imported, nothing else.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path


def start(sf, party, port):
    """SecretFlow between two processes on loopback."""
    addresses = {"alice": f"127.0.0.1:{port}", "bob": f"127.0.0.1:{port + 1}"}
    parties = {name: {"address": at, "listen_addr": at} for name, at in addresses.items()}
    sf.init(
        address="local", ray_mode=False, cluster_config={"parties": parties, "self_party": party},
        cross_silo_comm_backend="brpc_link", logging_level="warning",
        cross_silo_comm_options={
            "connect_retry_times": 120, "connect_retry_interval_ms": 1000, "recv_timeout_ms": 3_600_000,
        },
    )  # fmt: skip


def devices(sf, pb2, port, key):
    """The device of secret shares, and one of each party for encryption."""
    nodes = [
        {"party": name, "address": f"127.0.0.1:{port + i}"}
        for i, name in enumerate(("alice", "bob"))
    ]
    config = {
        "protocol": pb2.SEMI2K,
        "field": pb2.FM128,
        "sigmoid_mode": pb2.RuntimeConfig.SIGMOID_REAL,
    }

    def heu(keeper, evaluator):
        return sf.HEU(
            {
                "sk_keeper": {"party": keeper}, "evaluators": [{"party": evaluator}], "mode": "PHEU",
                "he_parameters": {"schema": "paillier", "key_pair": {"generate": {"bit_size": key}}},
                "encoding": {
                    "cleartext_type": "DT_I32", "encoder": "IntegerEncoder", "encoder_args": {"scale": 1},
                },
            },
            pb2.FM128,
        )  # fmt: skip

    spu = sf.SPU({"nodes": nodes, "runtime_config": config})
    return spu, heu("alice", "bob"), heu("bob", "alice")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("party", choices=("alice", "bob"))
    parser.add_argument("engine", choices=("heu", "ours"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--key", type=int)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    if options.engine == "ours":
        from pyfate_gpu.integrations import heu

        heu.install()
    import numpy as np
    import secretflow as sf
    import spu
    from secretflow.data import FedNdarray, PartitionWay
    from secretflow.device.driver import reveal, wait
    from secretflow.ml.linear.hess_sgd import HESSLogisticRegression

    start(sf, options.party, options.port)
    model = HESSLogisticRegression(*devices(sf, spu.spu_pb2, options.port + 2, options.key))
    guest = np.loadtxt(options.folder / "guest.csv", delimiter=",", skiprows=1)
    host = np.loadtxt(options.folder / "host.csv", delimiter=",", skiprows=1)
    labels, alice, bob = guest[:, 1:2], sf.PYU("alice"), sf.PYU("bob")
    x = FedNdarray(
        {alice: alice(lambda: host[:, 1:])(), bob: bob(lambda: guest[:, 2:])()},
        PartitionWay.VERTICAL,
    )
    y = FedNdarray({bob: bob(lambda: labels)()}, PartitionWay.VERTICAL)
    begin, worked = time.perf_counter(), time.process_time()
    model.fit(x, y, learning_rate=0.3, epochs=options.epochs, batch_size=128)
    wait([model._w])
    seconds, worked = time.perf_counter() - begin, time.process_time() - worked
    scores = np.asarray(reveal(model.predict(x))).ravel()
    (options.folder / f"{options.party}.json").write_text(json.dumps(worked))
    if options.party == "bob":
        result = {
            "seconds": seconds,
            "steps": options.epochs * -(-len(labels) // 128),
            "labels": labels.ravel().tolist(),
            "scores": scores.tolist(),
        }
        (options.folder / "result.json").write_text(json.dumps(result))
    sf.shutdown()


if __name__ == "__main__":
    main()
