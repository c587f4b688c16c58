# SPDX-License-Identifier: Apache-2.0
"""Write the corpus anew: ``python -m tests.fuzz.make_corpus TARGET...``; the key, and what was found, stay."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as arrow
import pyarrow.feather
import pyarrow.parquet

from pyfate_gpu import (
    FixedPointEncoder,
    HeteroBinning,
    HeteroBoostedTreesClassifier,
    HeteroLogisticRegression,
    HeteroSelector,
    IntegerEncoder,
    PublicKey,
    Scorecard,
    SlotLayout,
    simulate,
)
from pyfate_gpu.federation.frame import Frame, encode_frame
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.transports.grpc.calls import Opening
from pyfate_gpu.he import passphrases
from pyfate_gpu.jobs.checkpoints import Checkpoints
from pyfate_gpu.nn.transfer import FederatedTransfer
from tests.fuzz.readers import bindings, intersection, keys

CORPUS = Path(__file__).with_name("corpus")
HOST = Party(Role.HOST)
CSV = """id,y,a,b\nu1,0,1.5,-2\nu2,1,,3e-4\nu3,0,"0.25",nan\n"""
LIBSVM = """# a comment\n1 1:0.5 3:-2 7:1e-3\n-1 2:4\n0 1:1 7:0.125 # more\n"""
PARTY = """[party]
name = "guest"
job = "credit"
listen = "127.0.0.1:7001"
directory = "out"
checkpoint_every = 5
timeout = 60.0
[peers]
host-0 = "127.0.0.1:7002"
arbiter = "127.0.0.1:7003"
[tls]
authority = "ca.pem"
certificate = "guest.pem"
key = "guest.key"
[data]
path = "guest.csv"
label = "y"
columns = ["a", "b"]
[model]
type = "logistic"
max_iter = 3
[engine]
backend = "cpu"
threads = 1
"""
JOB = """[job]
name = "small"
directory = "out"
timeout = 60.0
[model]
type = "linear"
penalty = "l2"
[engine]
isa = "portable"
[data.guest]
path = "guest.csv"
label = "y"
[data.host-0]
path = "host.libsvm"
leading = ["id", "skip"]
"""


def model_files():
    X, labels = np.arange(24.0).reshape(6, 4) % 7, np.array(["no", "yes"] * 3)

    def model():
        return HeteroLogisticRegression(max_iter=1, key_bits=512, allow_insecure_key_size=True)

    models = simulate(
        guest=lambda session: model().fit(X[:, :2], labels, session=session),
        hosts=[lambda session: model().fit(X[:, 2:], session=session)],
        arbiter=lambda session: model().fit(session=session),
    )
    with tempfile.TemporaryDirectory() as folder:
        for party in (GUEST, HOST):
            path = Path(folder) / party.name
            models[party.name].save(path)
            yield f"model/{party.name}", path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        state = {
            "weights": np.ones((3, 1)),
            "losses": [0.5, 0.25],
            "optimizer_count": 3,
            "best": np.zeros(3),
        }
        Checkpoints(Path(folder), every=5, job="fuzzing").save(10, state)
        yield "checkpoint/one", next(Path(folder).iterdir()).read_bytes()


def tree_files():
    X, y = np.arange(48.0).reshape(12, 4) % 7, np.array(["a", "b", "c"] * 4)
    X[3, 0] = X[5, 3] = np.nan

    def model():
        return HeteroBoostedTreesClassifier(
            n_estimators=2,
            max_depth=2,
            min_samples_leaf=1,
            key_bits=512,
            allow_insecure_key_size=True,
        )

    models = simulate(
        guest=lambda session: model().fit(X[:, :2], y, session=session),
        hosts=[lambda session: model().fit(X[:, 2:], session=session)],
    )
    with tempfile.TemporaryDirectory() as folder:
        for party in (GUEST, HOST):
            path = Path(folder) / party.name
            models[party.name].save(path)
            yield f"trees/{party.name}", path.read_bytes()


def transfer_files():
    X, labels = np.arange(48.0).reshape(12, 4) % 7, np.array(["no", "yes"] * 6)

    def model():
        return FederatedTransfer(
            features=2, max_iter=1, random_state=1, key_bits=512, allow_insecure_key_size=True
        )

    models = simulate(
        guest=lambda session: model().fit(X[:, :2], labels, session=session),
        hosts=[lambda session: model().fit(X[:, 2:], session=session)],
    )
    with tempfile.TemporaryDirectory() as folder:
        for party in (GUEST, HOST):
            path = Path(folder) / party.name
            models[party.name].save(path)
            yield f"transfer/{party.name}", path.read_bytes()


