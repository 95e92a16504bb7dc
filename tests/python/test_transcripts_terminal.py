"""What a user of 2017 saw, word for word: the whole screen of a terminal."""

from __future__ import annotations

import json
import re
import time

from processes import BYE, DOWN, HEADING, SAVED, TABLE, WELCOME, Terminal, free_port
from world import World, eventually

USAGE = (
    "Server Usage : python -m superchat -s <port>",
    "Client Usage : python -m superchat -c <nick-name> <server-ip> <server-port> <client-port>",
)


def test_server_starts(world: World) -> None:
    server = world.run(Terminal, "-s", world.port)
    server.shows(
        "Socket created and binded",
        f"listening on: localhost : {world.port}",
        "Server Mode Start",
    )
    world.online("sonic")
    server.shows("Incoming Registration Request from sonic", "No Offline Message for sonic")


def test_client_starts_and_is_registered(world: World) -> None:
    world.server()
    sonic = world.run(Terminal, "-c", "sonic", "localhost", world.port, free_port())
    sonic.prints(
        "Socket created and binded",
        "Client Mode Start",
        ">>> [Welcome, You are registered.]",
        ">>> [Client table updated.]",
    )


def test_no_server_there(world: World) -> None:
    sonic = world.terminal_client("sonic")
    sonic.ends(">>> [Server not responding]", ">>> [Exiting]", status=1)


def test_wrong_arguments(world: World) -> None:
    world.run(Terminal, "-c", "sonic").ends(*USAGE, status=2)


def test_chat(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    lanking = world.terminal("lanking")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("send sonic hi")
    lanking.prints(">>> [Message received by sonic.]")
    sonic.prints(">>> lanking: hi")
    sonic.enter("send robotnik hi")
    sonic.prints(">>> [Client robotnik Not Existed!]")
    sonic.enter("send lanking hi yourself")
    sonic.prints(">>> [Message received by lanking.]")
    lanking.prints(">>> sonic: hi yourself")


def test_the_other_side_was_killed_and_comes_back(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    lanking = world.terminal("lanking")
    sonic.prints(f">>> {TABLE}")
    sonic.kill()
    lanking.enter("send sonic hi")
    lanking.prints(
        ">>> [No ACK from sonic, message sent to server.]",
        "[Messages received by the server and saved]",
        ">>> [Client table updated.]",
    )
    # The table already says that sonic is offline.
    lanking.enter("send sonic hi again")
    lanking.prints(f">>> {SAVED}")

    mailbox = world.directory / "sonic"
    assert eventually(lambda: mailbox.exists() and mailbox.read_text().count("\n") == 2)
    lines = mailbox.read_text().splitlines()
    assert re.match(r'\{"Msg": "hi", "Sender": "lanking", "Time": \d+\.\d+[,}]', lines[0])
    times = [time.localtime(json.loads(line)["Time"]) for line in lines]
    first, second = (time.strftime("%Y-%m-%d %H:%M:%S", stored) for stored in times)

    sonic = world.terminal_client("sonic")
    sonic.prints(
        ">>> [Welcome, You are registered.]",
        ">>> [Client table updated.]",
        ">>> [You Have Messages]",
        f">>> lanking: {first} hi",
        f">>> lanking: {second} hi again",
    )
    assert eventually(lambda: not mailbox.exists())
    lanking.prints(f">>> {TABLE}")


def test_log_off_and_log_in(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    lanking = world.terminal("lanking")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("dereg")
    lanking.prints(f">>> {BYE}")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("send sonic hi")
    lanking.enter("dereg")
    lanking.enter("")
    lanking.enter("reg lanking")
    lanking.prints(f">>> {WELCOME}", f">>> {TABLE}")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("dereg")
    lanking.prints(f">>> {BYE}")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("reg sonic")
    lanking.prints(">>> [sonic is already Online!]")
    lanking.enter("reg tails")
    lanking.prints(f">>> {WELCOME}", f">>> {TABLE}")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("users")
    lanking.prints(
        f">>> {HEADING}",
        "    sonic    online   now",
        "    tails    online   now",
        "    lanking  offline  just now",
    )


def test_a_name_in_use(world: World) -> None:
    world.server()
    world.online("sonic")
    second = world.terminal_client("sonic")
    second.prints(">>> [sonic is already Online!]")


def test_the_server_is_gone_without_a_word(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.terminal("sonic")
    server.kill()
    sonic.enter("dereg")
    sonic.ends(">>> [Server not responding]", ">>> [Exiting]", status=1)


def test_the_server_goes_down(world: World) -> None:
    server = world.server("--quiet")
    idle = world.terminal("sonic")
    half_typed = world.terminal("lanking")
    idle.prints(f">>> {TABLE}")
    half_typed.type("send son")
    half_typed.prints(prompt=">>> send son")
    server.interrupt()
    idle.ends(f">>> {DOWN}", status=1)
    half_typed.ends(f">>> {DOWN}", status=1)
