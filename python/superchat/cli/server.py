"""The server mode: a line for each request, until a signal comes."""

import contextlib
from typing import Union

import superchat
from superchat import events
from superchat.cli import metrics, objects, signals
from superchat.cli.arguments import ServerArguments
from superchat.cli.objects import encoded
from superchat.cli.output import Gone, complain, say
from superchat.cli.printer import Printer
from superchat.cli.visible import visible

_Fault = Union[events.MailboxFault, events.StoreFault, events.MessagesExpired]
_FAULTS = (events.MailboxFault, events.StoreFault, events.MessagesExpired)


def run(arguments: ServerArguments) -> int:
    """Serve until Ctrl+C; the result is the exit status."""
    report = _Objects() if arguments.json else _Lines()

    def on_event(event: events.ServerEvent) -> None:
        if isinstance(event, _FAULTS):
            report.fault(event)
        elif not arguments.quiet:
            report.event(event)

    server = superchat.Server(
        arguments.port,
        arguments.host,
        directory=arguments.directory,
        refuse_classic=arguments.refuse_classic,
        limits=arguments.limits,
        on_event=on_event,
    )
    with server, metrics.served(server, arguments.metrics):
        report.start(arguments, server)
        signals.wait()
        server.stop()
    report.stop()
    return 0


class _Lines:
    """What a person reads: requests on standard output, faults on standard error."""

    def __init__(self) -> None:
        self._lines, self._faults = Printer(_print), Printer(complain)

    def start(self, arguments: ServerArguments, server: superchat.Server) -> None:
        _print("Socket created and binded")
        _print(f"listening on: {visible(arguments.host)} : {arguments.port}")
        _print("Server Mode Start")
        self._lines.start()
        self._faults.start()

    def event(self, event: events.ServerEvent) -> None:
        if line := _line(event):
            self._lines.put(line)

    def fault(self, event: _Fault) -> None:
        self._faults.put(visible(_fault(event)))

    def stop(self) -> None:
        self._lines.stop()
        self._faults.stop()


class _Objects:
    """What a program reads: all of it on standard output, an object a line."""

    def __init__(self) -> None:
        self._lines = Printer(_print, lambda count: encoded(objects.EventsLost(count)))

    def start(self, arguments: ServerArguments, server: superchat.Server) -> None:
        started = objects.Started(objects.FORMAT, superchat.__version__, "server", server.address)
        _print(encoded(started))
        self._lines.start()

    def event(self, event: events.ServerEvent) -> None:
        self._lines.put(encoded(event))

    fault = event

    def stop(self) -> None:
        self._lines.stop(encoded(objects.Ended(0)))


def _line(event: events.ServerEvent) -> str | None:
    match event:
        case events.RegisterRequest(nickname=name):
            return f"Incoming Registration Request from {visible(name)}"
        case events.MailboxEmpty(nickname=name):
            return f"No Offline Message for {visible(name)}"
        case events.DeregisterRequest(nickname=name):
            return f"Incoming De-reg Request from {visible(name)}"
        case events.StoreRequest(sender=name):
            return f"Incoming Offline Message Request from {visible(name)}"
    return None


def _fault(event: _Fault) -> str:
    if isinstance(event, events.MessagesExpired):
        return f"{event.count} messages to {event.recipient} waited too long"
    return event.reason


def _print(line: str) -> None:
    """A server outlives whoever reads what it prints."""
    with contextlib.suppress(Gone):
        say(line)
