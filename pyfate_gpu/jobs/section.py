# SPDX-License-Identifier: Apache-2.0
"""One table of a configuration file, checked while it is read: right types, and nothing unknown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pyfate_gpu.errors import ConfigurationError

T = TypeVar("T")
_MISSING: Any = object()


class Section:
    """Hands out the values of a table one by one; `end` refuses what nobody asked for.

    Parameters
    ----------
    source : Path
        The file; paths in it are relative to its folder.
    name : str
        Name of the table, for errors.
    table : object
        What the file has there; None counts as an empty table.
    """

    def __init__(self, source: Path, name: str, table: object) -> None:
        if table is not None and not isinstance(table, Mapping):
            raise ConfigurationError(f"{source}: [{name}] must be a table, it is {table!r}")
        self._where = f"{source}: [{name}]"
        self._folder = source.parent
        self._left: dict[str, Any] = dict(table or {})
        self._known: list[str] = []

    def get(self, key: str, kind: type[T], default: Any = _MISSING) -> T:
        """Return a value of that type.

        Raises
        ------
        ConfigurationError
            When it is missing and has no default, or is of another type.
        """
        self._known.append(key)
        value = self._left.pop(key, _MISSING)
        if value is _MISSING:
            if default is _MISSING:
                raise ConfigurationError(
                    f"{self._where} lacks {key}: add {key} = ..., a {_KINDS.get(kind, kind.__name__)} "
                    "(docs/parties.md)"
                )
            return default  # type: ignore[no-any-return]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ConfigurationError(
                f"{self._where} {key} is {value!r}; it must be a {_KINDS.get(kind, kind.__name__)}"
            )
        return value

    def path(self, key: str, default: Any = _MISSING) -> Path:
        """Return a path; a relative one starts at the folder of the file."""
        value: Any = self.get(key, str, default)
        if value is default:
            return default  # type: ignore[no-any-return]
        try:
            if "\0" in value:
                raise ValueError("a path has no NUL")
            return self._folder / Path(value).expanduser()
        except (RuntimeError, ValueError) as error:  # a home of nobody
            raise ConfigurationError(
                f"{self._where} {key} is {value!r}; it must be a path: {error}"
            ) from None

    def texts(self, key: str, default: Any = _MISSING) -> list[str]:
        """Return a list of texts."""
        values = self.get(key, list, default)
        if values is not default and not all(type(value) is str for value in values):
            raise ConfigurationError(
                f"{self._where} {key} is {values!r}; it must be a list of texts"
            )
        return values

    def text_or_texts(self, key: str, default: Any = _MISSING) -> str | list[str]:
        """Return a text or a list of them."""
        if isinstance(self._left.get(key), list):
            return self.texts(key)
        return self.get(key, str, default)

    def rest(self) -> dict[str, Any]:
        """Return everything that was not asked for."""
        left, self._left = self._left, {}
        return left

    def end(self) -> None:
        """Refuse what was not asked for.

        Raises
        ------
        ConfigurationError
            Naming it, and what there could be.
        """
        if self._left:
            raise ConfigurationError(
                f"{self._where} has {', '.join(sorted(self._left))}, which nobody knows; "
                f"it takes {', '.join(self._known)}"
            )


_KINDS: dict[type, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "truth value, true or false",
    list: "list",
}
