"""A C program chats with a Python one through a Rust server: the programs of `examples`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


class Program:
    """A running example, its standard input and output at hand."""

    def __init__(self, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@contextmanager
def running(*arguments: str) -> Iterator[Program]:
    """Runs a program until its standard input is closed; it must end well."""
    program = Program(list(arguments))
    try:
        yield program
    except BaseException:
        program.process.kill()
        raise
    finally:
        program.process.communicate(timeout=30)
    assert program.process.returncode == 0


def test_c_and_python_chat_through_a_rust_server(tmp_path: Path) -> None:
    build = ["cargo", "build", "--release", "--quiet", "--lib", "--example", "server"]
    subprocess.run(build, cwd=ROOT, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r'"target_directory":"([^"]*)"', metadata.stdout)
    assert found is not None
    release = Path(found[1]) / "release"
    chat = tmp_path / "chat"
    libraries = [f"-L{release}", "-lsuperchat", f"-Wl,-rpath,{release}"]
    source = [str(EXAMPLES / "chat.c"), f"-I{ROOT / 'include'}"]
    subprocess.run(["cc", *source, *libraries, "-o", str(chat)], check=True)

    with running(str(release / "examples" / "server"), "localhost:0", str(tmp_path)) as server:
        host, port = server.read().removeprefix("listening on ").rsplit(":", 1)
        with running(str(chat), "sonic", f"{host}:{port}") as in_c:
            assert in_c.read() == "registered as sonic"
            with running(sys.executable, str(EXAMPLES / "chat.py"), "lanking", host, port) as in_python:
                assert in_python.read() == "registered as lanking"
                in_python.write("sonic from Python, übrigens")
                assert in_python.read() == "[received by sonic]"
                assert in_c.read() == "lanking: from Python, übrigens"
                in_c.write("lanking from C")
                assert in_c.read() == "[received by lanking]"
                assert in_python.read() == "sonic: from C"
            in_c.write("lanking are you there?")
            assert in_c.read() == "[stored by the server]"
        with running(sys.executable, str(EXAMPLES / "chat.py"), "lanking", host, port) as in_python:
            assert in_python.read() == "registered as lanking"
            assert in_python.read() == "sonic: are you there?"
