"""Standard output, whose reader may be a person, a pipe, or gone.

A line that is said is out at once: nothing stays in a buffer. The first line
that nobody takes raises :class:`Gone`; later ones go nowhere.
"""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STDOUT, _STDERR = 1, 2

# Longer than this, and whoever reads has stopped reading.
_STALLED_AFTER = 0.2

_began: float | None = None


class Gone(Exception):
    """Nobody takes what is written to standard output."""


def use_utf8() -> None:
    """Let any name and message be printed, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def say(text: str, end: str = "\n") -> None:
    """Write a line to standard output."""
    with writing():
        _write(_STDOUT, text + end)


def complain(text: str) -> None:
    """Write a line to standard error, if anybody takes it."""
    with suppress(OSError):
        _write(_STDERR, f"superchat: {text}\n")


def _write(file: int, text: str) -> None:
    # Past Python's own buffer, whose lock a thread that is stuck here would keep to the end.
    data = text.encode(errors="backslashreplace")
    while data:
        data = data[os.write(file, data) :]


@contextmanager
def writing() -> Iterator[None]:
    """Around whatever writes to standard output."""
    global _began
    _began = time.monotonic()
    try:
        yield
    except (OSError, Gone) as error:
        _mute()
        raise Gone from error
    finally:
        _began = None


def stalled() -> bool:
    """Whether this thread's writing waits for a reader who has stopped reading."""
    return _began is not None and time.monotonic() - _began > _STALLED_AFTER


def _mute() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.close(nowhere)
