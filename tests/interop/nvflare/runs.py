# SPDX-License-Identifier: Apache-2.0
"""NVFlare's averaging in the clear and by our components, in its simulator: each site a process of its own.

Run by tests/interop/run_nvflare.py with the Python that has NVFlare; prints what came of it as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from nvflare.app_common.aggregators.intime_accumulate_model_aggregator import (
    InTimeAccumulateWeightedAggregator,
)
from nvflare.app_common.np.np_model_persistor import NPModelPersistor
from nvflare.app_common.shareablegenerators.full_model_shareable_generator import (
    FullModelShareableGenerator,
)
from nvflare.app_common.workflows.scatter_and_gather import ScatterAndGather
from nvflare.job_config.api import FedJob
from nvflare.job_config.defs import FilterType

from pyfate_gpu import generate_keypair, load_private_key, save_private_key, save_public_key
from pyfate_gpu.homo import AggregationPlan, SecureAggregator
from pyfate_gpu.integrations.nvflare import (
    PaillierAggregator,
    PaillierModelDecryptor,
    PaillierModelEncryptor,
)
from tests.interop.nvflare.trainer import SiteTrainer

SITES = ["site-1", "site-2", "site-3"]
ROUNDS = 3
INITIAL = [[0.5, -0.25, 0.125], [1.0, 2.0, -3.0]]


def run(folder: Path, sealed: dict | None) -> tuple[np.ndarray, float]:
    """The model that the server has at the end, and seconds."""
    name = "sealed" if sealed else "plain"
    job = FedJob(name=name, min_clients=len(SITES))
    persistor = job.to_server(NPModelPersistor(model=INITIAL), id="persistor")
    job.to_server(FullModelShareableGenerator(), id="generator")
    if sealed:
        aggregator = PaillierAggregator(**sealed | {"key_file": str(folder / "public.jwk")})
    else:
        aggregator = InTimeAccumulateWeightedAggregator(expected_data_kind="WEIGHTS")
    job.to_server(aggregator, id="aggregator")
    job.to_server(ScatterAndGather(
        min_clients=len(SITES), num_rounds=ROUNDS, wait_time_after_min_received=0, aggregator_id="aggregator",
        persistor_id="persistor", shareable_generator_id="generator",
    ))  # fmt: skip
    for site in SITES:
        job.to(SiteTrainer(), site, tasks=["train"])
        if sealed:
            job.to(
                PaillierModelDecryptor(**sealed),
                site,
                tasks=["train"],
                filter_type=FilterType.TASK_DATA,
            )
            job.to(
                PaillierModelEncryptor(**sealed),
                site,
                tasks=["train"],
                filter_type=FilterType.TASK_RESULT,
            )
    assert persistor
    began = time.perf_counter()
    job.simulator_run(str(folder / name), threads=len(SITES))
    files = list((folder / name).rglob("server.npy"))
    return np.load(files[0]), time.perf_counter() - began


def main() -> None:
    """Run both and compare."""
    folder = Path(tempfile.mkdtemp())
    public, private = generate_keypair(512, allow_insecure_key_size=True)
    save_public_key(public, folder / "public.jwk")
    save_private_key(private, folder / "private.jwk")
    sealed = {
        "key_file": str(folder / "private.jwk"), "clients": SITES, "value_bits": 24, "clip": 8.0,
        "max_total_weight": 3000, "allow_insecure_key_size": True,
    }  # fmt: skip
    plain, plain_seconds = run(folder, None)
    found, seconds = run(folder, sealed)
    assert found.dtype == np.uint8  # what the server has is sealed
    plan = AggregationPlan(3, 24, clip=8.0, max_total_weight=3000)
    key = load_private_key(folder / "private.jwk", allow_insecure_key_size=True)
    mean, report = SecureAggregator("paillier", plan, key=key, shared_key=True).open(
        found.tobytes()
    )
    difference = float(np.abs(mean["numpy_key"] - plain).max())
    assert difference < 1e-5, difference
    assert report.clients == (0, 1, 2)
    result = {
        "nvflare": version("nvflare"), "difference": difference,
        "seconds": {"plain": plain_seconds, "sealed": seconds},
    }  # fmt: skip
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
