# SPDX-License-Identifier: Apache-2.0
"""Tensors to integers and back.

FATE gives every float an exponent of its own. Here a vector has one: for what is encrypted it
depends on the dtype alone, so it tells nothing; for plain factors on the largest and smallest of
them, so that no precision that matters is lost and powers stay short.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding import FixedPointEncoder, IntegerEncoder, PlaintextArray
from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import EncodingError, ShapeError, UnsupportedOperationError
from pyfate_gpu.integrations.fate2.packing import Packing
from pyfate_gpu.integrations.fate2.vectors import PlaintextVector
from pyfate_gpu.integrations.scalars.numbers import widened

if TYPE_CHECKING:
    import torch

BOUND = 2**64
"""Largest float that is encrypted."""

ENCRYPTED = {
    "float32": FixedPointEncoder(fraction_bits=56, bound=BOUND),
    "float64": FixedPointEncoder(fraction_bits=88, bound=BOUND),
}
MANTISSA_BITS = {"float32": 24, "float64": 53}
ELEMENT_BITS = 192
"""Most bits of a factor in an element-wise product, where each must keep its own precision."""
MATRIX_BITS = 62
"""Most bits in a product of matrices, where the largest terms decide; 62 fill a word."""


class Coder:
    """Encodes and decodes; has no state, all of a vector is in the vector."""

    def encode_tensor(
        self, tensor: torch.Tensor, dtype: torch.dtype | None = None
    ) -> PlaintextVector:
        """Encode for encryption, in row order."""
        return self.encode_vec(tensor.flatten())

    def decode_tensor(
        self,
        tensor: PlaintextVector,
        dtype: torch.dtype,
        shape: torch.Size | None = None,
        device: Any = None,
    ) -> torch.Tensor:
        """A tensor of a shape, on a device of FATE's."""
        data = self.decode_vec(tensor, dtype)
        if shape is not None:
            data = data.reshape(shape)
        return data if device is None else data.to(device.to_torch_device())

    def encode_vec(self, vec: torch.Tensor, dtype: torch.dtype | None = None) -> PlaintextVector:
        """Encode for encryption: floats to the grid of their dtype, integers exactly."""
        array = to_numpy(vec, dtype).ravel()
        if array.dtype.kind == "i":
            return PlaintextVector(IntegerEncoder().encode(array))
        return PlaintextVector(ENCRYPTED[array.dtype.name].encode(array))

    def decode_vec(self, vec: PlaintextVector, dtype: torch.dtype) -> torch.Tensor:
        """A tensor of one axis, as FATE decodes.

        int64 rounds down; int32 takes the float64 of a number, cuts its fraction off, clamps it to 32 bits
        and comes as int64.

        Raises
        ------
        EncodingError
            If a number is beyond int64 or float64, where FATE's wraps around or is infinite.
        NotImplementedError
            For another dtype.
        """
        import torch

        integers, exponent = vec.integers(), vec.plain.exponent
        if dtype == torch.int64:
            return torch.tensor([_floor(v, exponent) for v in integers], dtype=torch.int64)
        if dtype == torch.int32:
            numbers = [_clamped(_to_float(v, exponent)) for v in integers]
            return torch.tensor(numbers, dtype=torch.int64)
        if dtype not in (torch.float64, torch.float32):
            raise NotImplementedError(f"dtype {dtype} is not supported; use floats or integers")
        floats = [_to_float(v, exponent) for v in integers]
        if not all(map(math.isfinite, floats)):
            raise EncodingError("a decoded number is beyond float64; decode it as an integer")
        return torch.tensor(floats, dtype=dtype)

    def encode(self, val: Any, dtype: torch.dtype | None = None) -> PlaintextVector:
        """Encode one number, of a tensor's dtype or the given one."""
        return PlaintextVector(encode_scalar(val, dtype))

    def pack_floats(
        self, float_tensor: torch.Tensor, offset_bit: int, pack_num: int, precision: int
    ) -> PlaintextVector:
        """Several floats to an integer: ``x * 2**precision`` rounded, halves away from 0, as FATE does.

        The first number of each group is the most significant. `offset_bit` is what a sum of them may
        need: `unpack_floats` refuses sums that have more bits, or are negative.

        Raises
        ------
        EncodingError
            If a number is negative, not finite, or has more than `offset_bit` bits.
        """
        numbers = to_numpy(float_tensor).ravel().astype(np.float64)
        with np.errstate(over="ignore"):
            scaled = np.ldexp(numbers, as_integer(precision, "precision"))
        if not np.isfinite(scaled).all():
            raise EncodingError("a number to pack is not finite, or too large; clean the data")
        whole = np.trunc(scaled)
        rounded = whole + np.sign(scaled) * (np.abs(scaled - whole) >= 0.5)
        return _pack([int(x) for x in rounded], Packing.of(offset_bit, pack_num))

    def unpack_floats(
        self,
        packed: PlaintextVector,
        offset_bit: int,
        pack_num: int,
        precision: int,
        total_num: int,
    ) -> torch.Tensor:
        """The float32 numbers of `pack_floats`, or of sums of its vectors.

        Raises
        ------
        EncodingError
            If a sum is negative or has more bits than its slot.
        BoundError
            If so many were added up that slots could have been carried into each other.
        """
        import torch

        scale = 1 << as_integer(precision, "precision")
        numbers = [slot / scale for slot in _unpack(packed, offset_bit, total_num)]
        return torch.tensor(numbers, dtype=torch.float32)

    def pack_vec(
        self, vec: torch.Tensor, num_shift_bit: int, num_elem_each_pack: int
    ) -> PlaintextVector:
        """Several integers, none negative, to one."""
        integers = to_numpy(vec).ravel().tolist()
        return _pack(integers, Packing.of(num_shift_bit, num_elem_each_pack))

    def unpack_vec(
        self, vec: PlaintextVector, num_shift_bit: int, num_elem_each_pack: int, total_num: int
    ) -> torch.Tensor:
        """The integers of `pack_vec`; errors as of `unpack_floats`."""
        import torch

        slots = _unpack(vec, num_shift_bit, total_num)
        return torch.tensor([_floor(slot, 0) for slot in slots], dtype=torch.int64)

    def encode_f64(self, val: float) -> PlaintextVector:
        """A float64."""
        return self.encode(np.float64(val))

    def encode_f32(self, val: float) -> PlaintextVector:
        """A float32."""
        return self.encode(np.float32(val))

    def encode_i64(self, val: int) -> PlaintextVector:
        """An int64."""
        return self.encode(int(val))

    encode_i32 = encode_i64

    def decode_f64(self, val: PlaintextVector) -> float:
        """The number of a vector of length 1."""
        import torch

        return float(self.decode_vec(val, torch.float64)[0])

    decode_f32 = decode_f64

    def decode_i64(self, val: PlaintextVector) -> int:
        """The integer of a vector of length 1."""
        import torch

        return int(self.decode_vec(val, torch.int64)[0])

    def decode_i32(self, val: PlaintextVector) -> int:
        """The integer of a vector of length 1, clamped to 32 bits."""
        import torch

        return int(self.decode_vec(val, torch.int32)[0])

    def encode_f64_vec(self, vec: torch.Tensor) -> PlaintextVector:
        """A tensor as float64."""
        return self.encode_vec(vec.double())

    def encode_f32_vec(self, vec: torch.Tensor) -> PlaintextVector:
        """A tensor as float32."""
        return self.encode_vec(vec.float())

    def encode_i64_vec(self, vec: torch.Tensor) -> PlaintextVector:
        """A tensor as int64."""
        return self.encode_vec(vec.long())

    def encode_i32_vec(self, vec: torch.Tensor) -> PlaintextVector:
        """A tensor as int32."""
        return self.encode_vec(vec.int())

    def decode_f64_vec(self, vec: PlaintextVector) -> torch.Tensor:
        """A float64 tensor."""
        import torch

        return self.decode_vec(vec, torch.float64)

    def decode_f32_vec(self, vec: PlaintextVector) -> torch.Tensor:
        """A float32 tensor."""
        import torch

        return self.decode_vec(vec, torch.float32)

    def decode_i64_vec(self, vec: PlaintextVector) -> torch.Tensor:
        """An int64 tensor."""
        import torch

        return self.decode_vec(vec, torch.int64)

    def decode_i32_vec(self, vec: PlaintextVector) -> torch.Tensor:
        """An int64 tensor of numbers clamped to 32 bits."""
        import torch

        return self.decode_vec(vec, torch.int32)


