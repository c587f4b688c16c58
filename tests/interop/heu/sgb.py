# SPDX-License-Identifier: Apache-2.0
"""One party of SecretFlow's boosted trees, SGB, as it comes, by ../measure_sgb_trees.py."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from hess_lr import start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("party", choices=("alice", "bob"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--key", type=int)
    parser.add_argument("--schema")
    parser.add_argument("--trees", type=int)
    options = parser.parse_args()
    import numpy as np
    import secretflow as sf
    import spu
    from secretflow.data import FedNdarray, PartitionWay
    from secretflow.device.driver import reveal, wait
    from secretflow.ml.boost.sgb_v import Sgb, get_classic_XGB_params

    start(sf, options.party, options.port)
    heu = sf.HEU(
        {
            "sk_keeper": {"party": "bob"}, "evaluators": [{"party": "alice"}], "mode": "PHEU",
            "he_parameters": {
                "schema": options.schema, "key_pair": {"generate": {"bit_size": options.key}},
            },
            "encoding": {
                "cleartext_type": "DT_I32", "encoder": "IntegerEncoder", "encoder_args": {"scale": 1},
            },
        },
        spu.spu_pb2.FM128,
    )  # fmt: skip
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
        num_boost_round=options.trees, max_depth=3, sketch_eps=1 / 32, reg_lambda=1.0, gamma=0.0,
        learning_rate=0.3, objective="logistic", first_tree_with_label_holder_feature=False,
    )  # fmt: skip
    begin = time.process_time()
    model = Sgb(heu).train(parameters, x, y)
    wait(model)
    seconds = time.process_time() - begin
    scores = np.asarray(reveal(model.predict(x))).ravel()
    result = {"cpu_seconds": seconds, "mean_score": float(scores.mean())}
    (options.folder / f"{options.party}.json").write_text(json.dumps(result))
    sf.shutdown()


if __name__ == "__main__":
    main()
