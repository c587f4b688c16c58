# SPDX-License-Identifier: Apache-2.0
"""The hand-written stub of an extension module says what the compiled module offers, name by name."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

from pyfate_gpu import backends

Signature = tuple[list[str], int]  # parameter names, how many of them have a default


def signature_of(function: ast.FunctionDef) -> Signature:
    arguments = function.args
    names = [argument.arg for argument in arguments.posonlyargs + arguments.args]
    names += [argument.arg for argument in arguments.kwonlyargs]
    defaults = [value for value in arguments.defaults + arguments.kw_defaults if value is not None]
    return names, len(defaults)


def stubbed(body: list[ast.stmt], prefix: str = "") -> dict[str, Signature | None]:
    """Public names of a stub; None for what is not called (attributes, properties, classes)."""
    names: dict[str, Signature | None] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            is_property = any(getattr(d, "id", "") == "property" for d in node.decorator_list)
            names[prefix + node.name] = None if is_property else signature_of(node)
        elif isinstance(node, ast.AnnAssign):
            names[prefix + ast.unparse(node.target)] = None
        elif isinstance(node, ast.ClassDef):
            names[prefix + node.name] = None
            names |= stubbed(node.body, f"{prefix}{node.name}.")
    return {name: found for name, found in names.items() if is_public(name)}


def compiled(owner: ModuleType | type, prefix: str = "") -> dict[str, Signature | None]:
    """The same of a pybind11 module, from the signature line that begins every docstring."""
    names: dict[str, Signature | None] = {}
    for name, value in vars(owner).items():
        if isinstance(value, type):
            names[prefix + name] = None
            names |= compiled(value, f"{prefix}{name}.")
        elif callable(value) and value.__doc__:
            line = value.__doc__.splitlines()[0]
            (function,) = ast.parse(f"def {line}: ...").body
            assert isinstance(function, ast.FunctionDef)
            names[prefix + name] = signature_of(function)
        else:
            names[prefix + name] = None
    return {name: found for name, found in names.items() if is_public(name)}


def is_public(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last == "__init__" or not last.startswith("_")


@pytest.fixture(params=["_cpu", "_cuda"])
def pair(request) -> tuple[dict[str, Signature | None], dict[str, Signature | None]]:
    """What the stub says and what the module has; only the CUDA module may be missing."""
    name = f"pyfate_gpu.backends.{request.param}"
    load = importlib.import_module if request.param == "_cpu" else pytest.importorskip
    module = compiled(load(name))
    stub = Path(backends.__file__).parent / f"{request.param}.pyi"
    return stubbed(ast.parse(stub.read_text()).body), module


def test_stub_and_module_have_the_same_names(pair):
    stub, module = pair
    assert sorted(stub) == sorted(module)


def test_stub_and_module_have_the_same_parameters(pair):
    stub, module = pair
    different = {name for name, found in stub.items() if found and found != module.get(name)}
    assert {name: (stub[name], module.get(name)) for name in different} == {}