def _pack(values: list[int], packing: Packing) -> PlaintextVector:
    count = packing.slots.count
    groups = [values[start : start + count] for start in range(0, len(values), count)]
    packed = [packing.pack(group) for group in groups]
    return PlaintextVector.of_integers(packed, bound=packing.bound, packing=packing)


def _unpack(packed: PlaintextVector, bits: int, total: int) -> list[int]:
    """The numbers in slots of `bits` bits, `total` of them, each integer filled from its lowest slot on."""
    bits, total = as_integer(bits, "bits of a slot"), as_integer(total, "numbers to unpack")
    integers, packing, exponent = packed.integers(), packed.packing, packed.plain.exponent
    if not any(integers):  # also those that nothing was added to, which have no packing
        return [0] * total
    if packing is None or exponent:
        raise EncodingError("these numbers were not packed, or were multiplied since; decode them")
    if packing.bits != bits:
        raise EncodingError(
            f"numbers packed by {packing.bits} bits cannot be unpacked by {bits}; pass what they were packed by"
        )
    packing.slots.check(packed.plain.bound)
    numbers = list[int]()
    for value in integers:
        numbers += packing.unpack(value, min(packing.slots.count, total - len(numbers)))
    if len(numbers) != total:
        raise ShapeError(
            f"{len(integers)} integers hold {len(numbers)} numbers; {total} were asked for"
        )
    return numbers


