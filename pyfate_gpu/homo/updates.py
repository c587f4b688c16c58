# SPDX-License-Identifier: Apache-2.0
"""Updates of models as lists of arrays, and back: lists, dicts, state_dicts of PyTorch, fitted linear models."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.homo.frames import Message

FLOATS = ("float16", "float32", "float64", "bfloat16")
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
FORMS = ("array", "list", "dict", "torch", "coefficients")
COEFFICIENTS = ("coef_", "intercept_")
MAX_ELEMENTS = 1 << 33


@dataclass(frozen=True)
class Member:
    """One array of an update."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether it is averaged."""
        return self.dtype in FLOATS


@dataclass(frozen=True)
class Structure:
    """Names, shapes and dtypes of an update; public, and the same at every client.

    Parameters
    ----------
    form : str
        What held the arrays: "array", "list", "dict", "torch" (a dict of tensors) or "coefficients".
    members : tuple of Member
        Those of a dict by name.
    """

    form: str
    members: tuple[Member, ...]

    @property
    def floats(self) -> tuple[Member, ...]:
        """The arrays that are averaged."""
        return tuple(member for member in self.members if member.is_float)

    def describe(self) -> list[Any]:
        """As JSON takes it."""
        return [self.form, [[each.name, list(each.shape), each.dtype] for each in self.members]]

    @classmethod
    def read(cls, described: Any) -> Structure:
        """The way back from `describe`.

        Raises
        ------
        ProtocolError
            For anything that `describe` never returns.
        """
        try:
            form, listed = described
            members = tuple(Member(name, tuple(shape), dtype) for name, shape, dtype in listed)
            good = form in FORMS and all(_is_member(each) for each in members)
        except (TypeError, ValueError):
            good = False
        if not good or sum(each.size for each in members) > MAX_ELEMENTS:
            raise ProtocolError("the structure of the update is not names, shapes and dtypes")
        return cls(form, members)


def _is_member(each: Member) -> bool:
    return (
        isinstance(each.name, str)
        and each.dtype in FLOATS + INTEGERS
        and len(each.shape) <= 32
        and all(type(length) is int and 0 <= length <= MAX_ELEMENTS for length in each.shape)
    )


def check_like(read: Message, structure: Structure, agreed: Structure | None, clips: str) -> None:
    """Refuse an update that does not look like those in the sum.

    Raises
    ------
    ProtocolError
        When it has another structure than agreed, or other clips than the first one.
    """
    if agreed is not None and structure != agreed:
        raise ProtocolError(
            f"the update of client {read.sender} has other arrays, shapes or dtypes than agreed"
        )
    if read.text("clips") != (clips or read.text("clips")):
        raise ProtocolError(
            f"the update of client {read.sender} has other clips: go on by next_plan at every client, or at none"
        )


def take_apart(update: Any) -> tuple[Structure, list[npt.NDArray[Any]]]:
    """The structure of an update, and its arrays; nothing is copied that need not be.

    Raises
    ------
    DataError
        When it is no such thing, or an array has a dtype that cannot be added up.
    """
    form, named = _named(update)
    members, arrays = [], []
    for name, value in named:
        array, dtype = _as_array(name, value)
        members.append(Member(name, array.shape, dtype))
        arrays.append(array)
    if not members:
        raise DataError("the update has no arrays")
    return Structure(form, tuple(members)), arrays


def _named(update: Any) -> tuple[str, list[tuple[str, Any]]]:
    if isinstance(update, np.ndarray):
        return "array", [("0", update)]
    if all(hasattr(update, name) for name in COEFFICIENTS):
        return "coefficients", [(name, np.asarray(getattr(update, name))) for name in COEFFICIENTS]
    if isinstance(update, Mapping):
        if not all(isinstance(name, str) and name.isascii() for name in update):
            raise DataError("the arrays of an update are named by ASCII texts")
        tensors = any(_is_tensor(value) for value in update.values())
        return "torch" if tensors else "dict", sorted(update.items())
    if isinstance(update, Sequence) and not isinstance(update, str | bytes):
        return "list", [(str(place), value) for place, value in enumerate(update)]
    raise DataError(
        f"an update is a list or dict of NumPy arrays, a state_dict, or a fitted linear model, "
        f"not {type(update).__name__}"
    )


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach") and hasattr(value, "cpu")


def _as_array(name: str, value: Any) -> tuple[npt.NDArray[Any], str]:
    if _is_tensor(value):
        tensor = value.detach().cpu()
        if str(tensor.dtype) == "torch.bfloat16":  # NumPy has none
            return tensor.float().numpy(), "bfloat16"
        value = tensor.numpy()
    array = np.asarray(value)
    if np.ma.isMaskedArray(value):
        raise DataError(f"array {name!r} is masked: fill it before")
    dtype = array.dtype.name
    if dtype not in FLOATS + INTEGERS:
        raise DataError(
            f"array {name!r} has dtype {dtype}; updates have {', '.join(FLOATS)} or integers"
        )
    return array, dtype


def put_together(structure: Structure, arrays: Sequence[npt.NDArray[Any]]) -> Any:
    """An update of that structure; `arrays` have the dtypes of it, bfloat16 as float32."""
    named = {member.name: array for member, array in zip(structure.members, arrays, strict=True)}
    if structure.form == "array":
        return arrays[0]
    if structure.form == "list":
        return list(arrays)
    if structure.form != "torch":
        return named
    torch: Any = importlib.import_module("torch")
    return {
        member.name: torch.from_numpy(np.array(named[member.name])).to(getattr(torch, member.dtype))
        for member in structure.members
    }
