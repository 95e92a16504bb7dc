"""How the program ends, one way after the other, and that the page and `--help` say so."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
from processes import Piped, Terminal, free_port, superchat
from world import World

import superchat as module
from superchat.cli import options

PAGE = Path(__file__).parents[2] / "docs/TERMINAL.md"
CTRL_D = "\x04"


def test_quit(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.enter("quit")
    assert sonic.status() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_a_client(world: World, number: signal.Signals) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.popen.send_signal(number)
    assert sonic.status() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_server(world: World, number: signal.Signals) -> None:
    server = world.server()
    server.popen.send_signal(number)
    assert server.status() == 0


def test_the_end_of_input(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.end_input()
    assert sonic.status() == 0


def test_ctrl_d(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.type(CTRL_D)
    assert sonic.status() == 0


def test_a_terminal_that_is_closed(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.hang_up()
    assert sonic.status() == 0


@pytest.mark.parametrize("told", [(), ("--json",)])
def test_nobody_reads_any_more(world: World, told: tuple[str, ...]) -> None:
    world.server()
    sonic = world.run(Piped, *told, "-c", "sonic", "localhost", world.port, free_port())
    sonic.until("Welcome")
    sonic.stop_reading()
    sonic.enter("users")
    assert sonic.status() == 0


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_questions(world: World, option: str) -> None:
    asked = world.run(Piped, option)
    assert (asked.status(), asked.all_errors()) == (0, "")
    if option == "--version":
        assert asked.all_output() == f"superchat {module.__version__}\n"


def test_the_server_does_not_respond(world: World) -> None:
    assert world.client("sonic").status() == 1


def test_the_server_goes_down(world: World) -> None:
    server = world.server()
    sonic = world.online("sonic")
    server.interrupt()
    assert sonic.status() == 1


def test_what_cannot_be_opened(world: World) -> None:
    world.server()
    (world.directory / "notes").write_text("milk\n")
    (world.directory / "other").mkdir()
    for arguments in (
        ["-s", world.port, "--directory", "other"],
        ["-s", 5000, "--directory", "nowhere"],
        ["-s", 5000, "--directory", "other", "--host", "nowhere.invalid"],
        ["-s", 5000, "--directory", "other", "--users", 0],
        ["-s", 5000, "--directory", "other", "--users", -5],
        ["-s", 5000, "--directory", "other", "--metrics", "192.0.2.1:9100"],
        ["-c", "sonic", "localhost", 5000, world.port],
        ["-c", "[sonic]", "localhost", 5000, 2000],
    ):
        process = world.run(Piped, *arguments)
        assert (process.status(), process.all_output()) == (1, ""), arguments
        assert re.fullmatch("superchat: .+\n", process.all_errors()), arguments
    chat = world.run(Terminal, "--history", "notes", "-c", "sonic", "localhost", 5000, 2000)
    assert chat.status() == 1


@pytest.mark.parametrize("arguments", ["", "-s 80", "-c sonic localhost 80 2000", "--nothing"])
def test_wrong_arguments(world: World, arguments: str) -> None:
    process = world.run(Piped, *arguments.split())
    assert (process.status(), process.all_errors()) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("-c sonic localhost 5000 2000 --metrics x --quiet", "--quiet is an option of a server"),
        ("-c sonic localhost 5000 2000 --users 5", "--users is an option of a server"),
        ("-s 5000 --reply --history notes", "--reply is an option of a client"),
        ("-s 5000 --color never", "--color is an option of a client"),
        ("--history notes --json -c sonic localhost 5000 2000", ""),
    ],
)
def test_options_of_the_other_mode(world: World, arguments: str, line: str) -> None:
    process = world.run(Piped, *arguments.split())
    assert process.status() == 2
    if line:
        assert (process.all_output(), process.all_errors()) == (f"{line}\n", "")
    else:
        assert "--history" in process.all_errors()


def test_the_page_and_help_have_each_status() -> None:
    section = PAGE.read_text().split("\n## Exit status\n")[1].split("\n## ")[0]
    known = [str(status) for status in options.STATUSES]
    assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == known
    told = subprocess.run(superchat("--help"), capture_output=True, text=True, check=True).stdout
    epilog = told.split("\nexit status:\n")[1].split("\n\n")[0]
    assert re.findall(r"^  (\d+)  ", epilog, re.MULTILINE) == known
