# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts in FATE's tables: as computed while a table stays in its party, blinded when it leaves.

FATE writes what its worker processes compute into tables and reads it back; most of it is sums on
their way to other sums, which nobody else sees. Other parties see tables that are pushed, and
messages. A pickle blinds unless `PartySerdes` makes it, so all that this module has to watch are
the ways out of a table.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from pyfate_gpu.errors import (
    ConfigurationError,
    InvalidCiphertextError,
    UnsupportedOperationError,
)

MARK = b"restore_unblinded"
"""The function that unpickles an unblinded vector: in the pickle of anything that holds one."""

PICKLED = 0
"""FATE's number for values that are pickled."""

STANDALONE = "fate.arch.federation.backends.standalone._federation"
"""FATE's federation of parties on one machine, which sends a copy of a table."""

_writing = threading.local()


def stays_in_party() -> bool:
    """Whether what this thread pickles goes into a table of its own party."""
    return getattr(_writing, "depth", 0) > 0


class PartySerdes:
    """FATE's way of writing values into tables and reading them, without blinding.

    It goes to worker processes with the functions that they run; those of a backend which brings
    ways of its own blind.

    Parameters
    ----------
    serdes : class of FATE's
        With `serialize` and `deserialize`.
    """

    def __init__(self, serdes: Any) -> None:
        self.serdes = serdes

    def serialize(self, value: Any) -> bytes:
        """The bytes of a value."""
        _writing.depth = getattr(_writing, "depth", 0) + 1
        try:
            return bytes(self.serdes.serialize(value))
        finally:
            _writing.depth -= 1

    def deserialize(self, data: bytes) -> Any:
        """The value of bytes; ciphertexts are checked, but for those that this party wrote as computed."""
        return self.serdes.deserialize(data)


def watch_the_border() -> None:
    """Let tables of this process hold ciphertexts as computed, and blind those pushed or saved.

    Raises
    ------
    ConfigurationError
        If FATE writes or sends tables in another way than 2.2.
    """
    tables: Any = importlib.import_module("fate.arch.computing.api._table")
    federation: Any = importlib.import_module("fate.arch.federation.api._federation").Federation
    try:
        choose, save = tables.get_serdes_by_type, tables.KVTable.save
        push, pull = federation.push_table, federation.pull_table
    except AttributeError as error:
        raise ConfigurationError(
            f"this version of FATE keeps its tables otherwise than 2.2 did ({error}); "
            f"install pyfate==2.2.0"
        ) from error
    if hasattr(choose, "watched"):
        return

    @functools.wraps(push)
    def push_table(self: Any, table: Any, *args: Any, **options: Any) -> Any:
        sent = copied_blinded(table) if copies_tables(self) else blinded(table)
        return push(self, sent, *args, **options)

    @functools.wraps(pull)
    def pull_table(self: Any, *args: Any, **options: Any) -> Any:
        return [checked(table) for table in pull(self, *args, **options)]

    @functools.wraps(save)
    def save_table(self: Any, *args: Any, **options: Any) -> Any:
        return save(blinded(self), *args, **options)

    @functools.wraps(choose)
    def get_serdes_by_type(serdes_type: int) -> Any:
        serdes = choose(serdes_type)
        return PartySerdes(serdes) if serdes_type == PICKLED else serdes

    get_serdes_by_type.watched = True  # type: ignore[attr-defined]
    # The border first: if that fails, nothing is written without blinding.
    federation.push_table, federation.pull_table = push_table, pull_table
    tables.KVTable.save = save_table
    tables.get_serdes_by_type = get_serdes_by_type


def blinded(table: Any) -> Any:
    """A table of FATE's that may leave: itself if none of its values is unblinded."""
    if not holds_unblinded(table):
        return table
    serdes = table.value_serdes
    result = table.mapPartitionsWithIndexNoSerdes(
        functools.partial(blind_values, getattr(serdes, "serdes", serdes)),
        output_key_serdes_type=table.key_serdes_type,
        output_value_serdes_type=table.value_serdes_type,
        output_partitioner_type=table.partitioner_type,
    )
    result.schema = table.schema
    return result


def copies_tables(federation: Any) -> bool:
    """Whether a federation of FATE's sends tables by `copy_as`, and by nothing else."""
    standalone = sys.modules.get(STANDALONE)
    return standalone is not None and isinstance(federation, standalone.StandaloneFederation)


def copied_blinded(table: Any) -> Any:
    """A table of FATE's standalone backend that is blinded while it is copied: no table is written in between."""
    return type(table)(BlindedCopy(table.table, table.value_serdes))


class BlindedCopy:
    """In place of a table of FATE's standalone backend, of which nothing can be had but blinded copies.

    Parameters
    ----------
    table : table of the standalone backend
    serdes : class of FATE's or `PartySerdes`
        That wrote its values.
    """

    def __init__(self, table: Any, serdes: Any) -> None:
        self._whole, self._serdes = table, getattr(serdes, "serdes", serdes)
        self.name, self.namespace, self.partitions = table.name, table.namespace, table.partitions
        self.key_serdes_type, self.value_serdes_type = (
            table.key_serdes_type,
            table.value_serdes_type,
        )
        self.partitioner_type = table.partitioner_type

    def copy_as(self, name: str, namespace: str, need_cleanup: bool = True) -> Any:
        """A copy whose ciphertexts are blinded, unless they are fresh."""
        return self._whole.map_reduce_partitions_with_index(
            map_partition_op=functools.partial(blind_values, self._serdes),
            reduce_partition_op=None,
            output_partitioner=None,
            shuffle=False,
            need_cleanup=need_cleanup,
            output_name=name,
            output_namespace=namespace,
            output_key_serdes_type=self.key_serdes_type,
            output_value_serdes_type=self.value_serdes_type,
            output_partitioner_type=self.partitioner_type,
            output_num_partitions=self.partitions,
        )


def checked(table: Any) -> Any:
    """A table that another party sent.

    Raises
    ------
    InvalidCiphertextError
        If a value of it is unblinded, and would be read without the checks of ciphertexts.
    """
    if holds_unblinded(table):
        raise InvalidCiphertextError(
            "a table came in whose ciphertexts are in the form they have within a party; "
            "its sender must call fate2.install() of this version before the job"
        )
    return table


def holds_unblinded(table: Any) -> bool:
    """Whether any value of a table of FATE's is unblinded."""
    # Not every backend can reduce an empty table: Spark raises. `count` would trace its callers first.
    return table._count() > 0 and MARK in table._reduce(_marked)


def blind_values(
    serdes: Any, partition: int, items: Iterable[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a partition, where unblinded vectors are blinded.

    Raises
    ------
    UnsupportedOperationError
        If a value hides an unblinded vector where pickling does not reach it.
    """
    for key, data in items:
        value = serdes.serialize(serdes.deserialize(data)) if MARK in data else data
        if MARK in value:
            raise UnsupportedOperationError(
                "a table that leaves holds ciphertexts pickled by hand, which cannot be blinded; "
                "keep them as vectors"
            )
        yield key, value


def _marked(first: bytes, second: bytes) -> bytes:
    """One of two values, an unblinded one if there is any."""
    return first if MARK in first else second
