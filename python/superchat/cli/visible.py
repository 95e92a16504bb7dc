"""Text from others, fit for a screen.

What comes out of :func:`visible` moves no cursor, starts no new line, sets no
colour, and turns no direction: the characters that would are spelled out as
Python spells them. Everything else stays as it is, in any script; so do the
joiners that emoji and many scripts are made with.
"""

import re

_OBEYED = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls: ESC, newline, tab, ...
    "\u061c\u200e\u200f"  # marks that lend their direction to their neighbours
    "\u2028\u2029"  # line and paragraph separator
    "\u202a-\u202e"  # embeddings and overrides of the direction
    "\u2066-\u2069"  # isolates
    "\ud800-\udfff"  # halves of characters, which no encoding takes
    "]"
)


def visible(text: str) -> str:
    """Spell out what a screen would obey instead of showing it."""
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
