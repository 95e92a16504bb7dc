"""What an operator sees of a server: the figures that Prometheus scrapes, and the log."""

from __future__ import annotations

import dataclasses
import re
import socket
import urllib.request
from pathlib import Path

import pytest
from processes import Piped, free_port
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from world import World

import superchat
from superchat import metrics

ROOT = Path(__file__).resolve().parents[2]
Figures = dict[tuple[str, str], float]


def free_tcp_port() -> int:
    """A port that nobody has, of those that the program takes."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port >= 1024:
            return port


def scrape(port: int) -> Figures:
    """Every sample, by its name and its label."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_scrape_has_what_happened(world: World) -> None:
    port = free_tcp_port()
    server = world.server("--metrics", f"localhost:{port}", "--quiet")
    before = scrape(port)
    assert before["superchat_users", ""] == 0
    assert before["superchat_rejects_total", "malformed"] == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"hello", ("127.0.0.1", world.port))
    with superchat.Client("sonic", "localhost", world.port) as sonic:
        sonic.deregister()
        with superchat.Client("lanking", "localhost", world.port) as lanking:
            assert lanking.send("sonic", "later") is superchat.Delivery.STORED
            figures = scrape(port)
    assert figures["superchat_users", ""] == 2
    assert figures["superchat_users_online", ""] == 1
    assert figures["superchat_messages_stored_total", ""] == 1
    assert figures["superchat_rejects_total", "malformed"] == 1
    assert figures["superchat_datagrams_received_total", ""] > 0
    trips = figures["superchat_round_trip_seconds_count", ""]
    quantiles = [figures.get(("superchat_round_trip_seconds", q)) for q in ("0.5", "0.9", "0.99")]
    assert (None in quantiles) == (trips == 0)

    server.interrupt()
    server.ends("")
    with socket.socket() as closed:
        assert closed.connect_ex(("127.0.0.1", port)) != 0


def documented() -> dict[str, tuple[str, str]]:
    """The table of the document: of whom a field is, and its name and label for Prometheus."""
    rows = re.findall(
        r'^\| `(\w+)` \| (\w+) \| `(\w+)(?:\{\w+="([\w.]+)"\})?` \|',
        (ROOT / "docs" / "METRICS.md").read_text(),
        re.MULTILINE,
    )
    return {field: (whose, f"{name} {label}".strip()) for field, whose, name, label in rows}


@pytest.mark.parametrize("kind", ["server", "client"])
def test_every_field_is_documented_and_collected(kind: str) -> None:
    fields = [field.name for field in dataclasses.fields(superchat.Stats)]
    table = documented()
    assert list(table) == fields
    stats = superchat.Stats(**{field: n for n, field in enumerate(fields, 1)})
    collected = {
        f"{sample.name} {','.join(sample.labels.values())}".strip(): sample.value
        for family in metrics.families(stats, server=kind == "server")
        for sample in family.samples
    }
    assert collected == {
        name: getattr(stats, field) for field, (whose, name) in table.items() if whose in (kind, "both")
    }


def test_before_the_first_round_trip_there_are_no_percentiles() -> None:
    names = [field.name for field in dataclasses.fields(superchat.Stats)]
    nothing = superchat.Stats(**dict.fromkeys(names, 0))
    *_, trips = metrics.families(nothing, server=True)
    assert [sample.name for sample in trips.samples] == ["superchat_round_trip_seconds_count"]


def test_a_program_registers_a_collector_of_its_own(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    with superchat.Server(directory=tmp_path) as server:
        registry.register(metrics.Collector(server))
        with superchat.Client("sonic", *server.address) as client:
            client_registry = CollectorRegistry()
            client_registry.register(metrics.Collector(client))
            assert registry.get_sample_value("superchat_users_online") == 1
            assert registry.get_sample_value("superchat_messages_pending") is None
            assert client_registry.get_sample_value("superchat_messages_pending") == 0
            assert client_registry.get_sample_value("superchat_users_online") is None


@pytest.mark.parametrize(
    "value", ["", "9100", "localhost", "localhost:", "localhost:x", ":9100", "localhost:80",
              "localhost:65536", "http://localhost:9100", "localhost:9100/metrics", "me@localhost:9100"]
)
def test_metrics_at_what_is_no_host_and_port(world: World, value: str) -> None:
    server = world.run(Piped, "-s", world.port, "--metrics", value)
    server.ends("--metrics takes HOST:PORT, for example localhost:9100\n", status=2)


def fails(server: Piped, *things: str) -> None:
    """It ends with one line on standard error, which names these things."""
    assert (server.status(), server.all_output()) == (1, "")
    errors = server.all_errors()
    assert errors.startswith("superchat: ") and errors.count("\n") == 1
    assert all(thing in errors for thing in things), errors


def test_metrics_at_a_port_in_use(world: World) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        server = world.run(Piped, "-s", world.port, "--metrics", f"127.0.0.1:{port}")
        fails(server, f"127.0.0.1:{port}", "in use")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1"])
def test_metrics_off_the_loopback_interface(world: World, host: str) -> None:
    server = world.run(Piped, "-s", world.port, "--metrics", f"{host}:9100")
    fails(server, host.strip("[]"), "take localhost")


def test_metrics_at_a_host_that_leads_nowhere(world: World) -> None:
    fails(world.run(Piped, "-s", world.port, "--metrics", "nowhere.invalid:9100"), "nowhere.invalid")


def test_the_log_is_on_standard_error_and_only_when_asked_for(world: World) -> None:
    server = world.server("--quiet", "--log", "debug")
    world.online("sonic")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"hello", ("127.0.0.1", world.port))
        # It is answered, and so comes after that.
        stranger.sendto(b'{"Type": "Reg", "Nickname": "two words"}', ("127.0.0.1", world.port))
        stranger.settimeout(20)
        stranger.recv(65536)
    server.interrupt()
    assert server.status() == 0
    assert server.all_output().count("\n") == 3
    logged = server.all_errors()
    for line in ("INFO server{", "online nickname=sonic", 'reason="malformed"', "ended"):
        assert line in logged, logged


def test_a_level_that_is_none(world: World) -> None:
    server = world.run(Piped, "-s", world.port, "--log", "loud")
    assert server.status() == 2
    with pytest.raises(ValueError, match="loud"):
        superchat.log_to_stderr("loud")


def test_a_log_that_nobody_reads_stops_nothing(world: World) -> None:
    server = world.server("--log", "trace", "--quiet")
    server.stall()
    with superchat.Client("sonic", "localhost", world.port) as sonic:
        for number in range(2000):
            assert sonic.send("sonic", str(number)) is superchat.Delivery.RECEIVED
            sonic.users()
        for _ in range(200):
            sonic.deregister()
            sonic.register()
    server.interrupt()
    assert server.status() == 0
