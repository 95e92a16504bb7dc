"""The server mode: a line for each request, until a signal comes."""

import contextlib
import sys
import threading

import superchat
from superchat import events
from superchat.cli import signals
from superchat.cli.arguments import ServerArguments
from superchat.cli.output import Gone, say
from superchat.cli.visible import visible


def run(arguments: ServerArguments) -> int:
    """Serve until Ctrl+C; the result is the exit status."""
    # Held until the first three lines are out, so that no request comes before them.
    printing = threading.Lock()

    def on_event(event: events.ServerEvent) -> None:
        with printing:
            _report(event, arguments.quiet)

    with printing:
        server = superchat.Server(
            arguments.port, arguments.host, directory=arguments.directory, on_event=on_event
        )
        _print("Socket created and binded")
        _print(f"listening on: {visible(arguments.host)} : {arguments.port}")
        _print("Server Mode Start")
    signals.wait()
    server.stop()
    return 0


def _report(event: events.ServerEvent, quiet: bool) -> None:
    if isinstance(event, events.MailboxFault):
        print(f"superchat: {visible(event.reason)}", file=sys.stderr, flush=True)
    elif not quiet and (line := _line(event)):
        _print(line)


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


def _print(line: str) -> None:
    """A server outlives whoever reads what it prints."""
    with contextlib.suppress(Gone):
        say(line)
