# SPDX-License-Identifier: Apache-2.0
"""FATE's coordinated logistic regression, three processes by FATE's own launcher.

Run by ../run_fate2.py in an environment with pyfate. The job itself is FATE's; ``--engine ours`` adds
the call of ``install()``, ``--engine blinded`` is FATE's engine made to blind all it encrypts.
"""
# No postponed annotations: FATE's launcher reads those of Arguments.

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from fate.arch.launchers.argparser import HfArgumentParser
from fate.arch.launchers.multiprocess_launcher import launch


@dataclass
class Arguments:
    """What a run is."""

    folder: str = field(default=".")
    engine: str = field(default="fate")
    kind: str = field(default="paillier")
    key: int = field(default=2048)
    epochs: int = field(default=3)


def choose(engine):
    if engine == "ours":
        from pyfate_gpu.integrations import fate2

        fate2.install()
    elif engine == "blinded":
        import fate.arch.protocol.phe.paillier as paillier

        encrypt = paillier.PK.encrypt_encoded
        paillier.PK.encrypt_encoded = lambda self, vec, obfuscate: encrypt(self, vec, True)


def run(ctx):
    arguments = HfArgumentParser(Arguments).parse_args_into_dataclasses(
        return_remaining_strings=True
    )[0]
    choose(arguments.engine)

    import torch
    from fate.arch import dataframe
    from fate.arch.config import cfg
    from fate.ml.glm import (
        CoordinatedLRModuleArbiter,
        CoordinatedLRModuleGuest,
        CoordinatedLRModuleHost,
    )

    torch.set_num_threads(1)
    cfg.safety.phe.mock.allow = True
    ctx.cipher.set_phe(ctx.device, {"kind": arguments.kind, "key_length": arguments.key})
    optimizer = {
        "method": "rmsprop", "penalty": "l2", "alpha": 0.01, "optimizer_params": {"lr": 0.15},
    }  # fmt: skip
    rate = {"method": "constant", "scheduler_params": {"factor": 1.0, "total_iters": 5}}
    sub = ctx.sub_ctx("train")
    if ctx.is_on_arbiter:
        CoordinatedLRModuleArbiter(
            epochs=arguments.epochs, early_stop="diff", tol=0.0, batch_size=None,
            optimizer_param=optimizer, learning_rate_param=rate,
        ).fit(sub)  # fmt: skip
        return
    guest = ctx.is_on_guest
    label = {"label_name": "y", "label_type": "int32"} if guest else {}
    reader = dataframe.CSVReader(
        sample_id_name=None, match_id_name="id", delimiter=",", dtype="float32", **label
    )
    folder = Path(arguments.folder)
    frame = reader.to_frame(ctx, str(folder / ("guest.csv" if guest else "host.csv")))
    model = (CoordinatedLRModuleGuest if guest else CoordinatedLRModuleHost)(
        epochs=arguments.epochs, batch_size=None, optimizer_param=optimizer,
        learning_rate_param=rate, floating_point_precision=23,
        init_param={
            "method": "random_uniform", "fit_intercept": True, "random_state": 42, "fill_val": 0.0,
        },
    )  # fmt: skip
    start = time.perf_counter()
    model.fit(sub, frame)
    seconds = time.perf_counter() - start
    prediction = model.predict(ctx.sub_ctx("predict"), frame)
    if guest:
        table = prediction.as_pd_df().sort_values("id")
        result = {
            "seconds": seconds,
            "labels": table["label"].astype(float).tolist(),
            "scores": table["predict_score"].astype(float).tolist(),
        }
        (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    launch(run, extra_args_desc=[Arguments])
