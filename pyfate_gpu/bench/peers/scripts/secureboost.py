# SPDX-License-Identifier: Apache-2.0
"""One tree by FATE 2.2's SecureBoost, as it comes; started by ../processes.py with a Python that has pyfate."""
# No postponed annotations: FATE's launcher reads those of Arguments.

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fate.arch.launchers.argparser import HfArgumentParser
from fate.arch.launchers.multiprocess_launcher import launch


@dataclass
class Arguments:
    """What a run is."""

    folder: str = field(default=".")
    key: int = field(default=2048)
    depth: int = field(default=3)
    bins: int = field(default=32)


def read(ctx: Any, folder: Path) -> Any:
    """Read this party's table."""
    from fate.arch import dataframe

    label = {"label_name": "y", "label_type": "int32"} if ctx.is_on_guest else {}
    reader = dataframe.CSVReader(
        sample_id_name=None, match_id_name="id", delimiter=",", dtype="float32", **label
    )
    return reader.to_frame(ctx, str(folder / ("guest.csv" if ctx.is_on_guest else "host.csv")))


def run(ctx: Any) -> None:
    """Train at this party."""
    import torch
    from fate.ml.ensemble import HeteroSecureBoostGuest, HeteroSecureBoostHost

    parser = HfArgumentParser(Arguments)
    options = parser.parse_args_into_dataclasses(return_remaining_strings=True)[0]
    torch.set_num_threads(1)
    ctx.cipher.set_phe(ctx.device, {"kind": "paillier", "key_length": options.key})
    shape = {"num_trees": 1, "max_depth": options.depth, "max_bin": options.bins}
    if ctx.is_on_guest:
        model = HeteroSecureBoostGuest(objective="binary:bce", learning_rate=0.3, **shape)
    else:
        model = HeteroSecureBoostHost(**shape)
    frame = read(ctx, Path(options.folder))
    start = time.perf_counter()
    model.fit(ctx.sub_ctx("train"), frame)
    seconds = time.perf_counter() - start
    prediction = model.predict(ctx.sub_ctx("predict"), frame)
    if ctx.is_on_guest:
        table = prediction.as_pd_df()
        table = table.assign(id=table["id"].astype(float)).sort_values(
            "id"
        )  # it has made them '0.0'
        found = {"seconds": seconds, "scores": table["predict_score"].astype(float).tolist()}
        (Path(options.folder) / "result.json").write_text(json.dumps(found))


if __name__ == "__main__":
    launch(run, extra_args_desc=[Arguments])
