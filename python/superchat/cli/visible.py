"""Text from others, fit for a screen.

What comes out of :func:`visible` is shown and not obeyed: it moves no cursor,
starts no new line, sets no colour, turns no direction, hides nothing, and does
not pile up. What would do so is spelled out as Python spells it. Everything
else stays as it is, in any script, and so do

- the joiners and variation selectors that emoji and many scripts are made with,
- up to eight of these and of combining marks on one character,
- the tags of a flag, after the black flag that they belong to,
- private and unassigned characters: a screen shows some sign for them.

A message is shown as ``NAME: TEXT``. A name has no white space in it and begins
neither as a notice nor as the prompt does (see :class:`superchat.errors.NicknameError`),
so the first word of a line says whose it is, whatever the text pretends.
"""

from __future__ import annotations

import re
import unicodedata

# Of these a screen shows nothing, or obeys them.
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f"  # controls: ESC, newline, tab, ...
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # fillers and the like
    "\u061c\u180e\u200b\u200e\u200f"  # separators, and marks of direction
    "\u2028\u2029"  # line and paragraph separator
    "\u202a-\u202e\u2060-\u206f"  # directions, isolates, invisible operators
    "\ufeff\ufff0-\ufffb"  # byte order mark, annotations
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # of shorthand and of music
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags
    "\ud800-\udfff"  # halves of characters, which no encoding takes
)

_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"

_PARTS = re.compile(f"(?P<flag>{_FLAG})|(?P<hidden>[{_HIDDEN}])|(?P<other>.)", re.DOTALL)

_JOINERS = "\u200c\u200d"

# Marks and joiners on one character: Tibetan and Hebrew have up to six.
_MARKS = 8


def visible(text: str) -> str:
    """Spell out what a screen would obey, or hide, instead of showing it."""
    if text.isascii() and text.isprintable():
        return text
    shown = []
    room = 0  # for marks, on the character before: at the beginning there is none
    for part in _PARTS.finditer(text):
        piece = part[0]
        if part["hidden"]:
            shown.append(_spelled(piece))
            room = 0
        elif part["other"] and _is_mark(piece):
            shown.append(piece if room else _spelled(piece))
            room = max(room - 1, 0)
        else:
            shown.append(piece)
            room = _MARKS
    return "".join(shown)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _is_mark(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character).startswith("M")
