"""Records the session that README.md shows, as an SVG that moves.

    pip install '.[test]'
    python tests/python/picture.py

A server and two clients run in terminals of their own, and what is drawn is what their screens had:
each step waits until they are as they have to be, and fails if they are not. How long a step is
shown is fixed here, so two recordings differ in their times only.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from pathlib import Path
from xml.sax.saxutils import escape

import pyte

from processes import BANNER, SAVED, TABLE, WELCOME, Terminal

PICTURE = Path(__file__).parents[2] / "docs" / "session.svg"
PORTS = (5000, 1211, 1212)

# Characters and lines of the panes; then pixels: of a character, around a pane, of its title.
COLUMNS, SERVER_ROWS, CLIENT_ROWS = 54, 10, 16
WIDTH, HEIGHT, MARGIN, TITLE = 7.8, 17, 12, 24


class Pane(Terminal):
    """A shell in a terminal."""

    def __init__(self, directory: Path) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        shell = ["/usr/bin/env", f"PATH={path}", "PS1=$ ", "HISTFILE=", "bash", "--norc"]
        super().__init__([*shell, "--noprofile"], directory)
        self.prints(prompt="$")

    def lines(self) -> list[str]:
        """What its screen has, as parts of an SVG: each run of characters of one look."""
        screen = self.screen
        assert all(len(line) <= COLUMNS for line in screen)
        buffer = self._screen.buffer
        return [
            "".join(
                look.format(escape("".join(char.data for char in run)))
                for look, run in groupby((buffer[row][x] for x in range(len(line))), looks)
            )
            for row, line in enumerate(screen)
        ]

    def types(self, prompt: str, line: str) -> None:
        """Type a line, and wait until it stands there; Enter is not pressed yet."""
        self.type(line)
        self.shows(f"{prompt} {line}")

    def kill_program(self) -> None:
        """Leave what the shell runs no chance to say goodbye."""
        shell = self.popen.pid
        program = Path(f"/proc/{shell}/task/{shell}/children").read_text()
        os.kill(int(program), signal.SIGKILL)

    def line(self, pattern: str) -> str:
        """Wait for a line that is like this."""
        found = re.compile(pattern).fullmatch
        self._watched.until(lambda: any(map(found, self.screen)))
        return next(line for line in self.screen if found(line))


def looks(char: pyte.screens.Char) -> str:
    """What its text is put into."""
    classes = ["bold"] * char.bold + [char.fg] * (char.fg != "default")
    return f'<tspan class="{" ".join(classes)}">{{}}</tspan>' if classes else "{}"


@dataclass
class Recording:
    """What the panes showed, and for how many seconds each is to be shown."""

    panes: tuple[Pane, Pane, Pane]
    screens: list[list[list[str]]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def show(self, seconds: float) -> None:
        self.screens.append([pane.lines() for pane in self.panes])
        self.seconds.append(seconds)


@contextmanager
def shells() -> Iterator[tuple[Pane, Pane, Pane]]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (
            closing(Pane(directory)) as server,
            closing(Pane(directory)) as sonic,
            closing(Pane(directory)) as lanking,
        ):
            yield server, sonic, lanking


def record(ports: tuple[int, int, int] = PORTS) -> Recording:
    """Sonic and lanking chat; sonic's program is killed; what lanking writes waits for its return."""
    port, port_of_sonic, port_of_lanking = ports
    welcome = (*BANNER, f">>> {WELCOME}", f">>> {TABLE}")
    with shells() as panes:
        server, sonic, lanking = panes
        recording = Recording(panes)

        def runs(pane: Pane, arguments: str) -> None:
            pane.types("$", f"python -m superchat {arguments}")
            recording.show(0.8)
            pane.type("\r")

        def says(text: str, *outcome: str) -> None:
            lanking.types(">>>", f"send sonic {text}")
            recording.show(1)
            lanking.type("\r")
            lanking.prints(*outcome)

        runs(server, f"-s {port}")
        listening = f"listening on: localhost : {port}"
        server.shows("Socket created and binded", listening, "Server Mode Start")
        recording.show(1)
        runs(sonic, f"-c sonic localhost {port} {port_of_sonic}")
        sonic.prints(*welcome)
        server.shows("Incoming Registration Request from sonic", "No Offline Message for sonic")
        recording.show(1.5)
        runs(lanking, f"-c lanking localhost {port} {port_of_lanking}")
        lanking.prints(*welcome)
        server.shows("Incoming Registration Request from lanking", "No Offline Message for lanking")
        sonic.prints(f">>> {TABLE}")
        recording.show(1.5)

        says("hi", ">>> [Message received by sonic.]")
        sonic.prints(">>> lanking: hi")
        recording.show(2.5)

        sonic.kill_program()
        sonic.prints(">>> Killed", prompt="$")
        recording.show(2)
        no_ack = ">>> [No ACK from sonic, message sent to server.]"
        says("are you there?", no_ack, SAVED, f">>> {TABLE}")
        server.shows("Incoming Offline Message Request from lanking")
        recording.show(2.5)

        runs(sonic, f"-c sonic localhost {port} {port_of_sonic}")
        stored = sonic.line(r">>> lanking: [-\d]+ [:\d]+ are you there\?")
        sonic.prints(*welcome, ">>> [You Have Messages]", stored)
        server.shows("Incoming Registration Request from sonic")
        lanking.prints(f">>> {TABLE}")
        recording.show(6)
        return recording


