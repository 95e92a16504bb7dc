"""The picture in README.md is what the program shows today."""

from __future__ import annotations

import re

import picture
from processes import free_port


def words(svg: str) -> list[str]:
    """What it shows, and for how long, figures aside: ports and times are each recording's own."""
    return [re.sub(r"\d+", "0", line) for line in svg.splitlines() if line.startswith("<text")]


def steps(svg: str) -> list[str]:
    return re.findall(r'class="(s\d+-\d+)"', svg)


def test_the_recorded_session_is_what_the_program_shows() -> None:
    recorded = picture.drawn(picture.record((free_port(), free_port(), free_port())))
    kept = picture.PICTURE.read_text()
    refresh = "python tests/python/picture.py records it anew"
    assert words(kept) == words(recorded), refresh
    assert steps(kept) == steps(recorded), refresh
    assert len(kept) < 200_000
