# SPDX-License-Identifier: Apache-2.0
"""The FATE adapter as far as it goes without torch and FATE; `make interop` does the rest."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from pyfate_gpu import PyFateError, use_backend
from pyfate_gpu.integrations import fate2
from pyfate_gpu.integrations.fate2 import (
    evaluator,
    histograms,
    installation,
    tables,
)
from pyfate_gpu.integrations.fate2.keys import PK, SK
from tests.integrations.fake_fate2 import (
    FakeSplit,
    FakeTable,
    computed,
    decrypt,
    encrypt,
    integers,
    pack,
    unpack,
)

pytestmark = pytest.mark.usefixtures("torch")


@pytest.mark.parametrize("stride", [1, 2])
def test_histograms_are_numpys(keys, rng, stride):
    rows, features, bins = 12, 3, 5
    values = rng.integers(-99, 99, (rows, stride))
    positions = rng.integers(0, bins, (rows, features))
    masks = rng.random(rows) < 0.6
    b = encrypt(keys, values.ravel().tolist())
    for start in (None, list(range(bins * stride))):
        for chosen in (np.ones(rows, dtype=bool), masks):
            expected = np.array(start or [0] * bins * stride).reshape(bins, stride)
            for row in np.flatnonzero(chosen):
                for place in positions[row]:
                    expected[place] += values[row]
            a = evaluator.zeros(bins * stride) if start is None else encrypt(keys, start)
            evaluator.i_update_with_masks(
                keys[1], a, b, positions[chosen].tolist(), chosen.tolist(), stride
            )
            assert decrypt(keys, a) == expected.ravel().tolist()


def test_running_sums_and_intervals(keys, rng):
    values = rng.integers(-99, 99, 12).tolist()
    a = encrypt(keys, values)
    chunks = [values[0:4], values[4:6], values[6:12]]
    expected = [np.cumsum(np.reshape(chunk, (-1, 2)), axis=0).ravel() for chunk in chunks]
    intervals = evaluator.intervals_sum_with_step(keys[1], a, [(0, 4), (6, 12), (2, 2)], 2)
    sums = [np.reshape(part, (-1, 2)).sum(axis=0) for part in (values[0:4], values[6:12], [])]
    assert decrypt(keys, intervals) == np.concatenate(sums).tolist()
    assert evaluator.chunking_cumsum_with_step(keys[1], a, [4, 2, 6], 2) is a
    assert decrypt(keys, a) == np.concatenate(expected).tolist()


@pytest.mark.parametrize(("chunks", "step"), [([7, 0, 3, 8], 2), ([5], 9), ([4, 1, 4], 1), ([], 1)])
def test_running_sums_of_uneven_chunks(keys, rng, chunks, step):
    values = rng.integers(-99, 99, sum(chunks)).tolist()
    expected, start = list(values), 0
    for size in chunks:
        for place in range(start + step, start + size):
            expected[place] += expected[place - step]
        start += size
    a = encrypt(keys, values)
    evaluator.chunking_cumsum_with_step(keys[1], a, chunks, step)
    assert decrypt(keys, a) == expected


def test_zeros_take_what_they_meet(keys):
    zeros, a = evaluator.zeros(3), encrypt(keys, [1, -2, 3])
    assert decrypt(keys, zeros) == [0, 0, 0]
    assert decrypt(keys, evaluator.sub(zeros, a, keys[1])) == [-1, 2, -3]
    assert decrypt(keys, evaluator.cat([zeros, a])) == [0, 0, 0, 1, -2, 3]
    assert len(evaluator.cat([zeros, zeros])) == 6
    evaluator.i_sub(keys[1], zeros, a, 1, 0, 2)
    assert decrypt(keys, zeros) == [0, -1, 2]
    evaluator.i_add(keys[1], a, a, 0, 1, 2)
    assert decrypt(keys, a) == [-1, 1, 3]


def test_everything_is_blinded_whatever_fate_says(keys):
    a = encrypt(keys, [0, 0])
    n = keys[1].key.n
    first, second = a.array.to_ints(reblind=False)
    assert first != second
    assert (first - 1) % n
    assert (second - 1) % n
    for vector in (evaluator.add(a, a, keys[1]), evaluator.slice(evaluator.zeros(2), 0, 1)):
        evaluator.i_add(keys[1], vector, a, size=1)
        sent = pickle.loads(pickle.dumps(vector))
        inside = vector.array.to_ints(reblind=False)[0]
        assert sent.array.to_ints(reblind=False)[0] not in (inside, 1)
        assert decrypt(keys, sent) == [0] * len(vector)


def test_tables_of_a_party_keep_what_was_computed(keys, inside):
    a = computed(keys, [1, -2, 3])
    data = inside.serialize({"deep": [a]})
    (again,) = inside.deserialize(data)["deep"]
    assert tables.MARK in data
    assert integers(again) == integers(a)
    assert again.array.blinding == "derived"
    assert (again.array.exponent, again.array.bound) == (a.array.exponent, a.array.bound)
    assert decrypt(keys, evaluator.add(again, again, keys[1])) == [2, -4, 6]
    # Anything else that is pickled is blinded, also after an error inside.
    with pytest.raises(Exception, match="pickle"):
        inside.serialize([a, lambda: None])
    assert not tables.stays_in_party()
    other = pickle.dumps(a)
    assert tables.MARK not in other
    assert not set(integers(pickle.loads(other))) & set(integers(a))


def test_fresh_encryptions_need_no_blinding_and_leave_once(keys, inside):
    a = encrypt(keys, [5, 6])
    first, second = inside.serialize(a), inside.serialize(a)
    assert tables.MARK not in first
    assert tables.MARK in second
    assert integers(pickle.loads(first)) == integers(a)


def test_tables_are_blinded_when_they_leave(keys, inside):
    a, fresh = computed(keys, [7, -8]), encrypt(keys, [9])
    items = {b"a": inside.serialize(a), b"b": inside.serialize(fresh), b"c": inside.serialize("d")}
    table = FakeTable(items, schema={"x": 1})
    sent = tables.blinded(table)
    assert not any(tables.MARK in value for value in sent.items.values())
    assert {key: sent.items[key] for key in (b"b", b"c")} == {
        key: items[key] for key in (b"b", b"c")
    }
    arrived = pickle.loads(sent.items[b"a"])
    assert not set(integers(arrived)) & set(integers(a))
    assert decrypt(keys, arrived) == [7, -8]
    assert sent.schema == {"x": 1}
    assert tables.blinded(sent) is sent
    assert tables.blinded(empty := FakeTable({})) is empty


def test_what_cannot_be_blinded_does_not_leave(keys, inside):
    hidden = inside.serialize(computed(keys, [1]))
    with pytest.raises(PyFateError, match="pickled by hand"):
        tables.blinded(FakeTable({b"a": inside.serialize(hidden)}))


def test_unblinded_tables_of_others_are_refused(keys, inside):
    with pytest.raises(PyFateError, match="its sender must call"):
        tables.checked(FakeTable({b"a": inside.serialize(computed(keys, [1]))}))
    table = FakeTable({b"a": pickle.dumps(computed(keys, [1]))})
    assert tables.checked(table) is table
    assert not any("restore_unblinded" in names for names in installation.RECEIVED.values())


def test_single_encryptions_share_no_randomness(keys):
    n = keys[1].key.n
    vectors = [encrypt(keys, [value] * (1 + value % 3)) for value in range(20)]
    assert [decrypt(keys, each)[0] for each in vectors] == list(range(20))
    assert all(each.array.blinding == "fresh" for each in vectors)
    # Two ciphertexts mod n have the same residue only if they share it.
    residues = [c % n for each in vectors for c in integers(each)]
    assert len(set(residues)) == len(residues)
    assert 1 not in residues


def test_splits_are_squeezed_and_decrypted_together(keys):
    values = [[1, 2, 3, 4, 5], [6], [7, 8, 9]]
    splits = [FakeSplit(pack(keys, each, 20, 1), keys[1]) for each in values]
    items = histograms.squeeze_splits({"gh": (3, 20)}, None, enumerate(splits))
    assert [key for key, _ in items] == [0, 1, 2]
    ready = histograms.decrypt_together({"gh": keys[0], "of another scheme": None}, splits)
    assert ready["of another scheme"] is None
    found = [split.decrypt(ready) for split in splits]
    assert [len(each) for each in found] == [2, 1, 1]
    assert [unpack(keys, f, 20, 3, len(v)) for f, v in zip(found, values, strict=True)] == values


@pytest.mark.parametrize("threads", [1, 2])
def test_cores_share_many_splits_unless_the_engine_does(keys, rng, monkeypatch, threads):
    values = rng.integers(0, 2**60, 150).tolist()
    with use_backend("cpu", threads=threads):
        vectors = [encrypt(keys, values[start : start + 50]) for start in (0, 50, 100)]
    lengths, whole = [], SK.decrypt_to_encoded
    monkeypatch.setattr(histograms, "available_cores", lambda: 5)
    monkeypatch.setattr(SK, "decrypt_to_encoded", lambda *a: lengths.append(len(a[1])) or whole(*a))
    splits = [FakeSplit(vector, keys[1]) for vector in vectors]
    ready = histograms.decrypt_together({"gh": keys[0]}, splits)
    assert [n for split in splits for n in split.decrypt(ready).integers()] == values
    assert sorted(lengths) == ([22, 64, 64] if threads == 1 else [150])


def test_keys_in_messages(keys):
    assert pickle.loads(pickle.dumps(keys[1])) is keys[1]
    with pytest.raises(PyFateError, match="never pickled"):
        pickle.dumps(keys[0])


@pytest.mark.parametrize("kind", [PK, SK])
def test_keys_of_fates_own_engine_are_refused(kind):
    # What a party without install() sends: FATE's class, found by its name, which is ours now.
    with pytest.raises(PyFateError, match="every party must call"):
        kind.__new__(kind).__setstate__({"pk": object()})


def test_wrong_lengths_are_refused(keys):
    a, b = encrypt(keys, [1, 2, 3]), encrypt(keys, [1])
    with pytest.raises(PyFateError, match="3 and 1"):
        evaluator.add(a, evaluator.zeros(1), keys[1])
    for wrong in (
        lambda: evaluator.i_add(keys[1], a, b, 0, 0, 2),
        lambda: evaluator.slice(a, 2, 2),
        lambda: evaluator.chunking_cumsum_with_step(keys[1], a, [2], 1),
        lambda: evaluator.shuffle(keys[1], a, [3]),
    ):
        with pytest.raises(PyFateError):
            wrong()


def test_importing_needs_neither_torch_nor_fate():
    program = (
        "import pyfate_gpu.integrations.fate2, sys; print({'torch', 'fate'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert answer.stdout.strip() == b"set()"
    assert set(fate2.__all__) >= {"keygen", "SK", "PK", "Coder", "evaluator", "install"}
