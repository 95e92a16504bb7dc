"""Clients and servers on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from test_api import dead

import superchat
from superchat import Delivery, aio, errors, events
from superchat.aio import _inbox

ROOT = Path(__file__).resolve().parents[2]

# Nothing is judged by time: what never comes is a failure.
SOON = 30.0

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run it on a loop of its own, on which nothing may go wrong unnoticed."""
    unhandled: list[dict[str, Any]] = []

    async def watched() -> Result:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unhandled.append(context))
        result = await asyncio.wait_for(main, SOON)
        gc.collect()
        return result

    result = asyncio.run(watched())
    assert unhandled == []
    return result


@pytest.fixture
def server(tmp_path: Path) -> Iterator[superchat.Server]:
    with superchat.Server(directory=tmp_path) as server:
        yield server


def client(nickname: str, server: superchat.Server | aio.Server, **options: Any) -> aio.Client:
    return aio.Client(nickname, *server.address, **options)


async def take(client: aio.Client, count: int) -> list[str]:
    texts: list[str] = []
    async for message in client:
        texts.append(message.text)
        if len(texts) == count:
            break
    return texts


def test_ten_thousand_messages_come_in_order_and_once(server: superchat.Server) -> None:
    count = 10_000

    async def main() -> None:
        async with client("sonic", server) as sonic, client("lanking", server) as lanking:
            taking = asyncio.create_task(take(sonic, count))
            sent = await asyncio.gather(*(lanking.send("sonic", str(n)) for n in range(count)))
            assert len(sent) == count
            assert await taking == [str(n) for n in range(count)]

    run(main())


def threads_of_this_process() -> int:
    return len(os.listdir("/proc/self/task"))


def test_there_is_no_thread_for_a_call_and_none_for_callbacks(server: superchat.Server) -> None:
    here = threading.get_ident()
    heard: set[int] = set()

    async def main() -> None:
        options = {"on_event": lambda event: heard.add(threading.get_ident())}
        async with client("sonic", server, **options) as sonic:
            before = threads_of_this_process()
            posted = [sonic.post("sonic", str(number)) for number in range(500)]
            taking = asyncio.create_task(take(sonic, 500))
            counted = [threads_of_this_process()]
            await asyncio.sleep(0)
            counted.append(threads_of_this_process())
            await asyncio.gather(taking, *posted)
            await asyncio.gather(sonic.deregister(), sonic.register())
            counted.append(threads_of_this_process())
            # One that the machine has lent to the process may have gone meanwhile; none has come.
            assert max(counted) <= before

    run(main())
    assert heard == {here}


def test_a_server_on_a_loop(tmp_path: Path) -> None:
    async def main() -> list[events.ServerEvent]:
        seen: list[events.ServerEvent] = []
        async with aio.Server(directory=tmp_path) as server:
            assert server.limits() == superchat.Limits()
            async with client("sonic", server) as sonic:
                assert server.users() == [superchat.User("sonic", sonic.address, True)]
                assert server.stats().users == 1
            # From here on: what was before, nobody wanted.
            listening = asyncio.create_task(listen(server, seen))
            await asyncio.sleep(0)
            async with client("lanking", server):
                pass
            await server.stop()
            await listening
        return seen

    async def listen(server: aio.Server, seen: list[events.ServerEvent]) -> None:
        async for event in server:
            seen.append(event)

    seen = run(main())
    assert [event.nickname for event in seen if isinstance(event, events.Online)] == ["lanking"]
    assert events.Offline("lanking") in seen


