# SPDX-License-Identifier: Apache-2.0
"""What worker processes of FATE's write into tables, and what another party gets. Run by ../run_fate2.py.

Two parties of FATE's standalone backend with worker processes: a table that was computed stays as it
is, and is blinded in every way in which it leaves.
"""

from __future__ import annotations

import multiprocessing
import tempfile

import torch
from fate.arch.computing.backends.standalone import CSession
from fate.arch.context import Context
from fate.arch.federation import FederationBuilder
from fate.arch.unify import URI

from pyfate_gpu.integrations import fate2
from pyfate_gpu.integrations.fate2.tables import MARK

PARTIES = [("guest", "1"), ("host", "2")]


def double(vector):
    return fate2.evaluator.add(vector, vector, None)


def raw(table):
    """The bytes of the values."""
    return [value for _, value in table._collect()]


def integers(vectors):
    return {c for vector in vectors for c in vector.array.to_ints(reblind=False).tolist()}


def values(table):
    return [value for _, value in sorted(table.collect())]


def main():
    fate2.install()
    sk, pk, coder = fate2.keygen(1024)
    with tempfile.TemporaryDirectory() as folder:
        guest, host = (context(party, folder) for party in PARTIES)
        vectors = [
            pk.encrypt_encoded(coder.encode_i64_vec(torch.arange(start, start + 5)))
            for start in range(0, 400, 100)
        ]
        table = guest.computing.parallelize(list(enumerate(vectors)), partition=2)
        computed = table.mapValues(double)
        assert not any(MARK in value for value in raw(table)), "fresh ones need no blinding"
        assert all(MARK in value for value in raw(computed)), "computed ones stay as they are"
        known, expected = integers(values(computed)), decrypted(sk, coder, values(computed))
        guest.hosts.put("table", computed)
        guest.hosts.put("deep", {"table": [computed], "vector": values(computed)[0]})
        computed.save(URI.from_string(f"standalone:///{folder}/saved/name"), {})
        deep = host.guest.get("deep")
        saved = host.computing.load(URI.from_string(f"standalone:///{folder}/saved/name"), {}, {})
        arrived = [host.guest.get("table"), deep["table"][0], saved]
        for each in arrived:
            assert not any(MARK in value for value in raw(each)), "an unblinded vector left"
            assert not known & integers(values(each)), "a ciphertext left as it was"
            assert decrypted(sk, coder, values(each)) == expected
        assert not known & integers([deep["vector"]])
        sums = [values(each)[0] for each in arrived]
        assert len(integers(sums)) == sum(map(len, sums)), "two parties got the same ciphertext"
        for each in (guest, host):
            each.destroy()
    print("tables: as computed inside, blinded in every way out")


def decrypted(sk, coder, vectors):
    return [coder.decode_i64_vec(sk.decrypt_to_encoded(each)).tolist() for each in vectors]


def context(party, folder):
    computing = CSession(session_id=f"border_{party[0]}", data_dir=folder)
    federation = FederationBuilder("border", party, PARTIES).build_standalone(computing)
    return Context(computing=computing, federation=federation)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
