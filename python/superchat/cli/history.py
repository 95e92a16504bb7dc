"""What was entered, kept across runs for who names a file for it.

The file has the text of messages in it, so there is none unless ``--history``
names it, nobody else may read it, and a line that begins with a blank is left
out. What is not such a file is never changed.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

import superchat

# What is looked for is rarely older, and a start reads all of it.
_ENTRIES = 1000

# A longer entry is pasted text, which nobody goes back to line by line.
_CHARACTERS = 4096

# Of UTF-8. Several programs may have added to the file since it was cut, but not so much.
_BYTES = 4 * _ENTRIES * _CHARACTERS


class HistoryError(superchat.Error):
    """The file of the history cannot be used."""


class _Kept(FileHistory):
    def store_string(self, string: str) -> None:
        if string[:1].isspace() or len(string) > _CHARACTERS:
            return
        # A full disk is no reason to stop chatting.
        with suppress(OSError):
            super().store_string(string)


def opened(path: str | None) -> History:
    """The history in a file, or of this run only."""
    if path is None:
        return InMemoryHistory()
    path = os.path.expanduser(path)
    try:
        _prepare(path)
    except OSError as error:
        raise HistoryError(f"cannot use the history {path!r}: {error.strerror}") from error
    return _Kept(path)


def _prepare(path: str) -> None:
    """Have the file be there, private, and not longer than its bound."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(file)
        lines = opened.read(_BYTES + 1) if stat.S_ISREG(status.st_mode) else b"?"
        if len(lines) > _BYTES or not all(line[:1] in (b"", b"#", b"+") for line in lines.split(b"\n")):
            raise HistoryError(f"{path!r} is no history, or has more than 16 MiB: name another file")
        if status.st_mode & 0o077:
            os.fchmod(file, 0o600)
    entries = list(FileHistory(path).load_history_strings())
    if len(entries) > _ENTRIES:
        _cut(path, reversed(entries[:_ENTRIES]))


def _cut(path: str, entries: Iterable[str]) -> None:
    """Put a file with these entries in its place, all of it or none."""
    file, name = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".superchat-")
    os.close(file)
    try:
        shorter = FileHistory(name)
        for entry in entries:
            shorter.store_string(entry)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
