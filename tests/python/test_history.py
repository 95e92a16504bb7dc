"""What was entered, kept across runs in a file that somebody named for it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from processes import Terminal
from prompt_toolkit.history import FileHistory
from world import World

from superchat.cli import history
from superchat.cli.history import HistoryError

UP, CTRL_D = "\x1b[A", "\x04"


def entries(path: Path) -> list[str]:
    return list(FileHistory(str(path)).load_history_strings())[::-1]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_there_in_the_next_run(world: World) -> None:
    world.server()
    for line in ("send robotnik hi", "send eggman hi"):
        sonic = world.terminal("sonic", "--history", "history")
        sonic.enter(line)
        sonic.until(f">>> [Client {line.split()[1]} Not Existed!]")
        sonic.type(CTRL_D)
        assert sonic.status() == 0
    sonic = world.terminal("sonic", "--history", "history")
    sonic.type(UP + UP)
    sonic.prints(prompt=">>> send robotnik hi")
    assert mode(world.directory / "history") == 0o600


def test_without_the_option_nothing_is_kept(world: World) -> None:
    world.server("--directory", world.directory)
    before = sorted(world.directory.iterdir())
    sonic = world.terminal("sonic")
    sonic.enter("send robotnik hi")
    sonic.prints(">>> [Client robotnik Not Existed!]")
    sonic.type(CTRL_D)
    assert sonic.status() == 0
    assert sorted(world.directory.iterdir()) == before


def test_a_pipe_keeps_nothing(world: World) -> None:
    world.server()
    sonic = world.client("sonic", None, "--history", "history")
    sonic.registers()
    assert not (world.directory / "history").exists()


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.touch()
    path.chmod(0o644)
    history.opened(str(path))
    assert mode(path) == 0o600


def test_what_begins_with_a_blank_or_is_too_long_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "history"
    kept = history.opened(str(path))
    for line in (" send sonic secret", "send sonic hi", "x" * 4096, "x" * 4097):
        kept.append_string(line)
    assert entries(path) == ["send sonic hi", "x" * 4096]


@pytest.mark.parametrize(("count", "left"), [(1000, 1000), (1001, 1000), (3000, 1000)])
def test_it_is_bounded(tmp_path: Path, count: int, left: int) -> None:
    path = tmp_path / "history"
    kept = history.opened(str(path))
    lines = [f"send sonic {number}" for number in range(count)]
    for line in lines:
        kept.append_string(line)
    history.opened(str(path))
    assert entries(path) == lines[-left:]
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_no_reason_to_stop(tmp_path: Path) -> None:
    kept = history.opened(str(tmp_path / "history"))
    (tmp_path / "history").unlink()
    tmp_path.rmdir()
    kept.append_string("send sonic hi")
    assert kept.get_strings() == ["send sonic hi"]


def test_what_is_no_history_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.write_text("milk\n" * 2000)
    notes.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (notes, link, pipe, tmp_path, tmp_path / "nowhere" / "history"):
        with pytest.raises(HistoryError, match=str(path)):
            history.opened(str(path))
    assert (notes.read_text(), mode(notes)) == ("milk\n" * 2000, 0o644)
    assert not (tmp_path / "elsewhere").exists()


def test_the_program_says_so_before_it_does_anything(world: World) -> None:
    (world.directory / "notes").write_text("milk\n")
    sonic = world.run(Terminal, "--history", "notes", "-c", "sonic", "localhost", 5000, 1211)
    sonic.ends(
        "superchat: 'notes' is no history, or has more than 16 MiB: name another file", status=1
    )
