# SPDX-License-Identifier: Apache-2.0
"""What `fate2.install` puts into FATE, on fakes of FATE's classes; `make interop` does it with FATE."""

import pickle
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pyfate_gpu import PyFateError
from pyfate_gpu.integrations import fate2
from pyfate_gpu.integrations.fate2 import installation, tables
from pyfate_gpu.integrations.fate2.installation import install
from tests.integrations.fake_fate2 import (
    FakeDistributedTensor,
    FakeEncryptor,
    FakeFederation,
    FakeHistogram,
    FakeKVTable,
    FakeShuffled,
    FakeSplits,
    FakeStandaloneTable,
    FakeWrappedTable,
    Pickle,
    computed,
    decrypt,
    encrypt,
    integers,
    pack,
    unpack,
)

pytestmark = pytest.mark.usefixtures("torch")


@pytest.fixture
def fate(monkeypatch):
    """Modules of FATE as far as `install` changes them."""
    names = (
        installation.MODULE, "fate.arch.federation.api._serdes", "fate.arch.federation.api._federation",
        "fate.arch.histogram._histogram_distributed", "fate.arch.computing.api._table",
        "fate.arch.tensor.phe._keypair", tables.STANDALONE,
    )  # fmt: skip
    for name in names:
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            part = ".".join(parts[:length])
            if part not in sys.modules or length == len(parts):
                monkeypatch.setitem(sys.modules, part, ModuleType(part))
    paillier, serdes, federation, histogram, table, keypair, standalone = (
        sys.modules[name] for name in names
    )
    serdes.TableRemotePersistentUnpickler = type("TableRemotePersistentUnpickler", (), {})
    serdes.TableRemotePersistentUnpickler._TableRemotePersistentUnpickler__ALLOW_CLASSES = {}
    federation.Federation = type("Federation", (FakeFederation,), {})
    standalone.StandaloneFederation = type("StandaloneFederation", (federation.Federation,), {})
    histogram.DistributedHistogram = type("DistributedHistogram", (FakeHistogram,), {})
    keypair.PHETensorEncryptor = type("PHETensorEncryptor", (FakeEncryptor,), {})
    table.KVTable = type("KVTable", (FakeKVTable,), {})
    table.get_serdes_by_type = lambda kind: Pickle
    monkeypatch.setattr(installation.metadata, "version", lambda name: "2.2.0")
    return SimpleNamespace(
        paillier=paillier, serdes=serdes, federation=federation, histogram=histogram, table=table,
        keypair=keypair, standalone=standalone,
    )  # fmt: skip


def test_install_names_what_is_missing():
    try:
        import fate  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install pyfate"):
            install()


def test_the_border_is_watched(keys, fate):
    install()
    push = fate.federation.Federation.push_table
    install()
    assert fate.federation.Federation.push_table is push
    serdes = fate.table.get_serdes_by_type(0)
    assert isinstance(serdes, tables.PartySerdes)
    assert fate.table.get_serdes_by_type(1) is Pickle
    assert pickle.loads(pickle.dumps(serdes)).serdes is Pickle  # as it goes to worker processes
    table = fate.table.KVTable({b"a": serdes.serialize(computed(keys, [1]))}, schema={})
    table.value_serdes = serdes
    ours = fate.federation.Federation()
    ours.push_table(table=table, name="name", tag="tag", parties=[])
    assert tables.MARK not in ours.sent[0][0].items[b"a"]
    assert ours.pull_table("name", "tag", []) == [ours.sent[0][0]]
    assert tables.MARK not in table.save("uri", {})[b"a"]
    ours.sent = [(table,)]
    with pytest.raises(PyFateError, match="a table came in"):
        ours.pull_table("name", "tag", [])


