"""The commands as they are typed, and what ``help`` says of each.

A line is a command by its first word. What the command does is in
:mod:`superchat.cli.commands`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """How a command is typed, and what it is for: in a few words, and in full."""

    usage: str
    about: str
    more: str


FORMS = {
    "send": Form(
        "send NAME TEXT",
        "send a message",
        "The next line says what became of it: received by NAME; not acknowledged and given to the "
        "server; or saved by the server until NAME is back. [Client NAME Not Existed!] means that "
        "nobody has that name.",
    ),
    "reg": Form(
        "reg NAME",
        "go online, under any name",
        "Messages that waited for NAME come at once. A name that somebody else has online is refused.",
    ),
    "dereg": Form(
        "dereg",
        "go offline; messages then wait at the server",
        "The program goes on; reg brings you back. While you are offline nothing is sent.",
    ),
    "users": Form(
        "users",
        "list who is known, online or not",
        "Those who are online come first.",
    ),
    "reply": Form(
        "reply",
        "turn replying on or off",
        "While it is on, a line that is no command is sent to whom you sent to last, with send; the "
        "prompt says who that is. It is off unless the program was started with --reply.",
    ),
    "help": Form(
        "help [COMMAND]",
        "list the commands, or say more about one",
        "On a terminal: Tab completes commands and names, Up and Down go through what was entered, "
        "Ctrl+R searches it.",
    ),
    "quit": Form(
        "quit",
        "log off and leave, like Ctrl+D",
        "Ctrl+C does the same, at once, whatever is under way.",
    ),
}

_NO_WORDS = {"dereg", "users", "reply", "quit"}


def split(line: str) -> tuple[str, str]:
    """The first word of a line, and the rest."""
    name, rest = (line.split(maxsplit=1) + ["", ""])[:2]
    return name, rest


def fits(line: str) -> bool:
    """Whether a line is a command with the words that it takes, and no others."""
    name, rest = split(line)
    words = len(rest.split(maxsplit=1))
    if name in _NO_WORDS:
        return words == 0
    if name == "help":
        return rest.strip() in {"", *FORMS}
    return (name == "send" and words == 2) or (name == "reg" and len(rest.split()) == 1)
