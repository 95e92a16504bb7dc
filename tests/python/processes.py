"""Real processes under test: on a pipe, or on a terminal that pyte draws.

What a process has shown is compared as a whole, so a line too many fails like
a line too few; it is compared where the process has nothing more to say. Every
wait ends as soon as what it waits for is there; the deadline only bounds a failure.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, BinaryIO

import pyte

DEADLINE = 20.0
ROWS, COLUMNS = 50, 120

# fcntl has a name for it from Python 3.10 on, on most builds.
F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)

WELCOME = "[Welcome, You are registered.]"
TABLE = "[Client table updated.]"
SAVED = "[Messages received by the server and saved]"
BYE = "[You are Offline. Bye.]"
DOWN = "[Server is Down!]"
HEADING = "NAME     STATUS   LAST SEEN"
BANNER = ("Socket created and binded", "Client Mode Start")


def superchat(*arguments: object) -> list[str]:
    """The command that is under test."""
    return [sys.executable, "-m", "superchat", *map(str, arguments)]


def free_port() -> int:
    """A port that nobody has, of those that the program takes."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if 1024 <= port <= 65535:
            return port


class Watched:
    """What comes out of a file descriptor, as it comes."""

    def __init__(self, source: int, take: Callable[[bytes], None]) -> None:
        self._source, self._take = source, take
        self._stopped = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, seen: Callable[[], bool]) -> None:
        """Return when it is seen, or when the deadline has passed."""
        with self._changed:
            self._changed.wait_for(seen, DEADLINE)

    def join(self) -> None:
        """Wait until all has come that will come."""
        self._reader.join(DEADLINE)

    def stop(self) -> None:
        """Read no more, so that the file can be closed."""
        self._stopped = True
        self.join()

    def _read(self) -> None:
        while data := self._some():
            with self._changed:
                self._take(data)
                self._changed.notify_all()

    def _some(self) -> bytes:
        """The next bytes; none at the end, or when it is stopped."""
        while not select.select([self._source], [], [], 0.1)[0]:
            if self._stopped:
                return b""
        try:
            return os.read(self._source, 65536)
        except OSError:  # how a terminal without a process reads
            return b""


class Process:
    """A process that a test has started, and that ends with the test."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen

    def interrupt(self) -> None:
        self.popen.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Leave it no chance to say goodbye."""
        self.popen.kill()
        self.popen.wait(DEADLINE)

    def status(self) -> int:
        """Wait for its end."""
        return self.popen.wait(DEADLINE)

    def close(self) -> None:
        self.kill()


class Piped(Process):
    """A process with pipes for its standard input, output and errors."""

    def __init__(
        self, command: Sequence[str], directory: Path, source: IO[str] | int = subprocess.PIPE
    ) -> None:
        pipe = subprocess.PIPE
        super().__init__(
            subprocess.Popen(command, stdin=source, stdout=pipe, stderr=pipe, cwd=directory)
        )
        self._out, self._err = bytearray(), bytearray()
        self._stdout = Watched(self._file("stdout").fileno(), self._out.extend)
        self._stderr = Watched(self._file("stderr").fileno(), self._err.extend)
        self._expected = ""

    @property
    def stdout(self) -> str:
        return self._out.decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self._err.decode(errors="replace")

    def enter(self, line: str) -> None:
        self._file("stdin").write(line.encode() + b"\n")
        self._file("stdin").flush()

    def end_input(self) -> None:
        self._file("stdin").close()

    def shows(self, text: str) -> None:
        """This and nothing else came since the last time it was asked."""
        self._expected += text
        self._stdout.until(lambda: self.stdout == self._expected)
        assert self.stdout == self._expected

    def until(self, text: str) -> None:
        """Wait until this is somewhere in what came."""
        self._stdout.until(lambda: text in self.stdout)
        assert text in self.stdout

    def ends(self, text: str, status: int = 0) -> None:
        """This was the last that came, with nothing on standard error."""
        self.shows(text)
        assert (self.status(), self.all_errors()) == (status, "")
        assert self.all_output() == self._expected

    def stop_reading(self) -> None:
        """Let what it writes find no reader."""
        self._stdout.stop()
        self._file("stdout").close()

    def stall(self) -> None:
        """Let what it writes find a reader who does not read, as a paused pager."""
        for name, watched in (("stdout", self._stdout), ("stderr", self._stderr)):
            fcntl.fcntl(self._file(name), F_SETPIPE_SZ, 4096)
            watched.stop()

    def all_output(self) -> str:
        self._stdout.join()
        return self.stdout

    def all_errors(self) -> str:
        self._stderr.join()
        return self.stderr

    def close(self) -> None:
        super().close()
        self._stdout.join()
        self._stderr.join()
        for file in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if file is not None:
                file.close()

    def _file(self, name: str) -> BinaryIO:
        file: BinaryIO = getattr(self.popen, name)
        return file


