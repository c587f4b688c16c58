# SPDX-License-Identifier: Apache-2.0
"""Arrays of a GPU, in and out: numbers to encrypt, and ciphertexts for kernels of one's own."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pyfate_gpu import IntegerEncoder, use_backend
from pyfate_gpu.errors import UnsupportedOperationError


class OnGpu:
    """An array of some library whose memory is a GPU's."""

    def __init__(self, values, index=1):
        self.values, self.index = np.asarray(values), index
        self.__cuda_array_interface__ = {"shape": self.values.shape, "version": 3}

    def get(self):
        return self.values

    def __dlpack__(self, **options):
        return "capsule", options

    def __dlpack_device__(self):
        return 2, self.index

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion to a NumPy array is not allowed")


@pytest.fixture(autouse=True)
def cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(asarray=lambda array: array))


def test_numbers_on_a_gpu_are_encrypted(keypair):
    public, private = keypair
    c = public.encrypt(OnGpu([[1.5, -2.0]]))
    assert private.decrypt(c + OnGpu([[1.0, 1.0]])).tolist() == [[2.5, -1.0]]
    assert private.decrypt(OnGpu([[2.0], [3.0]]) @ c).tolist() == [[3.0, -4.0], [4.5, -6.0]]


def test_ciphertexts_on_a_gpu_show_their_rows(keypair):
    c = keypair[0].encrypt([1, 2])
    there = c._replace(OnGpu(np.zeros((2, 2, 16), dtype=np.uint32)), c.shape)
    assert there.__cuda_array_interface__["shape"] == (2, 2, 16)
    assert there.__dlpack__(stream=7) == ("capsule", {"stream": 7})
    assert there.__dlpack_device__() == (2, 1)
    with pytest.raises(UnsupportedOperationError, match="ciphertexts are no numbers"):
        IntegerEncoder().encode(there)


def test_ciphertexts_elsewhere_do_not(keypair):
    with use_backend("reference"):
        c = keypair[0].encrypt([1, 2])
    assert not hasattr(c, "__cuda_array_interface__")
    for ask in (c.__dlpack__, c.__dlpack_device__):
        with pytest.raises(BufferError, match="lies on cpu, not on a GPU"):
            ask()
