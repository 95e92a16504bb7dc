"""The futures of `post`: those of the standard library, made when more is asked of them than their result."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, as_completed, wait

import pytest

from superchat import _outcome
from superchat._outcome import Outcome

VALUE = object()


def by_callback(future: Outcome) -> object:
    called: list[object] = []
    heard = threading.Event()
    future.add_done_callback(called.append)
    future.add_done_callback(lambda _: heard.set())
    assert heard.wait(timeout=10) and called == [future]
    return future.result()


def by_asyncio(future: Outcome) -> object:
    async def result() -> object:
        return await asyncio.wait_for(asyncio.wrap_future(future), 10)

    return asyncio.run(result())


def by_wait(future: Outcome) -> object:
    [done], pending = wait([future], timeout=10, return_when=FIRST_COMPLETED)
    assert not pending
    return done.result()


def by_exception(future: Outcome) -> object:
    assert future.exception(timeout=10) is None
    return future.result()


# Each is a way to learn an outcome.
WAYS: list[Callable[[Outcome], object]] = [
    lambda future: future.result(timeout=10),
    lambda future: next(as_completed([future], timeout=10)).result(),
    by_callback,
    by_asyncio,
    by_wait,
    by_exception,
]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("again", WAYS)
def test_an_outcome_that_has_come_is_learnt_in_any_way(
    way: Callable[[Outcome], object], again: Callable[[Outcome], object]
) -> None:
    future = Outcome()
    future.set_result(VALUE)
    assert way(future) is VALUE and again(future) is VALUE
    assert future.done() and not future.running()


@pytest.mark.parametrize("way", WAYS)
def test_whoever_waits_for_an_outcome_is_told(way: Callable[[Outcome], object]) -> None:
    future = Outcome()
    assert not future.done()  # From here on it is a whole one.
    learnt: list[object] = []
    waiting = threading.Thread(target=lambda: learnt.append(way(future)))
    waiting.start()
    future.set_result(VALUE)
    waiting.join(timeout=20)
    assert learnt == [VALUE]


def test_an_outcome_that_comes_while_it_is_asked_for_is_not_missed(hasty: None) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    ways = [way for way in WAYS if way is not by_asyncio]
    for _ in range(500):
        future, learnt = Outcome(), list[object]()
        together = threading.Barrier(3)

        def ask(way: Callable[[Outcome], object]) -> None:
            together.wait()
            learnt.append(way(future))

        def settle() -> None:
            together.wait()
            future.set_result(VALUE)

        threads = [threading.Thread(target=ask, args=[draw.choice(ways)]) for _ in range(2)]
        threads.append(threading.Thread(target=settle))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        assert learnt == [VALUE, VALUE]


def test_it_runs_until_it_is_done_and_is_never_cancelled() -> None:
    future = Outcome()
    assert not future.cancel() and not future.cancelled()
    assert future.running() and not future.done()
    future.set_result(VALUE)
    assert not future.cancel() and not future.cancelled()
    assert future.done() and not future.running()


@pytest.mark.parametrize("asked", [False, True])
def test_it_has_one_outcome(asked: bool) -> None:
    future = Outcome()
    assert not (asked and future.done())
    future.set_result(VALUE)
    with pytest.raises(InvalidStateError):
        future.set_result(None)
    with pytest.raises(InvalidStateError):
        future.set_exception(ValueError())
    assert future.result() is VALUE and future.exception() is None
    failed = Outcome()
    failed.set_exception(ValueError("no"))
    with pytest.raises(InvalidStateError):
        failed.set_result(VALUE)
    with pytest.raises(ValueError, match="no"):
        failed.result()


def test_it_is_a_future_and_nothing_more() -> None:
    future = Outcome()
    future.set_result(VALUE)
    assert isinstance(future, Future)
    assert "state=finished returned object" in repr(future)
    with pytest.raises(AttributeError, match="'Outcome' object has no attribute 'value'"):
        _ = future.value
    with pytest.raises(concurrent.futures.TimeoutError):
        Outcome().result(timeout=0)


# From Python 3.12 on it says that threads and forks do not go together, which is what is tested.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_lock_that_a_thread_has_is_none_in_a_forked_child() -> None:
    taken, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with _outcome._lock:
            taken.set()
            forked.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(timeout=10)
    child = os.fork()
    if child == 0:
        future = Outcome()
        future.set_result(7)
        os._exit(future.result() if by_exception(future) == 7 else 1)
    forked.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
