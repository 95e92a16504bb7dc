"""One server and three clients, each on a terminal of its own, typed as a user does."""

from __future__ import annotations

import json
from datetime import datetime

from processes import BYE, DOWN, HEADING, SAVED, TABLE, WELCOME, Terminal
from world import World, eventually

CTRL_C, CTRL_D = "\x03", "\x04"


def test_one_server_and_three_clients(world: World) -> None:
    server = world.run(Terminal, "-s", world.port)
    server.shows(
        "Socket created and binded", f"listening on: localhost : {world.port}", "Server Mode Start"
    )

    def served(*lines: str) -> None:
        server.shows(*lines)

    def registered(name: str) -> None:
        served(f"Incoming Registration Request from {name}", f"No Offline Message for {name}")

    sonic = world.terminal("sonic")
    registered("sonic")
    lanking = world.terminal("lanking")
    registered("lanking")
    sonic.prints(f">>> {TABLE}")
    tails = world.terminal("tails")
    registered("tails")
    sonic.prints(f">>> {TABLE}")
    lanking.prints(f">>> {TABLE}")

    lanking.enter("send sonic hi")
    lanking.prints(">>> [Message received by sonic.]")
    sonic.prints(">>> lanking: hi")
    sonic.enter("send tails привет")
    sonic.prints(">>> [Message received by tails.]")
    tails.prints(">>> sonic: привет")
    tails.enter("send nobody hello")
    tails.prints(">>> [Client nobody Not Existed!]")

    sonic.kill()
    lanking.enter("send sonic are you there?")
    lanking.prints(
        ">>> [No ACK from sonic, message sent to server.]", SAVED, f">>> {TABLE}"
    )
    served("Incoming Offline Message Request from lanking")
    tails.prints(f">>> {TABLE}")
    tails.enter("send sonic me too")
    tails.prints(f">>> {SAVED}")
    served("Incoming Offline Message Request from tails")
    mailbox = world.directory / "sonic"
    assert eventually(lambda: mailbox.exists() and mailbox.read_text().count("\n") == 2)
    lines = mailbox.read_text().splitlines()
    kept = [json.loads(line) for line in lines]
    assert [(m["Sender"], m["Msg"]) for m in kept] == [
        ("lanking", "are you there?"),
        ("tails", "me too"),
    ]

    back = world.terminal_client("sonic")
    stamps = [f"{datetime.fromtimestamp(m['Time']):%Y-%m-%d %H:%M:%S}" for m in kept]
    back.prints(
        f">>> {WELCOME}",
        f">>> {TABLE}",
        ">>> [You Have Messages]",
        f">>> lanking: {stamps[0]} are you there?",
        f">>> tails: {stamps[1]} me too",
    )
    served("Incoming Registration Request from sonic")
    for peer in (lanking, tails):
        peer.prints(f">>> {TABLE}")

    tails.type(CTRL_C)
    tails.ends(f">>> {BYE}")
    served("Incoming De-reg Request from tails")
    lanking.prints(f">>> {TABLE}")
    lanking.enter("users")
    lanking.prints(
        f">>> {HEADING}",
        "    lanking  online   now",
        "    sonic    online   now",
        "    tails    offline  just now",
    )
    lanking.type(CTRL_D)
    lanking.ends(f">>> {BYE}")
    served("Incoming De-reg Request from lanking")

    server.type(CTRL_C)
    assert server.status() == 0
    back.until(f">>> {DOWN}")
    assert back.status() == 1
