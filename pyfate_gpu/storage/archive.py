# SPDX-License-Identifier: Apache-2.0
"""A JSON header and numeric arrays in one ZIP, as models and checkpoints are kept; no pickle.

Nothing is compressed, so that reading takes no more memory than the file has bytes.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pyfate_gpu.errors import DataError, PyFateError
from pyfate_gpu.storage.files import read_whole, write_atomically

Arrays = dict[str, NDArray[Any]]

Content = TypeVar("Content")

_ARRAY = ".npy"
_KINDS = "biufU"


@dataclass(frozen=True)
class Form:
    """A kind of file that models are kept in.

    Parameters
    ----------
    name, version : str, int
        What its header says of itself.
    member : str
        Where the header stands in the ZIP.
    """

    name: str
    version: int
    member: str = "model.json"

    def write(
        self, path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Arrays
    ) -> None:
        """Write a file that only its owner can read: the old one, the new one, or none is there at any time.

        Raises
        ------
        StorageError
            When it cannot be written.
        """
        own = {"format": self.name, "version": self.version}
        text = json.dumps({**own, **header}, indent=1, allow_nan=False)
        write_atomically(Path(path), pack(self.member, text, arrays))

    def read(
        self,
        path: str | os.PathLike[str],
        build: Callable[[dict[str, Any], Arrays], Content],
    ) -> Content:
        """Return what `build` makes of header and arrays of a file that `write` wrote.

        Raises
        ------
        StorageError
            When it cannot be read.
        DataError
            When it is none of this form and version, is damaged, or `build` finds that its parts do not fit: by
            ValueError, TypeError, KeyError and the like.
        """
        data = read_whole(path)
        try:
            return build(*unpack(data, self.member, self.name, self.version))
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            PyFateError,
        ) as error:
            raise DataError(
                f"{path} is no {self.name} {self.version}: {error}; it is damaged or of another release"
            ) from None


def pack(name: str, text: str, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of a ZIP with the JSON `text` as member `name`, and arrays of numbers or texts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # which has a CRC-32 of each member
        archive.writestr(name, text)
        for key, array in arrays.items():
            with archive.open(key + _ARRAY, "w") as member:
                npy.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def unpack(data: bytes, name: str, form: str, version: int) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of what `pack` wrote.

    Parameters
    ----------
    form, version
        What the members ``format`` and ``version`` of the header must be.

    Raises
    ------
    ValueError
        For any other bytes; the text says what is wrong, not where they came from.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = _checked_names(archive, len(data))
            header = json.loads(archive.read(name))
            arrays = {
                key.removesuffix(_ARRAY): _read_array(archive.read(key))
                for key in names
                if key != name
            }
    except Exception as error:  # whatever the readers of ZIP, JSON and arrays stumble over
        raise ValueError(str(error) or type(error).__name__) from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    found = (header.get("format"), header.get("version"))
    if found != (form, version) or type(found[1]) is not int:
        raise ValueError(f"it is {found[0]} {found[1]}")
    return header, arrays


def _checked_names(archive: zipfile.ZipFile, limit: int) -> list[str]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two members have the same name")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("a member is compressed")
    if sum(member.file_size for member in members) > limit:
        raise ValueError("its members are longer than the file")
    return names


def _read_array(data: bytes) -> NDArray[Any]:
    """Read an array of numbers or texts; its shape is compared with the bytes there are before memory is asked for."""
    stream = io.BytesIO(data)
    if npy.read_magic(stream) != (1, 0):
        raise ValueError("an array is of another version")
    shape, fortran, dtype = npy.read_array_header_1_0(stream)
    start = stream.tell()
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise ValueError(f"an array is of type {dtype}")
    if (
        any(length < 0 for length in shape)
        or math.prod(shape) * dtype.itemsize != len(data) - start
    ):
        raise ValueError(f"an array of shape {shape} does not have {len(data) - start} bytes")
    array = np.frombuffer(data, dtype, offset=start) if start < len(data) else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C").copy()
