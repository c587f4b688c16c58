# SPDX-License-Identifier: Apache-2.0
"""TOML files, read and written."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyfate_gpu.errors import ConfigurationError


def load_toml(path: Path) -> dict[str, Any]:
    """Return what a file holds.

    Raises
    ------
    ConfigurationError
        When it cannot be read, or is no TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # pragma: no cover # the same under its older name
        try:
            import tomli as tomllib
        except ImportError:
            raise ConfigurationError(
                "Python 3.10 reads TOML files by the package tomli: pip install 'tomli>=2'"
            ) from None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or brackets without end
        raise ConfigurationError(f"{path} is no TOML file: {error}") from None


def dump_toml(tables: Mapping[str, Mapping[str, Any] | list[dict[str, Any]]]) -> str:
    """Return tables, or lists of them, of texts, numbers, booleans, lists and tables of these as TOML, without None.

    Examples
    --------
    >>> from pyfate_gpu.storage.toml import dump_toml
    >>> print(dump_toml({"party": {"name": "guest", "timeout": 30.0, "listen": None}}))
    [party]
    name = "guest"
    timeout = 30.0
    """
    parts = []
    for name, found in tables.items():
        single = isinstance(found, Mapping)
        for table in [found] if isinstance(found, Mapping) else found:
            lines = [f"{k} = {_value(value)}" for k, value in table.items() if value is not None]
            parts.append("\n".join([f"[{name}]" if single else f"[[{name}]]", *lines]))
    return "\n\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        pairs = [f"{_text(key)} = {_value(each)}" for key, each in value.items()]
        return f"{{{', '.join(pairs)}}}"
    return _text(value)


def _text(value: Any) -> str:
    # TOML's basic strings take JSON's escapes; DEL is the one control character JSON leaves alone
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