def test_events_go_to_a_callback_on_the_loop(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        online, registered = loop.create_future(), loop.create_future()

        def of_server(event: events.ServerEvent) -> None:
            assert asyncio.get_running_loop() is loop
            if isinstance(event, events.Online):
                online.set_result(event.nickname)

        def of_client(event: events.ClientEvent) -> None:
            if isinstance(event, events.Registered):
                registered.set_result(event.nickname)

        async with aio.Server(directory=tmp_path, on_event=of_server) as server:
            async with client("sonic", server, on_event=of_client):
                assert (await online, await registered) == ("sonic", "sonic")
            with pytest.raises(TypeError, match="on_event"):
                aiter(server)

    run(main())


def test_messages_go_to_a_callback_instead(server: superchat.Server) -> None:
    async def main() -> None:
        texts: asyncio.Queue[str] = asyncio.Queue()
        async with client("sonic", server, on_message=lambda m: texts.put_nowait(m.text)) as sonic:
            await sonic.send("sonic", "hi")
            assert await texts.get() == "hi"
            with pytest.raises(TypeError, match="on_message"):
                aiter(sonic)

    run(main())


def test_what_a_callback_raises_goes_to_the_handler_of_the_loop(tmp_path: Path) -> None:
    reported: list[BaseException] = []

    def fail(what: object) -> None:
        raise ValueError(what)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        async with aio.Server(directory=tmp_path, on_event=fail) as server:
            async with client("sonic", server, on_message=fail, on_event=fail) as sonic:
                for text in ["first", "second"]:
                    await sonic.send("sonic", text)

    asyncio.run(main())
    assert all(type(error) is ValueError for error in reported)
    # Also what came at the close: no report is missing.
    of = [error.args[0] for error in reported]
    assert [what.text for what in of if isinstance(what, superchat.Message)] == ["first", "second"]
    assert events.Registered("sonic") in of and events.Deregistered("sonic") in of
    assert any(isinstance(what, events.Offline) for what in of)


def test_what_a_future_is_followed_by_raises_to_the_handler_too(server: superchat.Server) -> None:
    reported: list[BaseException] = []

    def fail(future: asyncio.Future[Delivery]) -> None:
        raise ValueError(future.result())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        async with client("sonic", server) as sonic:
            future = sonic.post("sonic", "hi")
            future.add_done_callback(fail)
            await future

    asyncio.run(main())
    assert [error.args for error in reported] == [(Delivery.RECEIVED,)]


def test_a_send_that_is_cancelled_takes_nothing_back_and_leaves_nothing(
    server: superchat.Server,
) -> None:
    gone = dead("tails", server)

    async def main() -> None:
        async with client("sonic", server) as sonic, client("lanking", server) as lanking:
            sending = asyncio.create_task(lanking.send("sonic", "hi"))
            await asyncio.sleep(0)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert await take(sonic, 1) == ["hi"]
            # The outcome of this one is an error, at the close.
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(lanking.send("tails", "hi"), 0.01)
            unheard = lanking.post("tails", "hi")
            unheard.cancel()

    run(main())
    gone.close()


def test_a_future_that_fails_and_that_nobody_looks_at_is_reported(
    server: superchat.Server,
) -> None:
    reported: list[BaseException] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        async with client("sonic", server) as sonic:
            sonic.post("nobody", "hi")
            with pytest.raises(errors.UnknownUserError):
                await sonic.send("nobody", "hi")
        gc.collect()

    asyncio.run(main())
    assert [type(error) for error in reported] == [errors.UnknownUserError]


def test_a_consumer_that_is_killed_loses_no_message(server: superchat.Server) -> None:
    count = 1000
    texts: list[str] = []

    async def consume(sonic: aio.Client) -> None:
        async for message in sonic:
            texts.append(message.text)
            await asyncio.sleep(0)

    async def main() -> None:
        async with client("sonic", server) as sonic, client("lanking", server) as lanking:
            posted = [lanking.post("sonic", str(number)) for number in range(count)]
            kills = 0
            while len(texts) < count:
                before = len(texts)
                consumer = asyncio.create_task(consume(sonic))
                while len(texts) < min(before + 50, count):
                    await asyncio.sleep(0)
                consumer.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await consumer
                kills += 1
            assert kills >= count // 100
            await asyncio.gather(*posted)

    run(main())
    assert texts == [str(number) for number in range(count)]


def test_of_several_consumers_each_message_goes_to_one_and_the_end_to_all(
    server: superchat.Server,
) -> None:
    async def consume(sonic: aio.Client) -> list[str]:
        return [message.text async for message in sonic]

    async def main() -> None:
        async with client("sonic", server) as sonic:
            consumers = [asyncio.create_task(consume(sonic)) for _ in range(3)]
            sent = [str(number) for number in range(100)]
            await asyncio.gather(*(sonic.send("sonic", text) for text in sent))
        taken = [text for texts in await asyncio.gather(*consumers) for text in texts]
        assert sorted(taken, key=int) == sent

    run(main())


def test_what_came_before_the_close_can_be_taken_after_it(server: superchat.Server) -> None:
    async def main() -> None:
        async with client("sonic", server) as sonic:
            await sonic.send("sonic", "hi")
        assert await take(sonic, 2) == ["hi"]
        assert await take(sonic, 1) == []

    run(main())


def test_what_is_not_taken_is_bounded_and_nothing_of_it_is_lost(
    server: superchat.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound, count = 16, 24
    monkeypatch.setattr(_inbox, "COUNT", bound)

    async def main() -> None:
        async with client("sonic", server) as sonic, client("lanking", server) as lanking:
            for number in range(bound):
                assert await lanking.send("sonic", str(number)) is Delivery.RECEIVED
            # What is acknowledged may still be on its way to the loop, and there is room until it is there.
            while not sonic._inbox.full:
                await asyncio.sleep(0)
            more = [lanking.send("sonic", str(number)) for number in range(bound, count)]
            assert set(await asyncio.gather(*more)) == {Delivery.STORED}
            texts = await take(sonic, bound)
            # It would by itself, when it finds that the server has taken it for gone.
            await sonic.register()
            assert texts + await take(sonic, count - bound) == [str(n) for n in range(count)]

    run(main())


def test_what_is_not_taken_is_bounded_by_its_length_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inbox, "SIZE", 10)

    async def main() -> None:
        inbox: _inbox.Inbox[str] = _inbox.Inbox(len)
        inbox.put("a" * 9)
        assert not inbox.full
        inbox.put("a")
        assert inbox.full
        await inbox.take()
        assert not inbox.full and not inbox.empty
        await inbox.take()
        assert inbox.empty

    run(main())


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_send_waits_for_room_beside_what_is_under_way(
    server: superchat.Server, cancelled: bool
) -> None:
    gone = dead("tails", server)

    async def main() -> None:
        async with client("lanking", server) as lanking:
            if cancelled:
                sends = [asyncio.create_task(lanking.send("tails", "hi")) for _ in range(1024)]
                await asyncio.sleep(0)
                assert all(send.cancel() for send in sends)
                await asyncio.gather(*sends, return_exceptions=True)
            else:
                posts = [lanking.post("tails", "hi") for _ in range(1024)]
                with pytest.raises(errors.TooManyPendingError):
                    lanking.post("tails", "too many")
            assert await lanking.send("tails", "last") is Delivery.STORED
            if not cancelled:
                assert set(await asyncio.gather(*posts)) == {Delivery.STORED}

    run(main())
    gone.close()


def test_pending_calls_fail_when_the_client_is_closed(server: superchat.Server) -> None:
    gone = dead("tails", server)

    async def main() -> None:
        async with client("sonic", server) as sonic:
            waiting = [sonic.post("tails", "hi"), asyncio.create_task(sonic.send("tails", "hi"))]
            await asyncio.sleep(0)
            await sonic.close()
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(outcome, errors.ClosedError)
            await sonic.close()
            with pytest.raises(errors.ClosedError):
                await sonic.send("sonic", "hi")

    run(main())
    gone.close()


def test_what_cannot_be_opened_says_so_and_leaves_nothing(
    server: superchat.Server, tmp_path: Path
) -> None:
    async def main() -> None:
        with pytest.raises(errors.AddressError):
            await aio.Client("sonic", "nowhere.invalid", 5000).__aenter__()
        with pytest.raises(errors.DirectoryError):
            await aio.Server(directory=tmp_path).__aenter__()
        async with client("sonic", server) as sonic:
            second = client("sonic", server)
            with pytest.raises(errors.NameTakenError):
                await second.__aenter__()
            assert re.fullmatch(r"<superchat.aio.Client at .*, closed>", repr(second))
            with pytest.raises(RuntimeError, match="opened before"):
                await sonic.__aenter__()

    run(main())


def test_to_open_one_can_be_cancelled(server: superchat.Server) -> None:
    silent = dead("sonic", server)  # Whoever answers nothing.

    async def main() -> None:
        nobody = aio.Client("sonic", *silent.getsockname())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(nobody.__aenter__(), 0.01)
        assert "closed" in repr(nobody) or "not open" in repr(nobody)

    run(main())
    silent.close()


@pytest.mark.parametrize("what", ["server", "client"])
def test_an_opening_that_was_cancelled_holds_nothing(
    server: superchat.Server, tmp_path: Path, what: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def make() -> aio.Server | aio.Client:
        if what == "server":
            return aio.Server(port, "127.0.0.1", directory=tmp_path / "other")
        return client("sonic", server, port=port)

    (tmp_path / "other").mkdir()
    made, go_on = threading.Event(), threading.Event()

    async def main() -> None:
        first = make()
        native = first._make

        def slowly() -> Any:
            endpoint = native()
            made.set()
            assert go_on.wait(SOON)
            return endpoint

        setattr(first, "_make", slowly)
        opening = asyncio.ensure_future(first.__aenter__())
        await asyncio.to_thread(made.wait)
        opening.cancel()
        # Who does not wait for the thread opens the second while the first has the port.
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with make() as second:
            assert second.address[1] == port

    run(main())


def test_a_client_belongs_to_its_loop(server: superchat.Server) -> None:
    async def here() -> None:
        sonic = client("sonic", server)
        with pytest.raises(RuntimeError, match="async with"):
            sonic.users()
        async with sonic:
            calls: list[Callable[[], object]] = [
                lambda: asyncio.run(sonic.send("sonic", "hi")),
                lambda: asyncio.run(sonic.close()),
                lambda: asyncio.run(take(sonic, 1)),
                lambda: sonic.post("sonic", "hi"),
            ]
            for call in calls:
                with pytest.raises(RuntimeError, match="belongs to the event loop"):
                    await asyncio.to_thread(call)
            # These any thread may ask.
            assert await asyncio.to_thread(lambda: sonic.users()) == sonic.users()
            assert (await asyncio.to_thread(sonic.stats)).messages_received == 0

    run(here())


def test_a_loop_that_is_closed_before_its_client(server: superchat.Server) -> None:
    loop = asyncio.new_event_loop()
    sonic = client("sonic", server)
    loop.run_until_complete(sonic.__aenter__())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    with pytest.raises(RuntimeError, match="belongs to the event loop"):
        asyncio.run(sonic.close())
    gone = weakref.ref(sonic)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del sonic
        gc.collect()
    assert gone() is None
    # Said, and put right. (A warning holds what it is about.)
    assert [warning for warning in caught if "was not closed" in str(warning.message)]
    caught.clear()
    assert [user.online for user in server.users()] == [False]


def test_it_is_neither_pickled_nor_copied(server: superchat.Server) -> None:
    for refused in (client("sonic", server), aio.Server()):
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                attempt(refused)


def test_on_uvloop(server: superchat.Server) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        async with client("sonic", server) as sonic:
            assert await sonic.send("sonic", "hi") is Delivery.RECEIVED
            assert await take(sonic, 1) == ["hi"]

    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_the_bot_answers_until_ctrl_c(server: superchat.Server) -> None:
    host, port = server.address
    command = [sys.executable, str(ROOT / "examples" / "bot.py"), "echo", host, str(port)]
    bot = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with bot, contextlib.ExitStack() as ends:
        # If it goes on, the test fails, and does not wait for it.
        ends.callback(bot.kill)
        assert bot.stdout is not None
        assert bot.stdout.readline() == "registered as echo\n"

        async def ask() -> str:
            async with client("sonic", server) as sonic:
                await sonic.send("echo", "hi")
                return (await take(sonic, 1))[0]

        assert run(ask()) == "sonic said: hi"
        bot.send_signal(signal.SIGINT)
        assert bot.communicate(timeout=SOON) == ("", "")
        assert bot.returncode == 0
    assert not any(user.online for user in server.users())
