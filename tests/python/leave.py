"""A program that leaves while its clients and server are open and callbacks are in flight.

    python leave.py WAY SEED HOST PORT
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import selectors
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable

WAY, SEED, HOST, PORT = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
draw = random.Random(SEED)

before_all: list[Callable[[], object]] = []
# Runs after everything that was registered later.
atexit.register(lambda: [handler() for handler in before_all])

import superchat  # noqa: E402

if WAY.endswith("loop"):
    # It takes long to load, and the others have no use for it.
    import asyncio

    import superchat.aio

# Also where whoever started the tests has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

enough = threading.Event()
rounds = draw.randrange(1, 60)
leave_in_callback: list[Callable[[], object]] = []


class Traffic:
    """A client that sends itself something for all that comes, so that there is always some in flight."""

    def __init__(self, name: str, *, polled: bool = False) -> None:
        self.seen = 0
        self.client = superchat.Client(
            name, HOST, PORT, on_message=self.heard, on_event=lambda event: None, polled=polled
        )

    def start(self) -> None:
        for text in range(draw.randrange(1, 20)):
            self.client.post(self.client.nickname, str(text))

    def heard(self, message: superchat.Message) -> None:
        self.seen += 1
        with contextlib.suppress(superchat.errors.ClosedError):
            future = self.client.post(message.sender, message.text)
            future.add_done_callback(lambda future: future.exception())
        if self.seen == rounds:
            enough.set()
            for leave in leave_in_callback:
                leave()


def traffic(name: str = "leaver") -> Traffic:
    """A client with a thread for its callbacks, and a server beside it, both under way."""
    going = Traffic(f"{name}-{SEED}")
    going.start()
    return going


def started() -> None:
    """What has to come has come."""
    enough.wait()
    print("leaving", flush=True)


def returns() -> None:
    globals()["kept"] = traffic()
    started()


def exits() -> None:
    kept = traffic()
    started()
    sys.exit(3 if kept else 0)


def raises() -> None:
    kept = traffic()
    started()
    raise ValueError("leaving", kept.seen > 0)


def killed(number: signal.Signals) -> None:
    kept = traffic()
    started()
    os.kill(os.getpid(), number)
    while kept:
        signal.pause()


def sigint() -> None:
    killed(signal.SIGINT)


def sigterm() -> None:
    killed(signal.SIGTERM)


def daemons() -> None:
    """Threads that send until the interpreter has gone from under them."""
    kept = traffic()

    def send() -> None:
        with contextlib.suppress(superchat.errors.ClosedError):
            while True:
                kept.client.send(kept.client.nickname, "and more")

    for _ in range(draw.randrange(1, 5)):
        threading.Thread(target=send, daemon=True).start()
    started()


def opening() -> None:
    """Threads that open clients until the interpreter has gone from under them."""
    kept = [traffic()]

    def open_some() -> None:
        with contextlib.suppress(superchat.Error):
            for number in range(1000):
                kept.append(Traffic(f"opened-{number}-{threading.get_ident()}-{SEED}"))

    for _ in range(2):
        threading.Thread(target=open_some, daemon=True).start()
    started()


def a_server() -> None:
    """A server of its own, whose callbacks are under way too."""
    global HOST, PORT
    kept = superchat.Server(directory=tempfile.mkdtemp(), on_event=lambda event: None)
    HOST, PORT = kept.address
    globals()["kept"] = kept, [traffic(name) for name in ("one", "two", "three")]
    started()


def polled() -> None:
    going = Traffic(f"leaver-{SEED}", polled=True)
    dispatch(going)
    print("leaving", flush=True)


def dispatch(going: Traffic) -> None:
    going.start()
    with selectors.DefaultSelector() as selector:
        selector.register(going.client, selectors.EVENT_READ)
        while not enough.is_set():
            selector.select()
            going.client.dispatch()


def from_a_polled_callback() -> None:
    leave_in_callback.append(lambda: print("leaving", flush=True))
    leave_in_callback.append(lambda: sys.exit(5))
    dispatch(Traffic(f"leaver-{SEED}", polled=True))


def from_a_callback() -> None:
    """The callback interrupts the main thread, and goes on."""
    leave_in_callback.append(lambda: print("leaving", flush=True))
    main = threading.get_ident()
    leave_in_callback.append(lambda: signal.pthread_kill(main, signal.SIGINT))
    kept = traffic()
    while kept:
        # It may come just before this begins to wait.
        threading.Event().wait(0.1)


def callback_exits() -> None:
    """``sys.exit`` in a callback ends nothing, and is reported."""

    def report(unraisable: object) -> None:
        print("leaving", flush=True)
        reported.set()

    reported = threading.Event()
    sys.unraisablehook = report
    leave_in_callback.append(lambda: sys.exit(5))
    globals()["kept"] = traffic()
    reported.wait()


def slow_callbacks() -> None:
    """A callback still runs when the main thread has gone."""
    held = threading.Event()
    leave_in_callback.append(lambda: held.wait(0.05))
    globals()["kept"] = traffic()
    started()


def at_exit() -> None:
    """Handlers that use the client, while it is open and after it was closed."""
    kept = traffic()
    name = kept.client.nickname

    def while_it_is_open() -> None:
        assert kept.client.send(name, "goodbye") is superchat.Delivery.RECEIVED

    def after_it_was_closed() -> None:
        for use in (
            lambda: kept.client.send(name, "too late"),
            lambda: superchat.Client("too-late", HOST, PORT),
        ):
            try:
                use()
            except superchat.errors.ClosedError:
                continue
            print("it was open")
        kept.client.close()

    atexit.register(while_it_is_open)
    before_all.append(after_it_was_closed)
    started()


def forks() -> None:
    """The child leaves too, and its copies of what is open are nobody's."""
    kept = traffic()
    enough.wait()
    # From Python 3.12 on it says that threads and forks do not go together.
    warnings.simplefilter("ignore", DeprecationWarning)
    child = os.fork()
    if child == 0:
        try:
            kept.client.post("nobody", "from a child")
        except superchat.errors.ClosedError:
            kept.client.close()
            with superchat.Client(f"child-{SEED}", HOST, PORT) as client:
                client.send(client.nickname, "hi")
            globals()["kept"] = superchat.Client(f"open-{SEED}", HOST, PORT)
            sys.exit(0)
        sys.exit("it was open")
    assert os.waitpid(child, 0)[1] == 0
    # The parent's was not closed by that.
    assert kept.client.send(kept.client.nickname, "hi") is superchat.Delivery.RECEIVED
    print("leaving", flush=True)