def bin_files():
    """Bins, selections and scorecards of a guest and a host."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(40, 3)).round(1)
    X[::9, 2] = np.nan
    labels = (X[:, 0] > 0).astype(int)
    key = {"key_bits": 512, "allow_insecure_key_size": True}
    rules = [{"metric": "iv", "at_least": 0.1}]

    def party(columns, y=None):
        def run(session):
            bins = HeteroBinning(share_woe=True, min_rows=5, max_bins=3, special=[1.0], **key)
            bins.fit(columns, y, session=session)
            selector = HeteroSelector(rules=rules, **key)
            return bins, selector.fit(columns, y, session=session, binning=bins)

        return run

    found = simulate(guest=party(X[:, :1], labels), hosts=[party(X[:, 1:])])
    weights = [0.5, -1.5]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for name, (bins, selector) in found.items():
            count = len(bins.bins_)
            linear = SimpleNamespace(contributions=lambda X, n=count: X * weights[:n])
            for kind, thing in (
                ("bins", bins),
                ("selection", selector),
                ("scorecard", Scorecard.of(bins, linear)),
            ):
                thing.save(path)
                yield f"{kind}/{name}", path.read_bytes()


def intersection_files():
    hops = {GUEST: (HOST, 0), ARBITER: (HOST, 1)}
    for recipient, (sender, hop) in hops.items():
        for name in ("align-1/id_count", "align-1/blinded_ids"):
            frame = intersection.good(name, sender, hop if "blinded" in name else 0)
            where = f"psi/{name.rpartition('/')[2]}-to-{recipient.name}"
            yield where, encode_frame(frame, sender, recipient)
    for name in ("common_ids", "exchange_from"):
        frame = intersection.good(f"align-1/{name}", ARBITER, 0)
        yield f"psi/{name}", encode_frame(frame, ARBITER, GUEST)


def table_files():
    table = arrow.table(
        {"id": ["u1", "u2", "u3"], "y": [0, 1, 0], "a": [1.5, None, 0.25], "b": [True, False, True]}
    )
    types = {
        "id": arrow.array([b"a", b"b", b"c"]),
        "y": arrow.array([Decimal("12.75"), None, Decimal("0.50")], arrow.decimal128(10, 2)),
        "a": arrow.array([1, 2, 1], arrow.uint64()).dictionary_encode(),
        "b": arrow.array(["false", "true", None]),
        "__index_level_0__": arrow.array([date(2026, 1, 1)] * 3),
    }
    levels = {"pandas": '{"index_columns": ["__index_level_0__"]}'}
    types = arrow.table(types).replace_schema_metadata(levels)
    for name, content, compression in (
        ("plain", table, "none"),
        ("snappy", table, "snappy"),
        ("types", types, "none"),
    ):
        sink = arrow.BufferOutputStream()
        arrow.parquet.write_table(content, sink, compression=compression)
        yield f"parquet/{name}.parquet", sink.getvalue().to_pybytes()
    for name, content, compression in (
        ("plain", table, "uncompressed"),
        ("lz4", table, "lz4"),
        ("types", types, "uncompressed"),
    ):
        sink = arrow.BufferOutputStream()
        arrow.feather.write_feather(content, sink, compression=compression)
        yield f"arrow/{name}.arrow", sink.getvalue().to_pybytes()


def files():
    public, private = keys.PUBLIC, keys.PRIVATE
    bare = PublicKey(public.n, allow_insecure_key_size=True)
    with keys.cheap():
        sealed = passphrases.seal(private.to_secret_jwk("fuzzing"), keys.PASSPHRASE)
    yield "sealed_key/key.json", json.dumps(sealed)
    yield "public_key/with-h.json", json.dumps(public.to_jwk("kid"))
    yield "public_key/bare.json", json.dumps(bare.to_jwk("kid"))
    yield from model_files()
    yield from tree_files()
    yield from transfer_files()
    yield from bin_files()
    yield from intersection_files()
    yield from table_files()
    for call in bindings.CALLS:
        yield f"rows/{call}", bindings.seed(call)
    yield "wire/scalar", public.encrypt(7).to_wire()
    yield "wire/floats", public.encrypt([[1.5, -2.0, 3.0]], FixedPointEncoder(16, 10.5)).to_wire()
    yield "wire/empty", public.encrypt(np.zeros((0, 2), int)).to_wire()
    slotted = public.encrypt([[1, -2, 3]], IntegerEncoder(9), slots=SlotLayout(20, 3))
    yield "wire/slots", slotted.to_wire()
    payload = {
        "rows": 3, "share": -0.125, "last": True, "text": "a \u00e9", "x": np.arange(6.0).reshape(2, 3),
        "mask": np.array([True, False]), "sealed": public.encrypt([1, 2]),
    }  # fmt: skip
    yield "frame/every-kind", encode_frame(Frame("fit-1/residual", 3, 2, payload), GUEST, HOST)
    yield "frame/empty", encode_frame(Frame("stop"), ARBITER, GUEST)
    yield (
        "frame/arrays",
        encode_frame(
            Frame("plan", payload={k: np.zeros(3, k) for k in ("i1", "u2", "i4", "u8", "f4")}),
            HOST,
            ARBITER,
        ),
    )
    yield "opening/first", Opening(1, "fit-1/residual", 3, 2, 4096, "0f" * 32).pack()
    yield "opening/resumed", Opening(2**40, "stop", 0, 0, 64, "a0" * 32, 32).pack()
    yield "csv/small.csv", CSV
    yield "csv/crlf.csv", "\ufeff" + CSV.replace("\n", "\r\n")
    yield "csv/truth.csv", 'id, y,a\n1,9223372036854775809,true\n2,NA,FALSE\n"3",-1,\n'
    yield "csv/packed.csv", gzip.compress(CSV.encode(), mtime=0)
    yield "libsvm/small.svm", LIBSVM
    yield "libsvm/fate.csv", "1,0:-0.5,1:2\n0,1:3e-2\n"
    yield "tags/values.csv", "133,1,x0:0.4;x10:-1.2\n27,0,x2:3;x0:1\n"
    yield "tags/bare.csv", "1 0 a c # note\n\n2 1 a b d\n"
    yield "party/guest.toml", PARTY
    yield "job/job.toml", JOB


def main():
    for name, content in files():
        if name.partition("/")[0] not in sys.argv[1:]:
            continue
        path = CORPUS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


if __name__ == "__main__":
    main()
