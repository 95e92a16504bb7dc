"""Hosts with real sockets, and networks between them that lose, double, block and hide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from networks import (
    CLIENT_PORT,
    PORT_KEPT,
    PORT_PER_PEER,
    Api,
    Host,
    Network,
    missing,
)
from processes import BYE, SAVED, TABLE, WELCOME
from world import eventually

from superchat import Delivery, Route

# Per cent of the datagrams, each way of every path.
LOST, DOUBLED = 30, 20

# Messages that each of two clients sends the other meanwhile, and that a command line sends.
POSTED, TYPED = 1000, 50

TO_SONIC = "[Message received by sonic.]"
TO_LANKING = "[Message received by lanking.]"
NO_ACK = "[No ACK from sonic, message sent to server.]"
NO_ACK_FROM_LANKING = "[No ACK from lanking, message sent to server.]"

nats = pytest.mark.parametrize("masquerade", [PORT_KEPT, PORT_PER_PEER])


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    if lack := missing():
        pytest.skip(lack)
    with ExitStack() as stack:
        network = Network(tmp_path, stack)
        network.serve()
        yield network


@pytest.fixture
def here(network: Network) -> Host:
    return network.host("lanking")


@pytest.fixture
def there(network: Network) -> Host:
    return network.host("sonic")


def online(*hosts: Host) -> list[Api]:
    """A client on each of the hosts; each knows of the others."""
    clients = [host.api() for host in hosts]
    for client in clients:
        assert eventually(lambda: len(client.users()) == len(hosts))
    return clients


def delivered(network: Network, recipient: str) -> bool:
    """Whether nothing waits in a mailbox any more."""
    return eventually(lambda: not (network.directory / recipient).exists())


def test_api_directly(here: Host, there: Host) -> None:
    lanking, sonic = online(here, there)
    assert lanking.send("sonic", "hi") is Delivery.RECEIVED
    assert sonic.send("lanking", "hello") is Delivery.RECEIVED
    assert sonic.leave() == [("lanking", "hi", Route.DIRECT)]
    assert lanking.leave() == [("sonic", "hello", Route.DIRECT)]


def test_command_line_directly(here: Host, there: Host) -> None:
    sonic, lanking = there.command_line(), here.command_line()
    sonic.prints(TABLE)
    lanking.enter("send sonic hi")
    lanking.prints(TO_SONIC)
    sonic.prints("lanking: hi")
    sonic.enter("send lanking hello")
    sonic.prints(TO_LANKING)
    lanking.prints("sonic: hello")


def test_api_by_relay(network: Network, here: Host, there: Host) -> None:
    network.block(here, there)
    network.block(there, here)
    lanking, sonic = online(here, there)
    assert lanking.send("sonic", "hi") is Delivery.RELAYED
    assert sonic.send("lanking", "hello") is Delivery.RELAYED
    assert sonic.leave() == [("lanking", "hi", Route.RELAYED)]
    assert lanking.leave() == [("sonic", "hello", Route.RELAYED)]


def test_command_line_by_relay(network: Network, here: Host, there: Host) -> None:
    network.block(here, there)
    network.block(there, here)
    sonic, lanking = there.command_line(), here.command_line()
    sonic.prints(TABLE)
    lanking.enter("send sonic hi")
    lanking.prints(f"{NO_ACK}\n{TO_SONIC}")
    sonic.prints("lanking: hi")


def test_one_way_is_blocked(network: Network, here: Host, there: Host) -> None:
    network.block(here, there)
    lanking, sonic = online(here, there)
    assert lanking.send("sonic", "hi") is Delivery.RELAYED
    assert sonic.leave() == [("lanking", "hi", Route.RELAYED)]


def test_the_way_of_the_acks_is_blocked(network: Network, here: Host, there: Host) -> None:
    """A message comes directly; its sender does not hear so, and asks the server."""
    network.block(there, here)
    lanking, sonic = online(here, there)
    assert lanking.send("sonic", "hi") is Delivery.RELAYED
    assert sonic.leave() == [("lanking", "hi", Route.DIRECT)]


def test_api_where_datagrams_are_lost_and_doubled(
    network: Network, here: Host, there: Host
) -> None:
    lanking, sonic = online(here, there)
    network.lose(LOST)
    network.double(DOUBLED)
    texts = [str(number) for number in range(POSTED)]
    lanking.post("sonic", texts)
    sonic.post("lanking", texts)
    for client in (lanking, sonic):
        outcomes = client.outcomes(POSTED)
        assert sorted(outcomes) == sorted(texts)
        assert set(outcomes.values()) <= {delivery.value for delivery in Delivery}
    assert network.count("lost") > 0 and network.count("doubled") > 0
    network.mend()
    for client in (lanking, sonic):
        client.register()  # and have what was stored
        client.hears(*texts)
    assert delivered(network, "lanking") and delivered(network, "sonic")
    for client in (lanking, sonic):
        assert [text for _, text, _ in client.leave()] == texts


def test_command_line_where_datagrams_are_lost_and_doubled(
    network: Network, here: Host, there: Host
) -> None:
    sonic, lanking = there.command_line(), here.command_line()
    sonic.prints(TABLE)
    network.lose(LOST)
    network.double(DOUBLED)
    texts = [str(number) for number in range(TYPED)]
    for text in texts:
        lanking.enter(f"send sonic {text}")
    receipt = f"{re.escape(TO_SONIC)}|{re.escape(SAVED)}"
    receipts = lanking.finds(receipt, lambda found: len(found) >= TYPED)
    assert len(receipts) == TYPED, lanking.stdout
    network.mend()
    sonic.enter("reg sonic")  # and have what was stored
    message = r"lanking: (?:[-\d]+ [:\d]+ )?(\d+)\n"
    sonic.finds(message, lambda found: {*found} >= {*texts})
    assert delivered(network, "sonic")
    sonic.enter("quit")
    assert sonic.status() == 0
    assert re.findall(message, sonic.all_output()) == texts


@nats
def test_api_behind_a_nat(network: Network, here: Host, masquerade: str) -> None:
    """Nobody comes in uncalled. What goes out counts if it comes from where the server saw it."""
    there = network.host_behind_nat("sonic", masquerade)
    lanking, sonic = online(here, there)
    row = next(user for user in lanking.users() if user.nickname == "sonic")
    assert row.address[0] == there.seen_as != there.address
    assert (row.address[1] == CLIENT_PORT) is (masquerade == PORT_KEPT)
    assert lanking.send("sonic", "hi") is Delivery.RELAYED
    direct = (Delivery.RECEIVED, Route.DIRECT)
    delivery, route = direct if masquerade == PORT_KEPT else (Delivery.RELAYED, Route.RELAYED)
    assert sonic.send("lanking", "hello") is delivery
    assert sonic.leave() == [("lanking", "hi", Route.RELAYED)]
    assert lanking.leave() == [("sonic", "hello", route)]


def test_command_line_behind_a_nat(network: Network, here: Host) -> None:
    sonic = network.host_behind_nat("sonic", PORT_PER_PEER).command_line()
    lanking = here.command_line()
    sonic.prints(TABLE)
    lanking.enter("send sonic hi")
    lanking.prints(f"{NO_ACK}\n{TO_SONIC}")
    sonic.prints("lanking: hi")
    sonic.enter("send lanking hello")
    sonic.prints(f"{NO_ACK_FROM_LANKING}\n{TO_LANKING}")
    lanking.prints("sonic: hello")


def test_who_called_from_behind_a_nat_can_be_called(network: Network, here: Host) -> None:
    """The address that the server sees is the one that counts."""
    lanking, sonic = online(here, network.host_behind_nat("sonic", PORT_KEPT))
    assert sonic.send("lanking", "hello") is Delivery.RECEIVED
    assert lanking.send("sonic", "hi") is Delivery.RECEIVED
    assert sonic.leave() == [("lanking", "hi", Route.DIRECT)]
    assert lanking.leave() == [("sonic", "hello", Route.DIRECT)]


@nats
def test_behind_a_nat_and_blocked(network: Network, here: Host, masquerade: str) -> None:
    there = network.host_behind_nat("sonic", masquerade)
    network.block(here, there)
    network.block(there, here)
    lanking, sonic = online(here, there)
    assert lanking.send("sonic", "hi") is Delivery.RELAYED
    assert sonic.send("lanking", "hello") is Delivery.RELAYED
    assert sonic.leave() == [("lanking", "hi", Route.RELAYED)]
    assert lanking.leave() == [("sonic", "hello", Route.RELAYED)]


def test_each_behind_a_nat(network: Network) -> None:
    names = ("lanking", "sonic")
    lanking, sonic = online(*(network.host_behind_nat(name, PORT_PER_PEER) for name in names))
    assert lanking.send("sonic", "hi") is Delivery.RELAYED
    assert sonic.send("lanking", "hello") is Delivery.RELAYED
    assert sonic.leave() == [("lanking", "hi", Route.RELAYED)]
    assert lanking.leave() == [("sonic", "hello", Route.RELAYED)]


def test_api_unplugged(network: Network, here: Host, there: Host) -> None:
    lanking, sonic = online(here, there)
    network.unplug(there)
    assert lanking.send("sonic", "are you there?") is Delivery.STORED
    network.plug(there)
    sonic.register()
    sonic.hears("are you there?")
    assert delivered(network, "sonic")
    assert sonic.leave() == [("lanking", "are you there?", Route.STORED)]


def test_command_line_unplugged(network: Network, here: Host, there: Host) -> None:
    sonic, lanking = there.command_line(), here.command_line()
    sonic.prints(TABLE)
    network.unplug(there)
    lanking.enter("send sonic are you there?")
    lanking.prints(f"{NO_ACK}\n{SAVED}", TABLE)
    mailbox = network.directory / "sonic"
    assert eventually(lambda: mailbox.exists())
    kept = json.loads(mailbox.read_text())
    network.plug(there)
    sonic.enter("reg sonic")
    stamp = f"{datetime.fromtimestamp(kept['Time']):%Y-%m-%d %H:%M:%S}"
    sonic.prints(WELCOME, TABLE, "[You Have Messages]", f"lanking: {stamp} are you there?")
    assert delivered(network, "sonic")
    sonic.enter("quit")
    sonic.ends(f"{BYE}\n")