def intervals(screens: list[list[str]]) -> Iterator[tuple[int, str, int, int]]:
    """Each line that a screen had: its row, its text, and the steps in which it was there."""
    for row in range(max(map(len, screens))):
        texts = [screen[row] if row < len(screen) else "" for screen in screens]
        start = 0
        for text, steps in groupby(texts):
            stop = start + len(list(steps))
            if text:
                yield row, text, start, stop
            start = stop


def motion(seconds: list[float], spans: set[tuple[int, int]]) -> Iterator[str]:
    """A line is there in its steps; whoever wants no motion, or draws none, has the last step."""
    marks = [0.0, *accumulate(seconds)]
    for start, stop in sorted(spans):
        name = f"s{start}-{stop}"
        still = "visible" if stop == len(seconds) else "hidden"
        shown, gone = (f"{100 * marks[step] / marks[-1]:.2f}%" for step in (start, stop))
        yield (
            f".{name} {{ visibility: {still}; animation: {name} {marks[-1]:g}s step-end infinite }}"
        )
        yield (
            f"@keyframes {name} {{ 0% {{ visibility: hidden }} {shown} {{ visibility: visible }} "
            f"{gone} {{ visibility: hidden }} }}"
        )


def drawn(recording: Recording) -> str:
    wide, narrow = 2 * COLUMNS * WIDTH + 3 * MARGIN, COLUMNS * WIDTH + MARGIN
    upper, lower = (TITLE + rows * HEIGHT + MARGIN for rows in (SERVER_ROWS, CLIENT_ROWS))
    below = upper + 2 * MARGIN
    places = {
        "server": (MARGIN, MARGIN, wide, upper),
        "sonic": (MARGIN, below, narrow, lower),
        "lanking": (narrow + 2 * MARGIN, below, narrow, lower),
    }
    panes, spans = [], set()
    for number, (title, (x, y, width, height)) in enumerate(places.items()):
        left = f"{x + MARGIN:g}"
        panes.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>')
        panes.append(f'<text class="title" x="{left}" y="{y + TITLE - 7:g}">{title}</text>')
        for row, text, start, stop in intervals([screens[number] for screens in recording.screens]):
            spans.add((start, stop))
            base = f"{y + TITLE + (row + 0.8) * HEIGHT:g}"
            line = f'<text class="s{start}-{stop}" x="{left}" y="{base}">{text}</text>'
            panes.append(line)
    body, moves = "\n".join(panes), "\n".join(motion(recording.seconds, spans))
    size = f"{wide + 2 * MARGIN:g} {below + lower + MARGIN:g}"
    return PAGE.format(size=size, moves=moves, body=body)


PAGE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">
<title>A server and two clients: a message, a client that is killed, a message that waits for it</title>
<style>
text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre; fill: #1f2328 }}
rect {{ fill: #f6f8fa; stroke: #d1d9e0 }}
.title {{ fill: #59636e; font-weight: bold }}
.bold {{ font-weight: bold }}
.green {{ fill: #1a7f37 }}
.brown {{ fill: #9a6700 }}
.red {{ fill: #d1242f }}
.blue {{ fill: #0969da }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #f0f6fc }}
rect {{ fill: #151b23; stroke: #3d444d }}
.title {{ fill: #9198a1 }}
.green {{ fill: #3fb950 }}
.brown {{ fill: #d29922 }}
.red {{ fill: #f85149 }}
.blue {{ fill: #4493f8 }}
}}
{moves}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none !important }} }}
</style>
{body}
</svg>
"""

if __name__ == "__main__":
    PICTURE.write_text(drawn(record()))
