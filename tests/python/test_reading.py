"""Standard input in lines: whatever ends them, and however long they are."""

from __future__ import annotations

import asyncio

import pytest
from processes import TABLE
from world import World

from superchat.cli import reading
from superchat.cli.reading import LINE, Input, LineTooLong


def lines(monkeypatch: pytest.MonkeyPatch, data: bytes, piece: int = 65536) -> list[str]:
    """All lines of an input that comes in pieces; what is refused is ``...``."""
    pieces = iter([data[at : at + piece] for at in range(0, len(data), piece)])

    async def some() -> bytes:
        return next(pieces, b"")

    async def all_of_it() -> list[str]:
        source, found = Input(), list[str]()
        while True:
            try:
                line = await source.line()
            except LineTooLong:
                found.append("...")
                continue
            if line is None:
                return found
            found.append(line)

    monkeypatch.setattr(reading, "_read_some", some)
    return asyncio.run(all_of_it())


@pytest.mark.parametrize("piece", [1, 3, 65536])
def test_lines(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    assert lines(monkeypatch, b"", piece) == []
    assert lines(monkeypatch, b"one\n\ntwo", piece) == ["one", "", "two"]
    assert lines(monkeypatch, b"one\r\ntwo\r\r\nth\rree\r\n", piece) == [
        "one",
        "two\r",
        "th\rree",
    ]


@pytest.mark.parametrize("past", [1, 2, 65536, 2 * LINE + 1])
@pytest.mark.parametrize("piece", [65536, 100_000])
def test_a_line_that_is_too_long_is_refused_once(
    monkeypatch: pytest.MonkeyPatch, past: int, piece: int
) -> None:
    longest, longer = b"x" * LINE, b"x" * (LINE + past)
    assert lines(monkeypatch, longest + b"\nnext", piece) == [longest.decode(), "next"]
    assert lines(monkeypatch, b"a\n" + longer + b"\nnext\n", piece) == ["a", "...", "next"]
    assert lines(monkeypatch, longer, piece) == ["..."]
    assert lines(monkeypatch, longer + b"\n" + longer + b"\n\n", piece) == ["...", "...", ""]


def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    source, kept, left = Input(), list[int](), 200

    async def some() -> bytes:
        nonlocal left
        left -= 1
        kept.append(len(source._read))
        return b"x" * 65536 if left >= 0 else b""

    async def refused_and_over() -> None:
        with pytest.raises(LineTooLong):
            await source.line()
        assert await source.line() is None

    monkeypatch.setattr(reading, "_read_some", some)
    asyncio.run(refused_and_over())
    assert max(kept) <= LINE


def test_a_client_goes_on_after_a_line_that_is_too_long(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.client("lanking")
    # The message could come before the table that has its sender.
    sonic.prints(TABLE)
    lanking.enter("x" * (LINE + 1))
    lanking.enter("send sonic hi\r")
    lanking.until("[Line Too Long, more than 2097152 bytes]")
    lanking.until("[Message received by sonic.]")
    sonic.prints("lanking: hi")