def test_standalone_tables_are_blinded_while_they_are_copied(keys, fate, inside):
    install()
    a, fresh = computed(keys, [3, -4]), encrypt(keys, [5])
    items = {b"a": inside.serialize(a), b"b": inside.serialize(fresh), b"c": inside.serialize("d")}
    table = FakeWrappedTable(FakeStandaloneTable(items))
    table.value_serdes = inside
    ours = fate.standalone.StandaloneFederation()
    ours.push_table(table, "name", "tag", [])
    sent = ours.sent[0][0].table
    first, second = (sent.copy_as("copy", sent.namespace, need_cleanup=False).items for _ in "12")
    assert not any(tables.MARK in value for value in [*first.values(), *second.values()])
    assert {k: first[k] for k in (b"b", b"c")} == {k: items[k] for k in (b"b", b"c")}
    arrived = [pickle.loads(each[b"a"]) for each in (first, second)]
    assert [decrypt(keys, each) for each in arrived] == [[3, -4]] * 2
    # Each party gets ciphertexts of its own, and there is no other way to what was computed.
    assert len({*integers(a), *integers(arrived[0]), *integers(arrived[1])}) == 6
    assert not hasattr(sent, "map_reduce_partitions_with_index")
    hidden = FakeStandaloneTable({b"a": inside.serialize(inside.serialize(a))})
    with pytest.raises(PyFateError, match="pickled by hand"):
        tables.BlindedCopy(hidden, inside).copy_as("copy", "name")


def test_distributed_tensors_are_encrypted_in_one_pass(keys, fate):
    install()
    encryptor = fate.keypair.PHETensorEncryptor
    encrypt_tensor = encryptor.encrypt_tensor
    install()
    assert encryptor.encrypt_tensor is encrypt_tensor
    tensor = FakeDistributedTensor(["x"])
    assert encryptor(keys[1]).encrypt_tensor(tensor, obfuscate=True) == ["x", "encrypted at once"]
    assert encryptor(keys[1]).encrypt_tensor(["x"]) == ["x", "encoded", "encrypted"]
    assert encryptor("FATE's own").encrypt_tensor(tensor) == ["x", "encoded", "encrypted"]


def splits_of(histogram):
    values = [split._data._data["gh"] for _, split in sorted(histogram._splits.splits.items())]
    return [value.data for value in values]


def test_splits_are_shuffled_and_squeezed_together(keys, fate):
    install()
    values = [list(range(10, 19)), list(range(20, 29))]
    table = FakeSplits(
        {i: FakeShuffled(pack(keys, each, 20, 1), keys[1]) for i, each in enumerate(values)}
    )
    order = np.random.default_rng(7).permutation(9)
    expected = [[each[place] for place in order] for each in values]
    parent = fate.histogram.DistributedHistogram(table, 1, 1, 18, None, 7, False, False)
    # Whoever looks at the splits before they are squeezed finds them shuffled.
    shuffled = parent.shuffle_splits()
    assert [decrypt(keys, each) for each in splits_of(shuffled)] == expected
    assert shuffled._shuffled
    assert shuffled._splits is shuffled._splits
    assert [decrypt(keys, each) for each in splits_of(parent)] == values
    squeezed = parent.shuffle_splits()
    squeezed.i_squeeze({"gh": (3, 20)})
    assert [unpack(keys, each, 20, 3, 9) for each in splits_of(squeezed)] == expected
    assert [len(each) for each in splits_of(squeezed)] == [3, 3]
    assert squeezed._splits.written == 1
    unseeded = fate.histogram.DistributedHistogram(table, 1, 1, 18, None, None, False, False)
    assert unseeded.shuffle_splits() is unseeded
    twice = [[each[place] for place in order] for each in expected]
    again = parent.shuffle_splits().shuffle_splits()
    assert [decrypt(keys, each) for each in splits_of(again)] == twice


def test_a_fate_with_other_tables_is_refused(fate):
    del fate.table.get_serdes_by_type
    with pytest.raises(PyFateError, match="keeps its tables otherwise"):
        install()
    assert "push_table" not in vars(fate.federation.Federation)


def test_another_version_of_pyfate_warns(fate, monkeypatch):
    monkeypatch.setattr(installation.metadata, "version", lambda name: "2.9.0")
    with pytest.warns(UserWarning, match=r"pyfate 2\.9\.0 .* tested with 2\.2"):
        install()
    assert fate.paillier.keygen is fate2.keygen
    unpickler = fate.serdes.TableRemotePersistentUnpickler
    allowed = unpickler._TableRemotePersistentUnpickler__ALLOW_CLASSES
    assert allowed["pyfate_gpu.integrations.fate2.keys"] == {"restore_pk"}