async def chat(client: superchat.aio.Client) -> None:
    for text in range(draw.randrange(1, 20)):
        client.post(client.nickname, str(text)).add_done_callback(lambda done: done.exception())
    seen = 0
    async for message in client:
        seen += 1
        client.post(client.nickname, message.text).add_done_callback(lambda done: done.exception())
        if seen == rounds:
            print("leaving", flush=True)
            return


def in_a_loop() -> None:
    async def main() -> None:
        async with superchat.aio.Client(f"leaver-{SEED}", HOST, PORT) as client:
            await chat(client)
            sys.exit(7)

    asyncio.run(main())


def with_an_open_loop() -> None:
    loop = asyncio.new_event_loop()
    client = superchat.aio.Client(f"leaver-{SEED}", HOST, PORT)
    loop.run_until_complete(client.__aenter__())
    loop.run_until_complete(chat(client))
    globals()["kept"] = loop, client


def ctrl_c_in_a_loop() -> None:
    async def main() -> None:
        async with superchat.aio.Client(f"leaver-{SEED}", HOST, PORT) as client:
            await chat(client)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    asyncio.run(main())


def tasks_in_a_loop() -> None:
    """Tasks that wait for messages and outcomes when ``asyncio.run`` has enough."""

    async def main() -> None:
        async with superchat.aio.Client(f"leaver-{SEED}", HOST, PORT) as client:
            await chat(client)
            globals()["kept"] = [asyncio.create_task(wait(client)) for _ in range(3)]
            await asyncio.sleep(0)

    async def wait(client: superchat.aio.Client) -> None:
        with contextlib.suppress(superchat.errors.ClosedError):
            async for message in client:
                await client.send(client.nickname, message.text)

    asyncio.run(main())


if __name__ == "__main__":
    globals()[WAY]()
