# SPDX-License-Identifier: Apache-2.0
"""One party of trees by SecretFlow's SGB, as it comes; started with a Python that has it.

By ../processes.py, and by tests/interop/measure_sgb_trees.py.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

PARTIES = ("alice", "bob")


def start(sf: Any, party: str, ports: list[int]) -> None:
    """Connect two processes on loopback."""
    addresses = {name: f"127.0.0.1:{port}" for name, port in zip(PARTIES, ports)}  # noqa: B905
    parties = {name: {"address": at, "listen_addr": at} for name, at in addresses.items()}
    sf.init(
        address="local", ray_mode=False, cluster_config={"parties": parties, "self_party": party},
        cross_silo_comm_backend="brpc_link", logging_level="warning",
        cross_silo_comm_options={
            "connect_retry_times": 120, "connect_retry_interval_ms": 1000, "recv_timeout_ms": 3_600_000,
        },
    )  # fmt: skip


def evaluator(sf: Any, pb2: Any, options: argparse.Namespace) -> Any:
    """Encryption with bob's key."""
    return sf.HEU(
        {
            "sk_keeper": {"party": "bob"}, "evaluators": [{"party": "alice"}], "mode": "PHEU",
            "he_parameters": {
                "schema": options.schema, "key_pair": {"generate": {"bit_size": options.key}},
            },
            "encoding": {
                "cleartext_type": "DT_I32", "encoder": "IntegerEncoder", "encoder_args": {"scale": 1},
            },
        },
        pb2.FM128,
    )  # fmt: skip


def main() -> None:
    """Train at this party."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("party", choices=PARTIES)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--ports")
    for name in ("--key", "--depth", "--bins"):
        parser.add_argument(name, type=int)
    parser.add_argument("--schema")
    parser.add_argument("--trees", type=int, default=1)
    options = parser.parse_args()
    import numpy as np
    import secretflow as sf
    import spu
    from secretflow.data import FedNdarray, PartitionWay
    from secretflow.device.driver import reveal, wait
    from secretflow.ml.boost.sgb_v import Sgb, get_classic_XGB_params

    start(sf, options.party, [int(port) for port in options.ports.split(",")])
    heu = evaluator(sf, spu.spu_pb2, options)
    guest = np.loadtxt(options.folder / "guest.csv", delimiter=",", skiprows=1)
    host = np.loadtxt(options.folder / "host.csv", delimiter=",", skiprows=1)
    labels, alice, bob = guest[:, 1:2], sf.PYU("alice"), sf.PYU("bob")
    x = FedNdarray(
        {bob: bob(lambda: guest[:, 2:])(), alice: alice(lambda: host[:, 1:])()},
        PartitionWay.VERTICAL,
    )
    y = FedNdarray({bob: bob(lambda: labels)()}, PartitionWay.VERTICAL)
    parameters = get_classic_XGB_params()
    parameters.update(
        num_boost_round=options.trees, max_depth=options.depth, sketch_eps=1 / options.bins, reg_lambda=1.0, gamma=0.0,
        learning_rate=0.3, objective="logistic", first_tree_with_label_holder_feature=False,
    )  # fmt: skip
    begin, begin_cpu = time.perf_counter(), time.process_time()
    model = Sgb(heu).train(parameters, x, y)
    wait(model)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
    scores = np.asarray(reveal(model.predict(x))).ravel()
    (options.folder / f"{options.party}.json").write_text(json.dumps({"cpu_seconds": cpu_seconds}))
    if options.party == "bob":
        result = {"seconds": seconds, "scores": scores.tolist()}
        (options.folder / "result.json").write_text(json.dumps(result))
    sf.shutdown()


if __name__ == "__main__":
    main()
