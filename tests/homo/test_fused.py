# SPDX-License-Identifier: Apache-2.0
"""The native pass gives, byte for byte, what NumPy and the ChaCha20 of cryptography give."""

import numpy as np
import pytest

from pyfate_gpu import use_backend
from pyfate_gpu.backends import _cpu
from pyfate_gpu.errors import BackendUnavailableError, DataError
from pyfate_gpu.homo import AggregationPlan, Noise, quantiser
from pyfate_gpu.homo.masks import fused, ring
from pyfate_gpu.homo.quantiser import Layout, vector
from pyfate_gpu.homo.streams import KEY_BYTES, Stream
from pyfate_gpu.homo.updates import take_apart

KEYS = [bytes(range(number, number + KEY_BYTES)) for number in range(5)]
SIGNS = (1, -1, -1, 1, -1)
ROUNDING = b"r" * KEY_BYTES


def pads_of(plan, count):
    lane = ring.lane_of(plan.width)
    return [(Stream(key, lane), sign) for key, sign in zip(KEYS[:count], SIGNS, strict=False)]


def both(monkeypatch, plan, update, weight=1, streams=5):
    structure, arrays = take_apart(update)
    layout = Layout(plan, structure)
    monkeypatch.setattr(quantiser, "fresh_stream", lambda dtype: Stream(ROUNDING, dtype))
    pieces = vector(layout, arrays, weight)
    expected = b"".join(ring.masked(pieces, plan.width, pads_of(plan, streams)))
    rounding = Stream(ROUNDING, np.uint32)
    found = fused.masked_update(layout, arrays, weight, pads_of(plan, streams), rounding)
    return found.tobytes(), expected


def some(size, dtype=np.float32, scale=0.6):
    return np.random.default_rng(size).normal(0, scale, size).astype(dtype)


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize(
    ("clients", "bits", "weights"),
    [(2, 2, 2), (3, 5, 3), (2, 8, 2), (9, 8, 9), (10, 16, 10), (10, 16, 9000), (3, 24, 3), (3, 24, 3000),
     (10, 32, 10), (5, 32, 1 << 20), (2, 32, 1 << 30)],
)  # fmt: skip
def test_every_width(monkeypatch, clients, bits, weights, dtype, rounding):
    """All words of 1, 2, 4, 8 bytes, and all elements of 1 to 8 bytes but one."""
    plan = AggregationPlan(clients, bits, 0.9, weights, rounding=rounding)
    update = [some(5000, dtype), some(1, dtype), some(4099, dtype), np.zeros(0, dtype)]
    found, expected = both(monkeypatch, plan, update, plan.max_weight)
    assert found == expected


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [1, 63, 64, 4095, 4096, 4097, 100_003, (1 << 20) + 5])
def test_odd_lengths(monkeypatch, size, threads):
    with use_backend("cpu", threads=threads):
        found, expected = both(monkeypatch, AggregationPlan(10, 16, 1.0), some(size))
    assert found == expected


@pytest.mark.parametrize("isa", ["avx512ifma", "avx2", "portable"])
@pytest.mark.parametrize(("bits", "dtype"), [(8, np.float32), (16, np.float64), (24, np.float32)])
def test_every_instruction_set(monkeypatch, isa, bits, dtype):
    try:
        choice = use_backend("cpu", isa=isa)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    with choice:
        plan = AggregationPlan(10, bits, 0.9, 900)
        found, expected = both(monkeypatch, plan, [some(5001, dtype), some(70, dtype)], 7)
    assert found == expected


def test_an_unknown_instruction_set_is_refused():
    out = np.empty(3, dtype=np.uint8)
    with pytest.raises(ValueError, match="no masking kernels for instruction set 'abacus'"):
        _cpu.mask_integers(
            np.arange(3), b"", np.empty(0, dtype=np.int8), 0, 1, 1, out, 1, isa="abacus"
        )


@pytest.mark.parametrize("streams", [0, 1, 2])
def test_few_streams(monkeypatch, streams):
    found, expected = both(monkeypatch, AggregationPlan(3, 16), some(999), streams=streams)
    assert found == expected


