"""The server mode: a line for each request, until a signal comes."""

import contextlib
import queue
import threading
from collections.abc import Callable

import superchat
from superchat import events
from superchat.cli import metrics, signals
from superchat.cli.arguments import ServerArguments
from superchat.cli.output import Gone, complain, say
from superchat.cli.visible import visible

# Lines that wait for a reader who does not keep up. Past that they are left out: serving goes on.
_LINES = 10_000

# How long the last lines are waited for when the server ends.
_LAST_LINES = 1.0


def run(arguments: ServerArguments) -> int:
    """Serve until Ctrl+C; the result is the exit status."""
    lines, faults = _Printer(_print), _Printer(complain)

    def on_event(event: events.ServerEvent) -> None:
        if isinstance(event, (events.MailboxFault, events.StoreFault)):
            faults.put(visible(event.reason))
        elif isinstance(event, events.MessagesExpired):
            faults.put(visible(f"{event.count} messages to {event.recipient} waited too long"))
        elif not arguments.quiet and (line := _line(event)):
            lines.put(line)

    server = superchat.Server(
        arguments.port,
        arguments.host,
        directory=arguments.directory,
        refuse_classic=arguments.refuse_classic,
        limits=arguments.limits,
        on_event=on_event,
    )
    with server, metrics.served(server, arguments.metrics):
        _print("Socket created and binded")
        _print(f"listening on: {visible(arguments.host)} : {arguments.port}")
        _print("Server Mode Start")
        lines.start()
        faults.start()
        signals.wait()
        server.stop()
    lines.stop()
    faults.stop()
    return 0


class _Printer:
    """Prints on a thread of its own, so that a reader who stops reading stops nothing else."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES)
        self._thread = threading.Thread(target=self._print, daemon=True)

    def start(self) -> None:
        """Print what was put meanwhile, then what will be."""
        self._thread.start()

    def put(self, line: str) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(line)

    def stop(self) -> None:
        """Return when all is printed, or when nobody reads it."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(_LAST_LINES)

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line)


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