def _floor(value: int, exponent: int) -> int:
    number = value << exponent if exponent >= 0 else value >> -exponent
    if not -(1 << 63) <= number < 1 << 63:
        raise EncodingError(
            f"a decoded number has {number.bit_length()} bits; int64 has 63 and a sign"
        )
    return number


def _to_float(value: int, exponent: int) -> float:
    """Correctly rounded, infinite beyond float64."""
    try:
        return float(value << exponent) if exponent >= 0 else value / (1 << -exponent)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _clamped(number: float) -> int:
    return int(max(-(2.0**31), min(number, 2.0**31 - 1)))


def to_numpy(tensor: torch.Tensor, dtype: torch.dtype | None = None) -> npt.NDArray[Any]:
    """The numbers of a tensor in this process's memory.

    Raises
    ------
    NotImplementedError
        If its dtype is not float64, float32, int64 or int32.
    """
    if dtype is not None:
        tensor = tensor.to(dtype)
    array: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    if array.dtype.name not in ("float64", "float32", "int64", "int32"):
        raise NotImplementedError(
            f"a tensor of {tensor.dtype} is not supported; convert it to float64, float32, int64 "
            f"or int32"
        )
    return array


def encode_factors(tensor: torch.Tensor, most_bits: int) -> PlaintextArray:
    """Plain factors of ciphertexts, in the shape of the tensor.

    Exact for integers, and for floats whose digits all lie within `most_bits` bits from the top of
    the largest; others are rounded there. The exponent of the product tells these magnitudes.
    """
    array = to_numpy(tensor)
    if array.dtype.kind == "i":
        return IntegerEncoder().encode(array)
    if not np.isfinite(array).all():
        raise EncodingError("a factor is not a number or infinite; clean the data")
    sizes = np.abs(array[array != 0])
    top = int(np.frexp(sizes.max())[1]) if sizes.size else 0
    bottom = int(np.frexp(sizes.min())[1]) if sizes.size else 0
    bits = min(most_bits, top - bottom + MANTISSA_BITS[array.dtype.name])
    encoder = FixedPointEncoder(
        fraction_bits=max(0, bits - top), bound=2**top if top >= 0 else 2.0**top
    )
    plain = encoder.encode(array)
    # The bound of so many bits, whatever the factors are, unless one by itself has more.
    bound = max(1 << most_bits, plain.bound)
    return PlaintextArray(plain.words, plain.exponent, bound, plain.kind, plain.encoder)


def encode_scalar(value: Any, dtype: torch.dtype | None = None) -> PlaintextArray:
    """One number exactly, in as few bits as it has: a power of two costs nothing to multiply by.

    Raises
    ------
    UnsupportedOperationError
        (a TypeError) if it is no number, a float of NumPy's with more digits than 64 bits hold, or no
        integer for a dtype of integers.
    EncodingError
        If it is not finite.
    """
    import torch

    if isinstance(value, torch.Tensor):
        dtype, value = value.dtype, value.item()
    number = widened(value)
    if not isinstance(number, int | float):
        raise UnsupportedOperationError(
            f"a {type(value).__name__} is no number; pass an int or a float"
        )
    if dtype == torch.float32:
        number = float(np.float32(number))
    if isinstance(number, float) and not math.isfinite(number):
        raise EncodingError(f"{number} cannot be encoded; clean the data, numbers are finite")
    numerator, denominator = number.as_integer_ratio()
    if denominator != 1 and dtype in (torch.int64, torch.int32):
        raise UnsupportedOperationError(
            f"{number} is no integer, as {dtype} are; choose a dtype of floats"
        )
    return PlaintextVector.of_integers([numerator], 1 - denominator.bit_length()).plain
