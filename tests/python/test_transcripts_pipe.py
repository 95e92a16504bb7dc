"""What a user of 2017 saw, word for word: the whole standard output, on a pipe.

On a pipe the prompt is written ahead and nothing that is read is echoed.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from processes import BYE, DOWN, SAVED, TABLE, WELCOME, Piped, PipedClient, free_port
from world import World, eventually

USAGE = """\
Server Usage : python -m superchat -s <port>
Client Usage : python -m superchat -c <nick-name> <server-ip> <server-port> <client-port>
"""


def test_server_prints_a_line_for_each_request(world: World) -> None:
    server = world.server()
    sonic = world.online("sonic")
    server.prints("Incoming Registration Request from sonic", "No Offline Message for sonic")
    lanking = world.online("lanking")
    server.prints("Incoming Registration Request from lanking", "No Offline Message for lanking")
    sonic.prints(TABLE)
    sonic.enter("dereg")
    server.prints("Incoming De-reg Request from sonic")
    lanking.prints(TABLE)
    lanking.enter("send sonic hi")
    server.prints("Incoming Offline Message Request from lanking")
    lanking.prints(SAVED)
    sonic.enter("reg sonic")
    server.prints("Incoming Registration Request from sonic")
    sonic.until("[You Have Messages]")
    server.interrupt()
    server.ends("")


def test_quiet_server_prints_only_its_start(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.online("sonic")
    sonic.end_input()
    sonic.ends(f"{BYE}\n")
    server.interrupt()
    server.ends("")


def test_host_is_named_where_it_listens(world: World) -> None:
    server = world.run(Piped, "-s", world.port, "--host", "127.0.0.1")
    server.shows(
        f"Socket created and binded\nlistening on: 127.0.0.1 : {world.port}\nServer Mode Start\n"
    )


def test_client_starts_and_is_registered(world: World) -> None:
    world.server()
    sonic = world.run(PipedClient, "-c", "sonic", "localhost", world.port, free_port())
    sonic.shows(
        "Socket created and binded\n"
        "Client Mode Start\n"
        ">>> [Welcome, You are registered.]\n"
        ">>> [Client table updated.]\n"
        ">>> "
    )


def test_no_server_there(world: World) -> None:
    begun = time.monotonic()
    sonic = world.client("sonic")
    sonic.ends("[Server not responding]\n>>> [Exiting]\n", status=1)
    assert time.monotonic() - begun >= 2.0


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "-s",
        "-s five",
        "-c sonic localhost 5000 1211 1212",
        "-c sonic localhost five 1211",
        "-s 5000 -c sonic localhost 5000 1211",
        "-x",
        "5000",
    ],
)
def test_wrong_arguments(world: World, arguments: str) -> None:
    world.run(Piped, *arguments.split()).ends(USAGE, status=2)


@pytest.mark.parametrize("port", [1023, 65536, 0, -1])
def test_server_port_out_of_range(world: World, port: int) -> None:
    world.run(Piped, "-s", port).ends("Port Number out of range\n", status=2)


@pytest.mark.parametrize("ports", [(1023, 5000), (5000, 1023), (65536, 5000), (5000, 65536)])
def test_client_port_out_of_range(world: World, ports: tuple[int, int]) -> None:
    client = world.run(Piped, "-c", "sonic", "localhost", *ports)
    client.ends("[Port Number out of range]\n", status=2)


def test_chat(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.online("lanking")
    sonic.prints(TABLE)
    lanking.enter("send sonic hi")
    lanking.prints("[Message received by sonic.]")
    sonic.prints("lanking: hi")
    sonic.enter("send lanking hi  yourself, all of you")
    sonic.prints("[Message received by lanking.]")
    lanking.prints("sonic: hi  yourself, all of you")


def test_a_name_that_nobody_has(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.enter("send robotnik hi")
    sonic.prints("[Client robotnik Not Existed!]")


def gone(world: World) -> tuple[PipedClient, PipedClient]:
    """lanking has sent to sonic, who was killed."""
    sonic = world.online("sonic")
    lanking = world.online("lanking")
    sonic.kill()
    lanking.enter("send sonic hi")
    lanking.shows(
        "[No ACK from sonic, message sent to server.]\n"
        "[Messages received by the server and saved]\n"
        ">>> [Client table updated.]\n"
        ">>> "
    )
    return sonic, lanking


def mailbox_line(path: Path) -> float:
    """The time in the one line of a mailbox that holds lanking's "hi"."""
    assert eventually(lambda: path.exists() and path.read_text().endswith("\n"))
    line = path.read_text()
    assert re.match(r'\{"Msg": "hi", "Sender": "lanking", "Time": \d+\.\d+[,}]', line)
    assert line.count("\n") == 1
    return float(json.loads(line)["Time"])


