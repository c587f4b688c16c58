# SPDX-License-Identifier: Apache-2.0
"""A single row is decrypted by the engine that takes one at a time, unless an engine was named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyfate_gpu import PrivateKey, backends, generate_keypair, use_backend
from pyfate_gpu.config import environment

_cpu = pytest.importorskip("pyfate_gpu.backends._cpu")
USABLE = [name for name, available, *_ in _cpu.instruction_sets() if available]


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instruction sets that decrypted, in order."""
    names: list[str] = []

    class Recorder(_cpu.PrivateContext):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.isa = arguments[-1]

        def decrypt(self, *operands):
            names.append(self.isa)
            return super().decrypt(*operands)

    monkeypatch.setattr(_cpu, "PrivateContext", Recorder)
    return names


def decrypt_one_and_two(private: PrivateKey) -> None:
    c = private.public_key.encrypt([1.5, -2.0])
    assert private.decrypt(c[0]) == 1.5
    assert private.decrypt(c).tolist() == [1.5, -2.0]


def test_one_row_by_itself(used):
    _, private = generate_keypair(512, allow_insecure_key_size=True)
    with use_backend("cpu"):
        decrypt_one_and_two(private)
    assert used == ["portable", USABLE[0]]


@pytest.mark.parametrize("isa", USABLE)
def test_a_named_instruction_set_decrypts_all(used, isa):
    _, private = generate_keypair(512, allow_insecure_key_size=True)
    with use_backend("cpu"):
        decrypt_one_and_two(private)
    used.clear()
    with use_backend("cpu", isa=isa):
        decrypt_one_and_two(private)
    assert used == [isa, isa]


@pytest.mark.parametrize("isa", USABLE)
def test_one_of_the_environment_decrypts_all(used, isa, monkeypatch):
    monkeypatch.setattr(
        backends, "environment", lambda: replace(environment(), backend="cpu", isa=isa)
    )
    _, private = generate_keypair(512, allow_insecure_key_size=True)
    decrypt_one_and_two(private)
    assert used == [isa, isa]
