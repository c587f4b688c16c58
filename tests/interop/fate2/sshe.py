# SPDX-License-Identifier: Apache-2.0
"""FATE's logistic regression on shares (SSHE), by FATE's own launcher; ../measure_fate2_sshe.py runs it."""
# No postponed annotations: FATE's launcher reads those of Arguments.

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from fate.arch.launchers.argparser import HfArgumentParser
from fate.arch.launchers.multiprocess_launcher import launch
from job import read

START = {"method": "zeros", "fit_intercept": True, "fill_val": 0.0, "random_state": 1}


@dataclass
class Arguments:
    """What a run is."""

    folder: str = field(default=".")
    key: int = field(default=2048)
    epochs: int = field(default=1)
    batch: int = field(default=1024)


def run(ctx):
    arguments = HfArgumentParser(Arguments).parse_args_into_dataclasses(
        return_remaining_strings=True
    )[0]

    import torch
    from fate.ml.glm.hetero.sshe.sshe_lr import SSHELogisticRegression

    torch.set_num_threads(1)
    ctx.cipher.set_phe(ctx.device, {"kind": "paillier", "key_length": arguments.key})
    ctx.mpc.init()
    folder = Path(arguments.folder)
    frame = read(ctx, folder)
    model = SSHELogisticRegression(
        epochs=arguments.epochs, batch_size=arguments.batch, tol=0.0, early_stop="diff", learning_rate=0.1,
        init_param=dict(START), reveal_loss_freq=1,
    )  # fmt: skip
    start = time.perf_counter()
    model.fit(ctx.sub_ctx("train"), frame)
    seconds = time.perf_counter() - start
    prediction = model.predict(ctx.sub_ctx("predict"), frame)
    if ctx.is_on_guest:
        table = prediction.as_pd_df().sort_values("id")
        result = {
            "seconds": seconds,
            "labels": table["label"].astype(float).tolist(),
            "scores": table["predict_score"].astype(float).tolist(),
        }
        (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    launch(run, extra_args_desc=[Arguments])