def when(stored: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stored))


def test_the_other_side_was_killed_and_comes_back(world: World) -> None:
    begun = time.time()
    world.server()
    gone(world)
    mailbox = world.directory / "sonic"
    stored = mailbox_line(mailbox)
    assert begun <= stored <= time.time()
    sonic = world.client("sonic")
    sonic.prints(WELCOME, TABLE, "[You Have Messages]", f"lanking: {when(stored)} hi")
    assert eventually(lambda: not mailbox.exists())


def test_the_table_already_says_that_the_other_side_is_offline(world: World) -> None:
    world.server()
    _, lanking = gone(world)
    lanking.enter("send sonic hi again")
    lanking.prints(SAVED)


def test_mailboxes_stand_in_the_directory_that_was_named(world: World, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    world.server("--directory", elsewhere)
    gone(world)
    mailbox_line(elsewhere / "sonic")
    assert not (tmp_path / "sonic").exists()


def test_log_off_and_log_in(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.online("lanking")
    sonic.prints(TABLE)
    lanking.enter("dereg")
    lanking.prints(BYE)
    sonic.prints(TABLE)
    lanking.enter("reg lanking")
    lanking.registers()
    sonic.prints(TABLE)


def test_messages_come_with_the_log_in(world: World) -> None:
    world.server()
    lanking = world.online("lanking")
    sonic = world.online("sonic")
    lanking.prints(TABLE)
    sonic.enter("dereg")
    sonic.prints(BYE)
    lanking.prints(TABLE)
    lanking.enter("send sonic hi")
    lanking.prints(SAVED)
    stored = mailbox_line(world.directory / "sonic")
    sonic.enter("reg sonic")
    sonic.prints(WELCOME, TABLE, "[You Have Messages]", f"lanking: {when(stored)} hi")


def test_while_offline_only_reg_does_anything(world: World) -> None:
    world.server()
    lanking = world.online("lanking")
    lanking.enter("dereg")
    lanking.prints(BYE)
    lanking.enter("send lanking hi")
    lanking.enter("dereg")
    lanking.enter("")
    lanking.enter("reg lanking")
    lanking.registers()


def test_come_back_as_another(world: World) -> None:
    server = world.server()
    world.online("lanking").enter("dereg")
    server.until("Incoming De-reg Request from lanking")
    sonic = world.online("sonic")
    sonic.enter("dereg")
    sonic.prints(BYE)
    sonic.enter("reg tails")
    sonic.registers()
    sonic.enter("users")
    sonic.prints("lanking offline", "sonic offline", "tails online")


def test_a_name_in_use(world: World) -> None:
    world.server()
    first = world.online("sonic")
    second = world.client("sonic")
    second.prints("[sonic is already Online!]")
    second.enter("send sonic hi")
    second.enter("reg sonic")
    second.prints("[sonic is already Online!]")
    second.enter("reg tails")
    second.registers()
    first.prints(TABLE)


def test_commands_come_from_a_pipe_that_is_closed_at_once(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.client("lanking")
    # The messages could come before the table that has their sender.
    sonic.prints(TABLE)
    lanking.enter("send sonic one")
    lanking.enter("send sonic two")
    lanking.end_input()
    lanking.ends(
        "[Welcome, You are registered.]\n"
        ">>> [Client table updated.]\n"
        ">>> [Message received by sonic.]\n"
        ">>> [Message received by sonic.]\n"
        ">>> [You are Offline. Bye.]\n"
    )
    sonic.prints("lanking: one", "lanking: two", TABLE)


def test_commands_come_from_a_file(world: World) -> None:
    world.server()
    commands = world.directory / "commands"
    commands.write_text("send robotnik hi\nquit\nsend robotnik hi")
    lanking = world.fed("lanking", commands)
    lanking.ends(
        "[Welcome, You are registered.]\n"
        ">>> [Client table updated.]\n"
        ">>> [Client robotnik Not Existed!]\n"
        ">>> [You are Offline. Bye.]\n"
    )


def test_unknown_command_points_to_help(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.enter("sned lanking hi")
    sonic.prints("[Unknown Command, try help]")
    sonic.enter("send lanking")
    sonic.prints("[Usage: send NAME TEXT]")
    sonic.enter("reg")
    sonic.prints("[Usage: reg NAME]")
    sonic.enter("help")
    sonic.until("like Ctrl+D")
    for usage in ("send NAME TEXT", "reg NAME", "dereg", "users", "help", "quit"):
        assert f">>> {usage} " in sonic.stdout


def test_the_server_goes_down(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.online("sonic")
    server.interrupt()
    sonic.ends(f"{DOWN}\n", status=1)
    server.ends("")
