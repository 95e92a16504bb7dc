"""The program of 2017 and ours, in one conversation, in every combination."""

from __future__ import annotations

import classic
import pytest
from processes import BYE, COLUMNS, DOWN, SAVED, TABLE, WELCOME, PipedClient, free_port
from world import World, eventually

TEXTS = [
    "hi",
    "Γειά σου Κόσμε",
    "你好，世界",
    "مرحبا بالعالم",
    "👩‍👩‍👧 and 🦔",
    'quotes " and \\ and {"Type": "ack"}',
]


def joined(world: World, name: str, *others: PipedClient) -> classic.Client:
    """A classic client that is registered, and the others know it."""
    client = world.add(classic.Client(name, "localhost", world.port, free_port()))
    client.register(name)
    shows(client, WELCOME, TABLE)
    for other in others:
        other.prints(TABLE)
    return client


def shows(peer: classic.Peer, *lines: str) -> None:
    """These are the next lines, and nothing was wrong with what it was sent."""
    eventually(lambda: len(peer.lines) >= len(lines))
    assert peer.lines == list(lines)
    peer.lines.clear()
    assert (peer.unknown, peer.fault) == ([], None)


def test_classic_clients_at_our_server(world: World) -> None:
    server = world.server()
    sonic = joined(world, "sonic")
    server.prints("Incoming Registration Request from sonic", "No Offline Message for sonic")
    lanking = joined(world, "lanking")
    shows(sonic, TABLE)
    lanking.send("sonic", "hi")
    shows(lanking, "[Message received by sonic.]")
    shows(sonic, "lanking: hi")
    lanking.send("robotnik", "hi")
    shows(lanking, "[Client robotnik Not Existed!]")
    sonic.deregister()
    shows(sonic, BYE)
    shows(lanking, TABLE)
    server.interrupt()
    shows(lanking, DOWN)
    assert lanking.exited.is_set()


def test_classic_client_is_killed_and_comes_back_at_our_server(world: World) -> None:
    world.server()
    sonic = joined(world, "sonic")
    lanking = joined(world, "lanking")
    sonic.close()
    lanking.send("sonic", "hi")
    shows(lanking, "[No ACK from sonic, message sent to server.]", SAVED, TABLE)
    lanking.send("sonic", "again")
    shows(lanking, SAVED)
    sonic = world.add(classic.Client("sonic", "localhost", world.port, free_port()))
    sonic.register("sonic")
    assert eventually(lambda: len(sonic.lines) == 5)
    assert sonic.lines[:3] == [WELCOME, TABLE, "[You Have Messages]"]
    assert [line.split(" ", 3)[3] for line in sonic.lines[3:]] == ["hi", "again"]
    assert (sonic.unknown, sonic.fault) == ([], None)


def test_a_name_in_use_at_our_server(world: World) -> None:
    world.server()
    first = joined(world, "sonic")
    second = world.add(classic.Client("sonic", "localhost", world.port, free_port()))
    second.register("sonic")
    shows(second, "[sonic is already Online!]")
    assert not second.online
    shows(first)


