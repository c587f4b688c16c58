# SPDX-License-Identifier: Apache-2.0
"""FATE's coordinated logistic and linear regression and SecureBoost, by FATE's own launcher.

Run by ../run_fate2.py in an environment with pyfate. The jobs are FATE's; ``--engine ours`` adds the
call of ``install()``, ``--engine blinded`` is FATE's engine made to blind all it encrypts.
"""
# No postponed annotations: FATE's launcher reads those of Arguments.

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from fate.arch.launchers.argparser import HfArgumentParser
from fate.arch.launchers.multiprocess_launcher import launch

OPTIMIZER = {
    "method": "rmsprop", "penalty": "l2", "alpha": 0.01, "optimizer_params": {"lr": 0.15},
}  # fmt: skip
RATE = {"method": "constant", "scheduler_params": {"factor": 1.0, "total_iters": 5}}
START = {"method": "random_uniform", "fit_intercept": True, "random_state": 42, "fill_val": 0.0}


@dataclass
class Arguments:
    """What a run is."""

    job: str = field(default="lr")
    folder: str = field(default=".")
    engine: str = field(default="fate")
    kind: str = field(default="paillier")
    key: int = field(default=2048)
    epochs: int = field(default=3)
    seed: int = field(default=1)


def blind_all():
    """Let FATE blind every tensor that it encrypts in this process."""
    from fate.arch.tensor.phe._keypair import PHETensorEncryptor

    encrypt = PHETensorEncryptor.encrypt_encoded
    PHETensorEncryptor.encrypt_encoded = lambda self, tensor, obfuscate=True: encrypt(
        self, tensor, True
    )


# Not in `choose`: most is encrypted by worker processes, which import this module and nothing else of the job.
if "blinded" in sys.argv:
    blind_all()


def choose(engine):
    if engine == "ours":
        from pyfate_gpu.integrations import fate2

        fate2.install()


def coordinated(ctx, name, epochs):
    """Coordinated regression of this party; `name` is FATE's, LR or LinR."""
    import fate.ml.glm as glm

    if ctx.is_on_arbiter:
        return getattr(glm, f"Coordinated{name}ModuleArbiter")(
            epochs=epochs, early_stop="diff", tol=0.0, batch_size=None,
            optimizer_param=OPTIMIZER, learning_rate_param=RATE,
        )  # fmt: skip
    role = "Guest" if ctx.is_on_guest else "Host"
    return getattr(glm, f"Coordinated{name}Module{role}")(
        epochs=epochs, batch_size=None, optimizer_param=OPTIMIZER, learning_rate_param=RATE,
        floating_point_precision=23, init_param=START,
    )  # fmt: skip


def secureboost(ctx, trees):
    """SecureBoost of this party; an epoch is a tree."""
    from fate.ml.ensemble import HeteroSecureBoostGuest, HeteroSecureBoostHost

    shape = {"num_trees": trees, "max_depth": 3, "max_bin": 32}
    if ctx.is_on_guest:
        return HeteroSecureBoostGuest(objective="binary:bce", learning_rate=0.3, **shape)
    return HeteroSecureBoostHost(**shape)


def read(ctx, folder):
    """This party's table."""
    from fate.arch import dataframe

    label = {"label_name": "y", "label_type": "int32"} if ctx.is_on_guest else {}
    reader = dataframe.CSVReader(
        sample_id_name=None, match_id_name="id", delimiter=",", dtype="float32", **label
    )
    return reader.to_frame(ctx, str(folder / ("guest.csv" if ctx.is_on_guest else "host.csv")))


def run(ctx):
    arguments = HfArgumentParser(Arguments).parse_args_into_dataclasses(
        return_remaining_strings=True
    )[0]
    choose(arguments.engine)

    import torch
    from fate.arch.config import cfg

    torch.set_num_threads(1)
    cfg.safety.phe.mock.allow = True
    ctx.cipher.set_phe(ctx.device, {"kind": arguments.kind, "key_length": arguments.key})
    # A host of SecureBoost shuffles its splits: the order decides between splits of equal gain.
    ctx.cipher.set_allow_custom_random_seed(True)
    ctx.cipher.set_custom_random_seed(arguments.seed)
    if arguments.job == "secureboost":
        model = secureboost(ctx, arguments.epochs)
    else:
        model = coordinated(ctx, {"lr": "LR", "linr": "LinR"}[arguments.job], arguments.epochs)
    sub = ctx.sub_ctx("train")
    if ctx.is_on_arbiter:
        model.fit(sub)
        return
    folder = Path(arguments.folder)
    frame = read(ctx, folder)
    start = time.perf_counter()
    model.fit(sub, frame)
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
