"""Standard output, whose reader may be a person, a pipe, or gone.

A line that is said is out at once: nothing stays in a buffer. The first line
that nobody takes raises :class:`Gone`; later ones go nowhere, and Python finds
nothing to complain about when it flushes at the end.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
        print(text, end=end, flush=True)


@contextmanager
def writing() -> Iterator[None]:
    """Around whatever writes to standard output."""
    try:
        yield
    except OSError as error:
        _mute()
        raise Gone from error


def _mute() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
