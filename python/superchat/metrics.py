"""What ``stats()`` says, for Prometheus.

A program that has a registry of its own adds a :class:`Collector` to it::

    prometheus_client.REGISTRY.register(superchat.metrics.Collector(server))

The names are those of :class:`superchat.Stats`, with ``superchat_`` in front and
the endings that Prometheus asks for; ``docs/METRICS.md`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector as _Collector

from superchat import Client, Server, Stats

_TRAFFIC = {
    "datagrams_received": "Datagrams that came, refused ones included",
    "datagrams_sent": "Datagrams that were sent",
    "bytes_received": "Bytes of the datagrams that came",
    "bytes_sent": "Bytes of the datagrams that were sent",
    "retransmissions": "Packets that were sent again, because no ack came",
    "send_failures": "Datagrams that the operating system would not take",
    "withheld": "Datagrams not sent to an address that is not proven",
}

# One metric: the field is its label.
_REJECTS = ("malformed", "oversized", "unexpected", "busy", "limited")

_COUNTERS = {
    "messages_relayed": "Messages that were passed on to who acknowledged them",
    "messages_stored": "Messages that the store has synced",
}

_SERVER_COUNTERS = {
    "messages_delivered": "Messages out of mailboxes that their recipients acknowledged",
    "messages_refused": "Messages that were not stored",
    "messages_expired": "Messages that waited too long, and are removed",
    "store_faults": "Times that a mailbox, or another file of the store, could not be used",
    "displaced": "Addresses that had proven nothing and made room for newer ones",
    "commits": "Times that the store has synced what it was asked to keep",
}

_CLIENT_COUNTERS = {
    "messages_received": "Own messages that their recipients acknowledged",
    "messages_failed": "Own messages that had an error for an outcome",
}

_GAUGES = {
    "events_pending": "Events for which no callback was called yet",
    "frames_pending": "Frames that nobody has acknowledged yet",
}

_SERVER_GAUGES = {
    "users": "Users in the table, online or not",
    "users_online": "Users who are online",
    "mailboxes": "Mailboxes with messages in them",
    "stored_bytes": "Bytes of the mailboxes",
    "journal_bytes": "Bytes of the store's journal",
    "unsettled": "Mailboxes whose files lack what is in the journal",
    "requests_pending": "Requests that are not answered yet",
    "store_requests_pending": "Requests to the store that are not carried out yet",
}

_CLIENT_GAUGES = {"messages_pending": "Own messages that have no outcome yet"}


class Collector(_Collector):
    """The figures of one server or client, read when they are asked for."""

    def __init__(self, endpoint: Server | Client) -> None:
        self._endpoint = endpoint

    def collect(self) -> Iterator[Metric]:
        server = isinstance(self._endpoint, Server)
        return families(self._endpoint.stats(), server=server)


def families(stats: Stats, *, server: bool) -> Iterator[Metric]:
    """What a server or client has of these figures, as Prometheus has it."""
    counters = _TRAFFIC | _COUNTERS | (_SERVER_COUNTERS if server else _CLIENT_COUNTERS)
    gauges = _GAUGES | (_SERVER_GAUGES if server else _CLIENT_GAUGES)
    for field, text in counters.items():
        yield CounterMetricFamily(f"superchat_{field}", text, getattr(stats, field))
    for field, text in gauges.items():
        yield GaugeMetricFamily(f"superchat_{field}", text, getattr(stats, field))
    yield _rejects(stats)
    yield _round_trips(stats)


def _rejects(stats: Stats) -> Metric:
    text = "Datagrams that were not acted on"
    family = CounterMetricFamily("superchat_rejects", text, labels=["reason"])
    for reason in _REJECTS:
        family.add_metric([reason], getattr(stats, reason))
    return family


def _round_trips(stats: Stats) -> Metric:
    """The percentiles of the last ones. Their sum is not known, so there is none."""
    name = "superchat_round_trip_seconds"
    family = SummaryMetricFamily(name, "From a packet, sent once, to its ack: the last 1024")
    percentiles = {"0.5": "round_trip_p50", "0.9": "round_trip_p90", "0.99": "round_trip_p99"}
    if stats.round_trips:
        for quantile, field in percentiles.items():
            family.add_sample(name, {"quantile": quantile}, getattr(stats, field))
    family.add_sample(f"{name}_count", {}, stats.round_trips)
    return family
