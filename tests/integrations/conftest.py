# SPDX-License-Identifier: Apache-2.0
"""Keys and tables of the FATE 2 adapter."""

import importlib.util
import sys

import pytest

from pyfate_gpu.integrations.fate2 import tables
from pyfate_gpu.integrations.fate2.keys import SK, restore_pk
from tests.integrations.fake_fate2 import FakeTable, Pickle, fake_torch


@pytest.fixture(scope="module")
def keys(keypair):
    public, private = keypair
    return SK(private), restore_pk(public.n, public.h)


@pytest.fixture
def torch(monkeypatch):
    """Where there is no torch, as much of it as the coder takes."""
    if importlib.util.find_spec("torch") is None:
        monkeypatch.setitem(sys.modules, "torch", fake_torch())


@pytest.fixture
def inside(monkeypatch):
    monkeypatch.setattr(FakeTable, "value_serdes", tables.PartySerdes(Pickle))
    return FakeTable.value_serdes
