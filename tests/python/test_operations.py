"""What docs/OPERATIONS.md has an operator do is done, in its own words, in a directory of the test's."""

from __future__ import annotations

import argparse
import getpass
import re
import shlex
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import superchat
from superchat.cli import arguments, options

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
GONE = ["sonic", "tails", "Knuckles"]


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(heading: str, language: str = "sh") -> list[str]:
    """The commands of one section of the page."""
    section = page("docs/OPERATIONS.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def shell(commands: str, directory: Path, **variables: Path) -> str:
    """Run them with a directory of ours for the system's, and a user of ours for superchat's."""
    ours = commands.replace("/var/lib/superchat", f"{directory}/superchat")
    ours = ours.replace("/var/backups", str(directory)).replace(
        "superchat: ", f"{getpass.getuser()}: "
    )
    told = [f"{name}={shlex.quote(str(value))}" for name, value in variables.items()]
    script = "\n".join(["set -e", *told, ours])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def parses(options: str) -> superchat.Limits:
    told = arguments.parse(["superchat", "-s", "5000", *shlex.split(options)])
    assert isinstance(told, arguments.ServerArguments)
    return told.limits


def serve(directory: Path) -> superchat.Server:
    return superchat.Server(directory=directory)


def client(server: superchat.Server, name: str, heard: Callable[[str], None]) -> superchat.Client:
    host, port = server.address
    return superchat.Client(name, host, port, on_message=lambda message: heard(message.text))


def fetched(server: superchat.Server, name: str) -> list[str]:
    """What waits for somebody: all that comes before a message that is saved now."""
    texts: list[str] = []
    ended = threading.Event()

    def heard(text: str) -> None:
        texts.append(text)
        if text == "end":
            ended.set()

    with client(server, "operator", print) as operator:
        assert operator.send(name, "end") is superchat.Delivery.STORED
    with client(server, name, heard):
        assert ended.wait(30)
    return texts[:-1]


class Load:
    """Messages to those who are gone, saved one after the other until it is stopped."""

    def __init__(self, server: superchat.Server) -> None:
        for name in GONE:
            client(server, name, print).close()
        self.saved: dict[str, list[str]] = {name: [] for name in GONE}
        self._author = client(server, "lanking", print)
        self._stopped = threading.Event()
        self._enough = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._send, args=[name]) for name in GONE]
        for thread in self._threads:
            thread.start()

    def _send(self, name: str) -> None:
        while not self._stopped.is_set():
            text = str(len(self.saved[name]))
            assert self._author.send(name, text) is superchat.Delivery.STORED
            self.saved[name].append(text)
            self._enough.release()

    def wait(self, messages: int) -> dict[str, list[str]]:
        """What is saved after so many messages more."""
        for _ in range(messages):
            assert self._enough.acquire(timeout=30)
        return {name: list(texts) for name, texts in self.saved.items()}

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._author.close()


def test_a_copy_of_a_running_server_has_all_that_was_saved_before(tmp_path: Path) -> None:
    (backup,) = blocks("Backup")
    restore = blocks("Restore, and another machine")[0]
    directory = tmp_path / "superchat"
    directory.mkdir()
    with serve(directory) as server:
        load = Load(server)
        before = load.wait(50)
        # Each step has time for what a step in the wrong place would miss.
        shell(backup.replace("\n", "\nsleep 0.1\n"), tmp_path)
        load.wait(50)
        load.stop()
    (copy,) = tmp_path.glob("superchat-*")
    assert copy.stat().st_mode & 0o777 == 0o700
    shell(restore, tmp_path, copy=copy)
    with serve(directory) as server:
        for name in GONE:
            texts = fetched(server, name)
            assert texts == load.saved[name][: len(texts)], "in their order, each once"
            assert len(texts) >= len(before[name])


def test_a_server_that_was_stopped_has_nothing_in_its_journal_that_the_files_lack(
    tmp_path: Path,
) -> None:
    look = next(block for block in blocks("Upgrade") if block.startswith("awk"))
    directory = tmp_path / "superchat"
    directory.mkdir()
    with serve(directory) as server:
        load = Load(server)
        load.wait(50)
        load.stop()
    assert shell(look, tmp_path) == ""
    journal = directory / "superchat.journal"
    assert journal.read_text().startswith("superchat journal 1\n")
    with journal.open("a") as file:
        file.write('00000000 + sonic {"Msg": "= + -"}\n00000000 - tails 0\n00000000 = tails \n')
    assert shell(look, tmp_path) == "sonic\n"


def test_the_service_starts_what_can_be_started() -> None:
    (unit,) = blocks("Install", "ini")
    (command,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    _, module, options = command.partition(" -m superchat ")
    assert module
    told = arguments.parse(["superchat", *shlex.split(options)])
    assert isinstance(told, arguments.ServerArguments)
    assert told.directory == "/var/lib/superchat"


def test_the_crowds_have_limits_that_a_server_takes(tmp_path: Path) -> None:
    section = page("docs/OPERATIONS.md").split("\n## Limits\n")[1].split("\n## ")[0]
    rows = [row for row in section.splitlines() if "`--users" in row]
    assert len(rows) == 3
    for number, row in enumerate(rows):
        limits = parses(" ".join(re.findall("`(--[^`]*)`", row)))
        directory = tmp_path / str(number)
        directory.mkdir()
        with superchat.Server(directory=directory, limits=limits) as server:
            assert server.limits() == limits


def test_every_figure_to_be_watched_is_one() -> None:
    watched = set(re.findall("superchat_[a-z_]+", page("docs/OPERATIONS.md")))
    assert len(watched) > 5
    assert watched <= set(re.findall("superchat_[a-z_]+", page("docs/METRICS.md")))


@pytest.mark.parametrize("name", PAGES)
def test_every_option_in_the_pages_is_one(name: str) -> None:
    parser: argparse.ArgumentParser = options.build_parser("superchat")
    known = {option for action in parser._actions for option in action.option_strings}
    text = page(name)
    ours = [line.split("-m superchat", 1)[1] for line in text.splitlines() if "-m superchat" in line]
    named = re.findall("`(--[a-z-]+)", text) + re.findall("(?<= )--[a-z-]+", "\n".join(ours))
    assert set(named) <= known, name