def test_both_kinds_of_client_at_our_server(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = joined(world, "lanking", sonic)
    for text in TEXTS:
        lanking.send("sonic", text)
        shows(lanking, "[Message received by sonic.]")
        sonic.prints(f"lanking: {text}")
        sonic.enter(f"send lanking {text}")
        sonic.prints("[Message received by lanking.]")
        shows(lanking, f"sonic: {text}")


def test_our_client_is_gone_for_a_classic_one(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = joined(world, "lanking", sonic)
    sonic.kill()
    lanking.send("sonic", "hi")
    shows(lanking, "[No ACK from sonic, message sent to server.]", SAVED, TABLE)
    sonic = world.client("sonic")
    sonic.until(" hi\n")
    assert "\n>>> lanking: " in sonic.stdout


def test_a_classic_client_is_gone_for_ours(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = joined(world, "lanking", sonic)
    lanking.close()
    sonic.enter("send lanking hi")
    sonic.shows(
        "[No ACK from lanking, message sent to server.]\n"
        "[Messages received by the server and saved]\n"
        ">>> [Client table updated.]\n"
        ">>> "
    )


def test_our_clients_at_a_classic_server(world: World) -> None:
    server = world.add(classic.Server(world.port))
    sonic = world.online("sonic")
    lanking = world.online("lanking")
    sonic.prints(TABLE)
    for text in TEXTS:
        lanking.enter(f"send sonic {text}")
        lanking.prints("[Message received by sonic.]")
        sonic.prints(f"lanking: {text}")
    lanking.enter("dereg")
    lanking.prints(BYE)
    sonic.prints(TABLE)
    sonic.enter("send lanking hi")
    sonic.prints(SAVED)
    lanking.enter("reg lanking")
    lanking.until(" hi\n")
    sonic.prints(TABLE)
    server.stop()
    sonic.ends(f"{DOWN}\n", status=1)
    assert (server.unknown, server.fault) == ([], None)


def test_our_client_is_gone_at_a_classic_server(world: World) -> None:
    server = world.add(classic.Server(world.port))
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
    assert (server.unknown, server.fault) == ([], None)


def test_our_client_leaves_a_classic_server(world: World) -> None:
    server = world.add(classic.Server(world.port))
    sonic = world.online("sonic")
    sonic.interrupt()
    sonic.ends(f"{BYE}\n")
    assert server.table["sonic"][2] == "No"
    assert (server.unknown, server.fault) == ([], None)


def test_text_arrives_whole_between_ours(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.online("Ελένη")
    sonic.prints(TABLE)
    for text in TEXTS:
        lanking.enter(f"send sonic {text}")
        lanking.prints("[Message received by sonic.]")
        sonic.prints(f"Ελένη: {text}")


@pytest.mark.parametrize("classic_sender", [False, True])
def test_control_characters_are_shown_and_not_obeyed(world: World, classic_sender: bool) -> None:
    world.server()
    sonic = world.terminal("sonic")
    # The message could come before the table that has its sender.
    if classic_sender:
        lanking = joined(world, "lanking")
        sonic.prints(f">>> {TABLE}")
        lanking.send("sonic", "\x1b[2J\x07red\u202e")
    else:
        sender = world.online("lanking")
        sonic.prints(f">>> {TABLE}")
        sender.enter("send sonic \x1b[2J\x07red\u202e")
    sonic.prints(r">>> lanking: \x1b[2J\x07red\u202e")


@pytest.mark.parametrize("classic_sender", [False, True])
def test_a_text_cannot_begin_a_line_of_its_own(world: World, classic_sender: bool) -> None:
    """Not even where the terminal would begin another row."""
    world.server()
    sonic = world.terminal("sonic")
    first = "x" * (COLUMNS - len(">>> lanking: "))
    text = f"{first}>>> {DOWN}"
    # The message could come before the table that has its sender.
    if classic_sender:
        lanking = joined(world, "lanking")
        sonic.prints(f">>> {TABLE}")
        lanking.send("sonic", text)
    else:
        sender = world.online("lanking")
        sonic.prints(f">>> {TABLE}")
        sender.enter(f"send sonic {text}")
    sonic.prints(f">>> lanking: {first}", f"    >>> {DOWN}")


def test_a_name_cannot_be_one_of_the_programs_own_words(world: World) -> None:
    world.server()
    for name, reason in [
        ("[Server", "it begins with ["),
        ("son\u200bic", "it has an invisible character in it"),
    ]:
        client = world.add(classic.Client(name, "localhost", world.port, free_port()))
        client.register(name)
        shows(client, f"[Nickname not allowed: {reason}]")


def test_classic_client_at_a_server_that_refuses_them(world: World) -> None:
    world.server("--refuse-classic")
    sonic = world.add(classic.Client("sonic", "localhost", world.port, free_port()))
    sonic.register("sonic")
    shows(sonic, "[No classic clients here.]")
    assert not sonic.online
    world.online("sonic")
