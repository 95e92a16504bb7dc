"""The server mode: a line for each request, until a signal comes."""

import contextlib
import queue
import sys
import threading

import superchat
from superchat import events
from superchat.cli import signals
from superchat.cli.arguments import ServerArguments
from superchat.cli.output import Gone, say
from superchat.cli.visible import visible

# Lines that wait for a reader who does not keep up. Past that they are left out: serving goes on.
_LINES = 10_000

# How long the last lines are waited for when the server ends.
_LAST_LINES = 1.0


def run(arguments: ServerArguments) -> int:
    """Serve until Ctrl+C; the result is the exit status."""
    printer = _Printer()

    def on_event(event: events.ServerEvent) -> None:
        if isinstance(event, events.MailboxFault):
            print(f"superchat: {visible(event.reason)}", file=sys.stderr, flush=True)
        elif not arguments.quiet and (line := _line(event)):
            printer.say(line)

    server = superchat.Server(
        arguments.port, arguments.host, directory=arguments.directory, on_event=on_event
    )
    printer.start(
        "Socket created and binded",
        f"listening on: {visible(arguments.host)} : {arguments.port}",
        "Server Mode Start",
    )
    signals.wait()
    server.stop()
    printer.stop()
    return 0


class _Printer:
    """Prints on a thread of its own, so that a reader who stops reading stops nothing else."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES)
        self._thread = threading.Thread(target=self._print, daemon=True)

    def start(self, *first: str) -> None:
        """Print these lines, then whatever was said meanwhile, then what will be."""
        _print(*first)
        self._thread.start()

    def say(self, line: str) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(line)

    def stop(self) -> None:
        """Return when all is printed, or when nobody reads it."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(_LAST_LINES)

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
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


def _print(*lines: str) -> None:
    """A server outlives whoever reads what it prints."""
    with contextlib.suppress(Gone):
        for line in lines:
            say(line)