def test_integers_and_counts(monkeypatch):
    plan = AggregationPlan(4, 16, (0.5, 2.0, 0.01), 4000, integers="sum")
    integers = np.array([2**31, -5, 0, 2**32 - 1])
    update = [some(70), integers, some(5001), some(3, np.float64), np.arange(40_000)]
    found, expected = both(monkeypatch, plan, update, 777)
    assert found == expected
    adaptive = AggregationPlan(4, 8, "adaptive", 4)
    found, expected = both(monkeypatch, adaptive, [some(4000), some(4000, scale=0.01)])
    assert found == expected


def test_slices_and_columns(monkeypatch):
    update = [np.asfortranarray(some(600).reshape(20, 30)), some(900)[::3], np.float32(0.3)]
    found, expected = both(monkeypatch, AggregationPlan(4, 16), update)
    assert found == expected


def test_levels_and_ends(monkeypatch):
    for bits in (2, 8, 16, 24, 32):
        top = 2 ** (bits - 1) - 1
        plan = AggregationPlan(2, bits, float(top), rounding="nearest")
        values = np.concatenate([np.linspace(-top, top, 1001), [0.5, 1.5, 2.5, -0.5, -1.5, 1e300]])
        found, expected = both(monkeypatch, plan, values)
        assert found == expected


def test_noise_goes_under_the_same_pads():
    """Draws differ; what is left without the pads is a vector within the plan's bound."""
    plan = AggregationPlan(3, 16, noise=Noise(1.0, 2.0, 3))
    structure, arrays = take_apart(some(300, scale=0.05))
    layout = Layout(plan, structure)
    found = fused.masked_update(layout, arrays, 1, pads_of(plan, 5))
    opened = ring.RingVector(layout.length, plan.width)
    opened.add_bytes(memoryview(found.tobytes()))
    opened.add_pads([(stream, -sign) for stream, sign in pads_of(plan, 5)])
    assert np.abs(opened.integers()).max() <= plan.client_bound
    assert opened.integers()[300:302].tolist() == [1, 1]


@pytest.mark.parametrize(("bad", "text"), [(np.nan, "NaN"), (-np.inf, "NaN"), (1e300, "limits")])
def test_values_that_are_none(bad, text):
    plan = AggregationPlan(3, 32, 2.0**-60)
    values = np.zeros(10_000)
    values[-1] = bad
    structure, arrays = take_apart([np.zeros(3), values])
    with pytest.raises(DataError, match=f"array '1'.*{text}"):
        fused.masked_update(Layout(plan, structure), arrays, 1, pads_of(plan, 1))


def test_wrong_arguments_are_refused():
    keys, signs, out = bytes(32), np.ones(1, np.int8), np.zeros(12, np.uint8)
    good = {
        "keys": keys, "signs": signs, "start": 0, "lane_bytes": 4, "element_bytes": 3, "out": out, "threads": 1,
    }  # fmt: skip
    values = np.zeros(4, np.int64)
    _cpu.mask_integers(values, **good)
    read_only = np.zeros(12, np.uint8)
    read_only.flags.writeable = False
    for wrong in (
        {"keys": bytes(31)}, {"signs": np.ones(2, np.int8)}, {"signs": np.ones(1)}, {"lane_bytes": 3},
        {"element_bytes": 2}, {"element_bytes": 5}, {"out": np.zeros(11, np.uint8)}, {"out": read_only},
        {"threads": 0}, {"start": 1 << 60},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            _cpu.mask_integers(values, **(good | wrong))
    with pytest.raises(ValueError):
        _cpu.mask_integers(np.zeros(4, np.int32), **good)
    more = {
        "clip": 1.0,
        "levels": 7,
        "weight": 1,
        "rounding_key": None,
        "rounding_start": 0,
        "rounding_bits": 0,
    }
    floats = np.zeros(4, np.float32)
    _cpu.mask_values(floats, **(good | more))
    for wrong in (
        {"clip": 0.0}, {"clip": float("nan")}, {"levels": 1 << 31}, {"rounding_key": keys},
        {"rounding_key": b"short", "rounding_bits": 3},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            _cpu.mask_values(floats, **(good | more | wrong))
    with pytest.raises(ValueError):
        _cpu.mask_values(values, **(good | more))
