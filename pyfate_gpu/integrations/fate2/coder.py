# SPDX-License-Identifier: Apache-2.0
"""Tensors to integers and back.

FATE gives every float an exponent of its own. Here a vector has one: for what is encrypted it
depends on the dtype alone, so it tells nothing; for plain factors on the largest and smallest of
them, so that no precision that matters is lost and powers stay short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding import FixedPointEncoder, IntegerEncoder, PlaintextArray
from pyfate_gpu.errors import EncodingError
from pyfate_gpu.integrations.fate2.vectors import PlaintextVector

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
        """A tensor of one axis; integers are rounded down, and int32 comes as int64, as in FATE."""
        import torch

        exponent = vec.plain.exponent
        if dtype in (torch.int64, torch.int32):
            return torch.tensor(
                [v << exponent if exponent >= 0 else v >> -exponent for v in vec.integers()],
                dtype=torch.int64,
            )
        if dtype not in (torch.float64, torch.float32):
            raise NotImplementedError(f"dtype {dtype} is not supported; use floats or integers")
        scale = 1 << abs(exponent)
        values = [v / scale if exponent < 0 else float(v * scale) for v in vec.integers()]
        return torch.tensor(values, dtype=dtype)

    def encode(self, val: Any, dtype: torch.dtype | None = None) -> PlaintextVector:
        """Encode one number, of a tensor's dtype or the given one."""
        return PlaintextVector(encode_scalar(val, dtype))

    def pack_floats(
        self, float_tensor: torch.Tensor, offset_bit: int, pack_num: int, precision: int
    ) -> PlaintextVector:
        """Several floats to an integer, ``round(x * 2**precision)`` in slots of `offset_bit` bits.

        The first number of each group is the most significant. Precondition of the decoding: no
        number, nor any sum of them, is negative or outgrows its slot.
        """
        scaled = np.rint(np.ldexp(to_numpy(float_tensor).ravel().astype(np.float64), precision))
        return self._pack([int(x) for x in scaled], offset_bit, pack_num)

    def unpack_floats(
        self,
        packed: PlaintextVector,
        offset_bit: int,
        pack_num: int,
        precision: int,
        total_num: int,
    ) -> torch.Tensor:
        """The float32 numbers of `pack_floats`, or of sums of its vectors."""
        import torch

        slots = self._unpack(packed, offset_bit, pack_num, total_num)
        return torch.tensor([slot / (1 << precision) for slot in slots], dtype=torch.float32)

    def pack_vec(
        self, vec: torch.Tensor, num_shift_bit: int, num_elem_each_pack: int
    ) -> PlaintextVector:
        """Several integers, none negative, to one."""
        return self._pack(vec.detach().flatten().tolist(), num_shift_bit, num_elem_each_pack)

    def unpack_vec(
        self, vec: PlaintextVector, num_shift_bit: int, num_elem_each_pack: int, total_num: int
    ) -> torch.Tensor:
        """The integers of `pack_vec`."""
        import torch

        return torch.tensor(
            self._unpack(vec, num_shift_bit, num_elem_each_pack, total_num), dtype=torch.int64
        )

    def _pack(self, values: list[int], shift: int, count: int) -> PlaintextVector:
        if any(value < 0 or value >> shift for value in values):
            raise EncodingError(
                f"a number to pack is negative or needs more than its {shift} bits; add an offset "
                f"first, or pack with less precision"
            )
        groups = [values[start : start + count] for start in range(0, len(values), count)]
        packed = []
        for group in groups:
            total = 0
            for value in group:
                total = total << shift | value
            packed.append(total)
        return PlaintextVector.of_integers(packed, packed=True)

    def _unpack(self, packed: PlaintextVector, shift: int, count: int, total: int) -> list[int]:
        mask, slots = (1 << shift) - 1, list[int]()
        for value in packed.integers():
            filled = min(count, total - len(slots))
            slots += [value >> shift * place & mask for place in reversed(range(filled))]
        return slots

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

    decode_i32 = decode_i64

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

    decode_i32_vec = decode_i64_vec


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
    bound = 2**top if top >= 0 else 2.0**top
    return FixedPointEncoder(fraction_bits=max(0, bits - top), bound=bound).encode(array)


def encode_scalar(value: Any, dtype: torch.dtype | None = None) -> PlaintextArray:
    """One number exactly, in as few bits as it has: a power of two costs nothing to multiply by."""
    import torch

    if isinstance(value, torch.Tensor):
        dtype, value = value.dtype, value.item()
    if dtype == torch.float32:
        value = float(np.float32(value))
    if isinstance(value, float | np.floating) and dtype not in (torch.int64, torch.int32):
        numerator, denominator = float(value).as_integer_ratio()
        exponent = 1 - denominator.bit_length()
    else:
        numerator, exponent = int(value), 0
    return PlaintextVector.of_integers([numerator], exponent).plain