class PipedServer(Piped):
    """A server; what it shows is lines."""

    def prints(self, *lines: str) -> None:
        self.shows("".join(line + "\n" for line in lines))


class PipedClient(Piped):
    """A client; what it shows is lines, each with the next prompt ahead."""

    def prints(self, *lines: str) -> None:
        self.shows("".join(line + "\n>>> " for line in lines))

    def starts(self) -> None:
        """The banner comes first; the next look at the output includes it."""
        self._expected = "\n".join(BANNER) + "\n>>> "

    def registers(self) -> None:
        self.prints(WELCOME, TABLE)


# A program that makes its standard input its controlling terminal and becomes another.
_ADOPT = """\
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal(Process):
    """A process on a pseudo-terminal."""

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        *,
        columns: int = COLUMNS,
        term: str = "xterm-256color",
        no_color: str = "",
    ) -> None:
        self._screen = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = bytearray()
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        super().__init__(
            subprocess.Popen(
                [sys.executable, "-ISc", _ADOPT, *command],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=directory,
                env={**os.environ, "TERM": term, "NO_COLOR": no_color},
                start_new_session=True,
            )
        )
        os.close(slave)
        self._watched = Watched(self._master, self._take)
        self._hung_up = False
        self._lines: list[str] = []

    @property
    def screen(self) -> list[str]:
        """The lines that are not empty, without white space at their ends."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def enter(self, line: str) -> None:
        """Type a line; it stays on the screen."""
        self.type(line + "\r")
        self._lines.append(f">>> {line}".rstrip())

    def prints(self, *lines: str, prompt: str = ">>>") -> None:
        """The screen is what it was and these lines, then the live prompt."""
        self._lines += lines
        self._is([*self._lines, prompt])

    def starts(self) -> None:
        """The banner comes first; the next look at the screen includes it."""
        self._lines += BANNER

    def registers(self) -> None:
        self.prints(f">>> {WELCOME}", f">>> {TABLE}")

    def shows(self, *lines: str) -> None:
        """The screen is what it was and these lines, and no prompt."""
        self._lines += lines
        self._is(self._lines)

    def until(self, line: str) -> None:
        """Wait until this line is somewhere on the screen."""
        self._watched.until(lambda: line in self.screen)
        assert line in self.screen

    def ends(self, *lines: str, status: int = 0) -> None:
        """These were the last lines, and no prompt is left."""
        assert self.status() == status
        self.shows(*lines)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        self._watched.stop()
        os.close(self._master)
        self._hung_up = True

    def close(self) -> None:
        super().close()
        self._watched.join()
        if not self._hung_up:
            os.close(self._master)

    def _take(self, data: bytes) -> None:
        self.raw += data
        self._stream.feed(data)

    def _is(self, expected: list[str]) -> None:
        self._watched.until(lambda: self.screen == expected)
        assert self.screen == expected
