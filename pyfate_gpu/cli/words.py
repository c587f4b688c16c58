# SPDX-License-Identifier: Apache-2.0
"""Errors in the words of the command line: options in place of Python's keywords."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

#: Keywords that no option has the name of, and what to say in their place.
_OTHERS = {"passphrase": "--passphrase-file"}


def in_options(text: str, root: Any, arguments: Sequence[str]) -> str:
    """Return an error with the options of the command that `arguments` call.

    Examples
    --------
    >>> import typer
    >>> from pyfate_gpu.cli.words import in_options
    >>> app = typer.Typer()
    >>> @app.command()
    ... def make(key_bits: int = 2048) -> None:
    ...     pass
    >>> in_options("key_bits is 7; pass key_bits=2048", typer.main.get_command(app), [])
    '--key-bits is 7; pass --key-bits 2048'
    """
    options = {
        name: max(parameter.opts, key=len)
        for parameter in _command(root, arguments).params
        if parameter.param_type_name == "option" and (name := parameter.name)
    }
    if "passphrase_file" in options:
        options |= _OTHERS
    for name, option in options.items():
        text = re.sub(rf"\bpass {name}=True\b", option, text)
        text = re.sub(rf"\b{name}=True\b", option, text)
        text = re.sub(rf"\b{name}=\.\.\.", f"{option} FILE", text)
        text = re.sub(rf"\b{name}=(?=\S)", f"{option} ", text)
        if "_" in name:
            text = re.sub(rf"\b{name}\b", option, text)
        else:  # a word that may mean something else
            text = re.sub(rf"^{name}(?= is )", option, text)
            text = re.sub(rf"\bleave {name} out\b", f"leave {option} out", text)
    return text


def _command(root: Any, arguments: Sequence[str]) -> Any:
    found = root
    for word in arguments:
        found = getattr(found, "commands", {}).get(word, found)
    return found
