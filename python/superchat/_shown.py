"""How values read in a log or at a prompt."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

# Characters of a text that are shown: what one sees of it on a line of a log.
TEXT = 60


def others_than_default(value: Any) -> str:
    """A call that makes the value, a dataclass: without what it would have anyway."""
    given = ((field, getattr(value, field.name)) for field in fields(value))
    shown = [f"{field.name}={has!r}" for field, has in given if has != field.default]
    return f"{type(value).__name__}({', '.join(shown)})"


def cut(text: str) -> str:
    """A text in quotes; of a long one, how it begins and how long it is."""
    if len(text) <= TEXT:
        return repr(text)
    return f"{text[:TEXT]!r}... ({len(text)} characters)"
