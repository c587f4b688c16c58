# SPDX-License-Identifier: Apache-2.0
"""The CUDA kernels compiled for the host, once for each change of their sources."""

from __future__ import annotations

from types import ModuleType

import pytest

from pyfate_gpu import CiphertextArray
from pyfate_gpu.backends.cuda.device import Device
from pyfate_gpu.backends.cuda.engine import CudaPublicEngine
from pyfate_gpu.backends.cuda.streamed import HostRows, StreamedPublicEngine
from pyfate_gpu.he.array.freshness import DERIVED
from tests.cuda.emulated_device import EmulatedDevice
from tests.cuda.emulated_module import emulated_module

LONGEST = 6  # rows of an array that stays on the device of the streamed engine


@pytest.fixture(scope="session")
def narrow() -> ModuleType:
    """The device with limbs of 8 bits: rare carries are common."""
    return emulated_module(8)


@pytest.fixture(scope="session")
def wide() -> ModuleType:
    """The device with the limbs of the real one."""
    return emulated_module(32)


@pytest.fixture(scope="session")
def emulated(wide: ModuleType) -> Device:
    """The emulated device as the engine sees a GPU."""
    return EmulatedDevice(wide)


@pytest.fixture(params=[CudaPublicEngine, StreamedPublicEngine], ids=["whole", "streamed"])
def on_device(request, emulated, keypair, monkeypatch):
    """What moves an array of the host to the emulated device."""
    engine = request.param(keypair[0].numbers, emulated)
    streamed = request.param is StreamedPublicEngine
    if streamed:
        monkeypatch.setattr(
            type(emulated), "array_bytes", property(lambda _: LONGEST * 8 * engine.ring.limbs)
        )

    def move(c):
        rows = engine.import_words(c._engine.export_words(c._rows))
        assert isinstance(rows, HostRows) == (streamed and c.size > LONGEST)
        return CiphertextArray(
            rows, c.shape, exponent=c.exponent, bound=c.bound, kind=c.kind, encoder=c.encoder,
            batches=DERIVED, public_key=c.public_key, engine=engine, slots=c.slots,
        )  # fmt: skip

    return move


def decrypted(keypair, c):
    public, private = keypair
    there = public.from_ints(c.to_ints(), bound=c.bound, slots=c.slots)
    return private.decrypt(there)
