"""Text from others: what a screen would obey is spelled out, the rest is left alone."""

import sys
import unicodedata

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from superchat import Message, Route
from superchat.cli import wording
from superchat.cli.reply import PROMPT
from superchat.cli.terminal import folded
from superchat.cli.visible import visible

COLUMNS, ROWS = 40, 60

# What others may write: any characters at all, and more than a fair share of those that matter.
NASTY = st.sampled_from(
    "\x1b\n\r\t\x00\x08\x7f\x85\x9b\xad\u0301\u034f\u061c\u115f\u200b\u200d\u200e\u2028\u202e\u2066"
    "\u2800\u3164\ufe0f\ufeff\ufff9\U000e0041\U000e007f\U0001f3f4\ud83d[]>>>: mA早"
)
TEXTS = st.text(st.one_of(st.characters(), NASTY), max_size=200)
# All that the program itself begins a line with.
NOTICE = "[Server is Down!]"


def drawn(rows: list[str]) -> list[str]:
    """What a terminal shows of the rows, with the program's own words after them."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    stream.feed("".join(row + "\r\n" for row in rows) + "end")
    return [line.rstrip() for line in screen.display]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202eevil", r"\u202eevil"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("\u200e\u200f\u061c", r"\u200e\u200f\u061c"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud83d", r"\ud83d"),
        ("son\u200bic\xad\ufeff\u2060", r"son\u200bic\xad\ufeff\u2060"),
        ("\u3164\u2800\u115f", r"\u3164\u2800\u115f"),
        ("hi\U000e0068\U000e0069", r"hi\U000e0068\U000e0069"),
        ("\U0001f3f4\U000e0041\U000e007f", "\U0001f3f4" + r"\U000e0041\U000e007f"),
        ("\u0301a", r"\u0301a"),
        ("a" + 8 * "\u0301" + "\u0301b", "a" + 8 * "\u0301" + r"\u0301b"),
        ("a" + 9 * "\ufe0f", "a" + 8 * "\ufe0f" + r"\ufe0f"),
        ("a" + 9 * "\u200d", "a" + 8 * "\u200d" + r"\u200d"),
    ],
)
def test_what_would_be_obeyed_or_hidden_is_spelled_out(text: str, seen: str) -> None:
    assert visible(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "hi there",
        r"C:\new",
        "Γειά σου Κόσμε",
        "你好，世界",
        "مرحبا بالعالم",
        "می‌خواهم",
        "क्‍ष",
        "ᠮᠣᠩᠭᠣᠯ᠋",
        "👩‍👩‍👧 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️",
        "e\u0301 \u00a0 שָׁלוֹם བསྒྲུབས",
        "private \ue000, not yet a character \U0003fffd",
    ],
)
def test_what_is_shown_is_left_alone(text: str) -> None:
    assert visible(text) == text


def test_what_is_left_of_all_of_unicode_is_shown() -> None:
    """Of each kind of character: what no screen shows, or obeys, is none of what is left."""
    everything = map(chr, range(sys.maxunicode + 1))
    left = [c for c in everything if visible("a" + c) == "a" + c]
    assert not {unicodedata.category(c) for c in left} & {"Cc", "Cs", "Zl", "Zp"}
    # Signs around numbers, and of hieroglyphs, all of them seen; and the two joiners.
    seen = [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD]
    seen += [*range(0x13430, 0x13460), 0x200C, 0x200D]
    assert {ord(c) for c in left if unicodedata.category(c) == "Cf"} <= set(seen)
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B", "S"}
    assert not {unicodedata.bidirectional(c) for c in left} & turning


@given(TEXTS)
@example("\x1b[1;1H" + NOTICE)
@example("x" * (COLUMNS - len("sonic: ") - len(PROMPT)) + NOTICE)
@example("早" * 100 + PROMPT + NOTICE)
@example("\n" + PROMPT + NOTICE)
@example("\u0301" * 200)
def test_a_message_cannot_look_like_a_line_of_the_program(text: str) -> None:
    line = wording.message(Message("sonic", text, Route.DIRECT, None))
    shown = drawn(folded(PROMPT + line, COLUMNS))
    first, *rest = shown[: shown.index("end")]
    assert first.startswith(">>> sonic:")
    # Each further row is part of that message, and looks so.
    assert all(row == "" or row.startswith(" " * len(PROMPT)) for row in rest)
    assert not any(shown[shown.index("end") + 1 :])


@given(TEXTS)
def test_folding_adds_blanks_and_nothing_else(text: str) -> None:
    shown = visible(text)
    assert "".join(folded(shown, COLUMNS)).replace(" ", "") == shown.replace(" ", "")


def test_both_sides_of_the_width() -> None:
    assert folded("x" * COLUMNS, COLUMNS) == ["x" * COLUMNS]
    assert folded("x" * COLUMNS + "y", COLUMNS) == ["x" * COLUMNS, "    y"]
    # A character of two cells does not fit the last one.
    assert folded("x" * (COLUMNS - 1) + "早", COLUMNS) == ["x" * (COLUMNS - 1), "    早"]
