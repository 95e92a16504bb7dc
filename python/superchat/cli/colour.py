"""Colour: what a line is, said a second time.

The text of a line is the same with colour and without, so colour never says
anything that the words do not. Only the colours of the terminal's own theme are
used. ``NO_COLOR`` is honoured (https://no-color.org).
"""

from __future__ import annotations

import os
from enum import Enum


class Look(Enum):
    """What a line is."""

    PLAIN = "plain"
    MESSAGE = "message"
    """Somebody's words; only the name in front of them is set apart."""
    HEADING = "heading"
    QUIET = "quiet"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


# Parameters of "select graphic rendition", ECMA-48.
_CODES = {
    Look.MESSAGE: "1",
    Look.HEADING: "1",
    Look.QUIET: "2",
    Look.GOOD: "32",
    Look.WARNING: "33",
    Look.BAD: "31",
}
_RESET = "\x1b[0m"


def wanted(choice: str, *, terminal: bool) -> bool:
    """Whether to colour: as the option says, else on a terminal that takes it."""
    if choice != "auto":
        return choice == "always"
    return terminal and able() and not os.environ.get("NO_COLOR")


def able() -> bool:
    """Whether the terminal obeys more than a line feed."""
    return os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def painted(line: str, look: Look) -> str:
    """A line of visible text with the codes of its look in it."""
    if look is Look.PLAIN:
        return line
    # A name has no white space in it, so what ends it is the first.
    end = len(line.split(" ", 1)[0]) if look is Look.MESSAGE else len(line)
    return f"\x1b[{_CODES[look]}m{line[:end]}{_RESET}{line[end:]}"
