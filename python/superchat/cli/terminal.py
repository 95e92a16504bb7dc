"""A screen on a terminal: a line editor at the bottom, everything else above it.

The live prompt is only a picture: it is taken off when a line is entered, shown, or
not wanted any more, and what stays on the terminal is what was written there as
lines. So lines that come leave half-typed text alone, and the terminal reads
like a transcript. A line that is longer than a row goes on with blanks, so that
what others wrote never stands where lines begin. Everything here runs on the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.utils import get_cwidth

from superchat.cli.colour import Look, painted
from superchat.cli.output import Gone, writing
from superchat.cli.reply import PROMPT, Reply
from superchat.cli.visible import visible

Complete = Callable[[str], Iterable[str]]
"""Given the text before the word at the cursor, the words that may stand there."""


class Terminal:
    """A screen with a line editor, history, and completion."""

    def __init__(
        self, complete: Complete, reply: Reply, history: History, *, colour: bool
    ) -> None:
        self._reply, self._colour = reply, colour
        self._bare = False
        # Filled at the speed of a person, who may paste, so it has no bound.
        self._entered: asyncio.Queue[str | None] = asyncio.Queue()
        self._output = Vt100_Output.from_pty(sys.stdout, term=os.environ.get("TERM"))
        # Asking the terminal where the cursor is serves menus only, and not all answer.
        self._output.enable_cpr = False
        self._editor: PromptSession[str] = PromptSession(
            self._prompt,
            history=history,
            completer=_Words(complete),
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            key_bindings=_keys(),
            enable_suspend=True,
            erase_when_done=True,
            output=self._output,
        )
        self._editing = asyncio.create_task(self._edit())

    def show(self, line: str, look: Look, *, prompt: bool = True) -> None:
        self._write("" if self._bare else PROMPT, line, look)
        self._bare = not prompt

    async def read(self) -> str | None:
        # What became of the command before may change the prompt without a word.
        self._editor.app.invalidate()
        return await self._entered.get()

    async def close(self) -> None:
        self._editing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._editing

    async def _edit(self) -> None:
        """Have line after line entered, until Ctrl+D or the end of the terminal."""
        try:
            # Raw between the lines too, where the terminal would echo what is typed ahead.
            with self._editor.app.input.raw_mode():
                while True:
                    # Pasted text may have several.
                    for line in (await self._line()).split("\n"):
                        self._enter(line)
        except (EOFError, OSError, Gone):
            pass
        finally:
            self._entered.put_nowait(None)

    def _prompt(self) -> str:
        # The rest of the row is for what is typed.
        cells = self._output.get_size().columns // 3
        return self._reply.prompt(lambda name: shortened(name, cells))

    async def _line(self) -> str:
        return await self._editor.prompt_async(set_exception_handler=False, handle_sigint=False)

    def _enter(self, line: str) -> None:
        command = self._reply.entered(line)
        self._write(PROMPT, visible(command))
        # What was no text when it was typed comes as halves of characters.
        self._entered.put_nowait(command.encode(errors="replace").decode())

    def _write(self, front: str, line: str, look: Look = Look.PLAIN) -> None:
        """Write a line above the prompt, if one is there."""
        editor = self._editor.app
        with writing():
            if editor.is_running:
                editor.renderer.erase()
            first, *rows = folded(front + line, self._output.get_size().columns)
            self._row(front, first[len(front) :], look)
            for row in rows:
                # The name that a message begins with is in its first row.
                self._row("", row, Look.PLAIN if look is Look.MESSAGE else look)
            self._output.flush()
        if editor.is_running:
            editor.invalidate()

    def _row(self, front: str, row: str, look: Look) -> None:
        if self._colour:
            self._output.write_raw(front + painted(row, look))
        else:
            self._output.write(front + row)
        self._output.write_raw("\r\n")


def shortened(text: str, cells: int) -> str:
    """As much of a text as fits, with … where it was cut."""
    if get_cwidth(text) <= cells:
        return text
    while text and get_cwidth(text) > cells - 1:
        text = text[:-1]
    return text + "…"


def folded(line: str, columns: int) -> list[str]:
    """The rows of a line on a screen so wide, all but the first with blanks in front."""
    blank = " " * len(PROMPT)
    rows, width = [""], 0
    for character in line:
        cells = get_cwidth(character)
        if width + cells > columns and width > len(blank):
            rows.append(blank)
            width = len(blank)
        rows[-1] += character
        width += cells
    return rows


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c")
    def interrupt(event: KeyPressEvent) -> None:
        """The line editor takes the key; let it mean what it always means."""
        signal.raise_signal(signal.SIGINT)

    return keys


class _Words(Completer):
    """Completes the word at the cursor."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        before, space, word = document.text_before_cursor.rpartition(" ")
        for candidate in self._complete(before + space):
            if candidate.startswith(word):
                yield Completion(candidate + " ", start_position=-len(word), display=candidate)
