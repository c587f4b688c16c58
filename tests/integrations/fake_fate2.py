# SPDX-License-Identifier: Apache-2.0
"""FATE 2 as far as its adapter touches it, for tests without FATE."""

import functools
import pickle
from types import ModuleType, SimpleNamespace

import numpy as np

from pyfate_gpu.integrations.fate2 import Coder, PlaintextVector, evaluator


class FakeTensor:
    """A tensor of torch's as far as the coder looks at it."""

    def __init__(self, values, dtype=None):
        self.array = np.asarray(values, dtype=dtype)
        self.dtype = self.array.dtype

    def detach(self):
        return self

    cpu = detach

    def flatten(self):
        return FakeTensor(self.array.ravel())

    def reshape(self, *shape):
        return FakeTensor(self.array.reshape(shape))

    def numpy(self):
        return self.array

    def __getitem__(self, index):
        return self.array[index]


def fake_torch():
    """The module torch as far as the coder takes from it."""
    torch = ModuleType("torch")
    for name in ("int64", "int32", "float64", "float32"):
        setattr(torch, name, np.dtype(name))
    torch.Tensor = FakeTensor
    torch.tensor = lambda values, dtype: FakeTensor(values, dtype)
    return torch


def pack(keys, numbers, bits, together):
    """Integers in slots, encrypted."""
    packed = Coder().pack_vec(FakeTensor(numbers, np.int64), bits, together)
    return keys[1].encrypt_encoded(packed)


def unpack(keys, vector, bits, together, total):
    """The integers of slots of a vector, or of what it decrypts to."""
    plain = vector if isinstance(vector, PlaintextVector) else keys[0].decrypt_to_encoded(vector)
    return Coder().unpack_vec(plain, bits, together, total).array.tolist()


def encrypt(keys, values):
    return keys[1].encrypt_encoded(PlaintextVector.of_integers(values), obfuscate=False)


def decrypt(keys, vector):
    return keys[0].decrypt_to_encoded(vector).integers()


def computed(keys, values):
    """A vector that was computed, and would tell of what."""
    return evaluator.add(encrypt(keys, values), encrypt(keys, [0] * len(values)), keys[1])


def integers(vector):
    return vector.array.to_ints(reblind=False).tolist()


class FakeTable:
    """FATE's table as far as the border looks at it: pickled values by key."""

    key_serdes_type = value_serdes_type = partitioner_type = 0
    value_serdes = None

    def __init__(self, items, schema=None):
        self.items, self.schema = items, schema

    def _count(self):
        return len(self.items)

    def _reduce(self, function):
        return functools.reduce(function, self.items.values())  # raises for no items, as Spark does

    def mapPartitionsWithIndexNoSerdes(self, function, **types):
        return FakeTable(dict(function(0, self.items.items())))


class Pickle:
    """The serdes of FATE: pickle."""

    serialize, deserialize = staticmethod(pickle.dumps), staticmethod(pickle.loads)


class FakeSplit:
    """FATE's split of a histogram with one column."""

    def __init__(self, data, pk):
        value = SimpleNamespace(data=data, pk=pk)
        self._data = SimpleNamespace(_data={"gh": value})

    def decrypt(self, sk_map):
        return sk_map["gh"].decrypt_to_encoded(self._data._data["gh"].data)


class FakeFederation:
    """FATE's federation: what is sent."""

    def __init__(self):
        self.sent = []

    def push_table(self, table, name, tag, parties):
        self.sent.append((table, name, tag, parties))

    def pull_table(self, name, tag, parties, table_metas=None):
        return [table for table, *_ in self.sent]


class FakeStandaloneTable:
    """Table of FATE's standalone backend, which another class wraps."""

    name = namespace = "name"
    partitions = 1
    key_serdes_type = value_serdes_type = partitioner_type = 0

    def __init__(self, items):
        self.items = items

    def map_reduce_partitions_with_index(self, map_partition_op, **options):
        return FakeStandaloneTable(dict(map_partition_op(0, self.items.items())))

    def copy_as(self, name, namespace, need_cleanup=True):
        return FakeStandaloneTable(dict(self.items))


class FakeWrappedTable:
    value_serdes = None

    def __init__(self, table):
        self.table = table


class FakeEncryptor:
    """FATE's encryptor of tensors: two passes over a distributed one."""

    def __init__(self, pk):
        self._pk = pk

    def encrypt_tensor(self, tensor, obfuscate=False):
        return [*tensor, "encoded", "encrypted"]


class FakeDistributedTensor(list):
    def encrypt(self, encryptor):
        return [*self, "encrypted at once"]


class FakeHistogram:
    """FATE's distributed histogram; its splits are a table."""

    def __init__(self, splits, k, node_size, data_size, global_seed, seed, squeezed, shuffled):
        self._splits, self._k, self._node_size, self._node_data_size = (
            splits,
            k,
            node_size,
            data_size,
        )
        self._global_seed, self._seed = global_seed, seed
        self._squeezed, self._shuffled = squeezed, shuffled


class FakeSplits:
    """A table of splits that counts the tables written before it."""

    def __init__(self, splits, written=0):
        self.splits, self.written = splits, written

    def mapValues(self, function):
        return FakeSplits({k: function(v) for k, v in self.splits.items()}, self.written + 1)

    def mapPartitions(self, function, preserves_partitioning):
        return FakeSplits(dict(function(self.splits.items())), self.written + 1)


class FakeShuffled(FakeSplit):
    def shuffle(self, seed, reverse):
        value = self._data._data["gh"]
        order = np.random.default_rng(seed).permutation(len(value.data))
        return FakeShuffled(value.data.slice_indexes(order), value.pk)


class FakeKVTable(FakeTable):
    def save(self, uri, schema, options=None):
        return self.items
