"""Text from others: what a screen would obey is spelled out, the rest is left alone."""

import pytest
from superchat.cli.visible import visible


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
    ],
)
def test_what_would_be_obeyed_is_spelled_out(text: str, seen: str) -> None:
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
        "👩‍👩‍👧 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "e\u0301 \u00a0 \u00ad",
    ],
)
def test_what_is_shown_is_left_alone(text: str) -> None:
    assert visible(text) == text
