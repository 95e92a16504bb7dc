"""What ``help()`` says: there, the same in the stub as in the module, and with examples that run."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import pkgutil
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import superchat
import superchat._superchat
import superchat.aio
import superchat.metrics

STUB = Path(superchat.__file__).with_name("_superchat.pyi")

CLASSES: dict[str, type] = {
    "Client": superchat.Client,
    "Server": superchat.Server,
    "aio.Client": superchat.aio.Client,
    "aio.Server": superchat.aio.Server,
}

# Why there is no example.
WITHOUT = {
    "Server.resume": "that of pause() has it",
    "aio.Client.nickname": "as of superchat.Client",
    "aio.Client.address": "as of superchat.Client",
    "aio.Client.registered": "that of __aenter__ has it",
    "aio.Client.stats": "as of superchat.Client",
    "aio.Client.users": "as of superchat.Client",
    "aio.Server.address": "that of the class has it",
    "aio.Server.limits": "as of superchat.Server",
    "aio.Server.stats": "as of superchat.Server",
    "aio.Server.users": "as of superchat.Server",
}


def members(of: type) -> Iterator[tuple[str, object]]:
    for name, member in inspect.getmembers(of):
        if not name.startswith("_"):
            yield name, member


def docstrings() -> Iterator[tuple[str, str]]:
    """Of the native classes and their methods, of each public value, and of the modules."""
    for name, of in CLASSES.items():
        yield name, of.__doc__ or ""
        for member, value in members(of):
            yield f"{name}.{member}", getattr(value, "__doc__", None) or ""
    yield "aio.Client.__aenter__", superchat.aio.Client.__aenter__.__doc__ or ""
    yield "log_to_stderr", superchat.log_to_stderr.__doc__ or ""
    for of in (superchat.Message, superchat.User, superchat.Stats, superchat.Limits):
        yield of.__name__, of.__doc__ or ""
    for module in modules():
        yield module.__name__, module.__doc__ or ""


def modules() -> Iterator[ModuleType]:
    yield superchat
    for found in pkgutil.iter_modules(superchat.__path__, "superchat."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


EXAMPLES = {name: text for name, text in docstrings() if ">>>" in text}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_run(name: str, tmp_path: Path) -> None:
    with superchat.Server(directory=tmp_path) as server:
        sonic = superchat.Client("sonic", *server.address)
        lanking = superchat.Client("lanking", *server.address)
        known: dict[str, Any] = {"server": server, "sonic": sonic, "lanking": lanking}
        known |= {"superchat": superchat, "asyncio": asyncio}
        known |= {each: getattr(superchat, each) for each in superchat.__all__}
        examples = doctest.DocTestParser().get_doctest(EXAMPLES[name], known, name, None, 0)
        told: list[str] = []
        outcome = doctest.DocTestRunner().run(examples, out=told.append)
        assert outcome.attempted and not outcome.failed, "".join(told)
        lanking.close()
        sonic.close()


def test_each_class_and_method_has_an_example_or_a_reason_why_not() -> None:
    every = dict(docstrings())
    of_classes = {name for name in every if name.split(".")[0] in ("Client", "Server", "aio")}
    assert of_classes - EXAMPLES.keys() == WITHOUT.keys()
    assert all(every.values()), [name for name, text in every.items() if not text]


def stub_docstrings(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, str | None]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            name = f"{prefix}{node.name}"
            if not node.name.startswith("__"):
                yield name, ast.get_docstring(node)
            yield from stub_docstrings(node, f"{name}.")


def test_the_stub_says_what_the_module_says() -> None:
    stub = dict(stub_docstrings(ast.parse(STUB.read_text())))
    native = {"log_to_stderr": inspect.getdoc(superchat.log_to_stderr)}
    for of in (superchat.Server, superchat.Client):
        native[of.__name__] = inspect.getdoc(of)
        native |= {f"{of.__name__}.{name}": inspect.getdoc(member) for name, member in members(of)}
    assert stub == native


def test_help_is_worth_reading() -> None:
    of_module = pydoc.plain(pydoc.render_doc(superchat))
    for name in ("Server", "Client", "superchat.aio", "superchat.errors", "superchat.events"):
        assert name in of_module
    of_client = pydoc.plain(pydoc.render_doc(superchat.Client))
    assert re.search(r"nickname,\s+server,\s+server_port,\s+port=0,\s+\*,\s+host=None", of_client)
    assert "Send a message and wait for what becomes of it." in of_client
