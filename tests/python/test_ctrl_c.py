"""Leaving: at any moment, at once, with one goodbye, status 0, and no traceback.

Each moment is tried with a signal on a pipe and with the key on a terminal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import superchat
from processes import BYE, DEADLINE, DOWN, TABLE, Piped, PipedServer, Terminal
from world import World, eventually

CTRL_C, CTRL_D = "\x03", "\x04"

# A second for the server to answer, and the end of an interpreter on a busy machine. What is not at
# once takes until the deadline.
AT_ONCE = 8.0


def freeze(server: PipedServer) -> None:
    """From now on the server answers nobody."""
    server.popen.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(server.popen.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


def is_stuck_in_a_write(process: Piped) -> bool:
    """Whether its main thread sleeps in a write to a pipe, where the kernel tells in what."""
    own = Path(f"/proc/{process.popen.pid}")
    state = (own / "stat").read_text().rpartition(")")[2].split()[0]
    where = (own / "wchan").read_text()
    return state == "S" and (where == "0" or "pipe" in where)


def test_signal_while_registering_at_a_dead_port(world: World) -> None:
    sonic = world.client("sonic")
    sonic.prints()
    begun = time.monotonic()
    sonic.interrupt()
    sonic.ends(f"{BYE}\n")
    assert time.monotonic() - begun < AT_ONCE


def test_key_while_registering_at_a_dead_port(world: World) -> None:
    sonic = world.terminal_client("sonic")
    sonic.prints()
    begun = time.monotonic()
    sonic.type(CTRL_C)
    sonic.ends(f">>> {BYE}")
    assert time.monotonic() - begun < AT_ONCE


def test_signal_before_it_has_started(world: World) -> None:
    world.server()
    sonic = world.client("sonic")
    sonic.until("Socket created")
    sonic.interrupt()
    assert sonic.status() == 0
    assert sonic.all_errors() == ""
    assert sonic.stdout.count(BYE) == 1
    assert sonic.stdout.endswith(f"{BYE}\n")


def test_signal_while_idle(world: World) -> None:
    server = world.server()
    sonic = world.online("sonic")
    sonic.interrupt()
    sonic.ends(f"{BYE}\n")
    server.until("Incoming De-reg Request from sonic\n")


def test_key_while_idle(world: World) -> None:
    server = world.server()
    sonic = world.terminal("sonic")
    sonic.type(CTRL_C)
    sonic.ends(f">>> {BYE}")
    server.until("Incoming De-reg Request from sonic\n")


def test_key_at_a_half_typed_line(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.type("send lanki")
    sonic.prints(prompt=">>> send lanki")
    sonic.type(CTRL_C)
    sonic.ends(f">>> {BYE}")


def test_signal_at_a_half_typed_line(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.type("send lanki")
    sonic.prints(prompt=">>> send lanki")
    sonic.interrupt()
    sonic.ends(f">>> {BYE}")


def test_terminate_is_the_same(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.terminal("lanking")
    sonic.prints(TABLE)
    lanking.popen.terminate()
    lanking.ends(f">>> {BYE}")
    sonic.prints(TABLE)
    sonic.popen.terminate()
    sonic.ends(f"{BYE}\n")


def test_the_terminal_goes_away(world: World) -> None:
    server = world.server()
    sonic = world.terminal("sonic")
    sonic.hang_up()
    server.until("Incoming De-reg Request from sonic\n")
    assert sonic.status() == 0


def test_signal_while_a_send_to_a_killed_peer_waits(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.online("lanking")
    sonic.kill()
    lanking.enter("send sonic hi")
    lanking.interrupt()
    assert lanking.status() == 0
    assert lanking.all_errors() == ""
    assert lanking.stdout.count(BYE) == 1


def test_key_while_a_send_to_a_killed_peer_waits(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.terminal("lanking")
    sonic.kill()
    lanking.type("send sonic hi\r" + CTRL_C)
    assert lanking.status() == 0
    lanking.until(f">>> {BYE}")
    assert "Traceback" not in "".join(lanking.screen)


def test_signal_while_a_send_waits_for_the_server(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.online("sonic")
    lanking = world.online("lanking")
    sonic.kill()
    freeze(server)
    lanking.enter("send sonic hi")
    lanking.shows("[No ACK from sonic, message sent to server.]\n")
    lanking.interrupt()
    lanking.ends(f"{BYE}\n")


# The goodbye of a log-off that is still under way would count for the leaving too;
# a command that was run after it shows that it is over.


def test_signal_while_offline(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.enter("dereg")
    sonic.enter("over?")
    sonic.prints(BYE, "[Unknown Command, try help]")
    sonic.interrupt()
    sonic.ends(f"{BYE}\n")


def test_key_while_offline(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.enter("dereg")
    sonic.prints(f">>> {BYE}")
    sonic.enter("over?")
    sonic.prints(">>> [Unknown Command, try help]")
    sonic.type(CTRL_C)
    sonic.ends(f">>> {BYE}")


def test_signal_while_deregistering(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.online("sonic")
    freeze(server)
    sonic.enter("dereg")
    sonic.interrupt()
    sonic.ends(f"{BYE}\n")


def test_key_while_deregistering(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.terminal("sonic")
    freeze(server)
    sonic.enter("dereg")
    sonic.prints()
    sonic.type(CTRL_C)
    sonic.ends(f">>> {BYE}")


def test_signals_while_leaving_change_nothing(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.online("sonic")
    freeze(server)
    for _ in range(3):
        sonic.interrupt()
        time.sleep(0.05)
    sonic.ends(f"{BYE}\n")


def test_keys_while_leaving_change_nothing(world: World) -> None:
    server = world.server("--quiet")
    sonic = world.terminal("sonic")
    freeze(server)
    sonic.type(CTRL_C * 3)
    sonic.ends(f">>> {BYE}")


@pytest.mark.parametrize("offline", [False, True])
def test_end_of_input_on_a_pipe(world: World, offline: bool) -> None:
    world.server()
    sonic = world.online("sonic")
    if offline:
        sonic.enter("dereg")
        sonic.prints(BYE)
    sonic.end_input()
    sonic.ends(f"{BYE}\n")


def test_end_of_input_on_a_terminal(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.type(CTRL_D)
    sonic.ends(f">>> {BYE}")


def test_quit(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    lanking = world.online("lanking")
    sonic.prints(f">>> {TABLE}")
    sonic.enter("quit")
    sonic.ends(f">>> {BYE}")
    lanking.prints(TABLE)
    lanking.enter("quit")
    lanking.ends(f"{BYE}\n")


def test_nobody_reads_standard_output_any_more(world: World) -> None:
    server = world.server()
    sonic = world.online("sonic")
    sonic.stop_reading()
    world.client("lanking")
    server.until("Incoming De-reg Request from sonic\n")
    assert (sonic.status(), sonic.all_errors()) == (0, "")


def test_server_outlives_the_reader_of_its_output(world: World) -> None:
    server = world.server()
    server.stop_reading()
    sonic = world.online("sonic")
    sonic.enter("send sonic me")
    sonic.until("[Message received by sonic.]")
    server.interrupt()
    assert (server.status(), server.all_errors()) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_at_the_server(world: World, number: signal.Signals) -> None:
    server = world.server("--quiet")
    sonic = world.online("sonic")
    lanking = world.terminal("lanking")
    sonic.prints(TABLE)
    server.popen.send_signal(number)
    sonic.ends(f"{DOWN}\n", status=1)
    lanking.ends(f">>> {DOWN}", status=1)
    server.ends("")


def test_key_at_the_server(world: World) -> None:
    server = world.run(Terminal, "-s", world.port, "--quiet")
    server.until("Server Mode Start")
    sonic = world.online("sonic")
    server.type(CTRL_C)
    sonic.ends(f"{DOWN}\n", status=1)
    assert server.status() == 0
    assert "Traceback" not in "".join(server.screen)


def test_server_that_nobody_uses(world: World) -> None:
    server = world.server()
    server.interrupt()
    server.ends("")


def test_signal_at_a_server_whose_output_nobody_reads(world: World) -> None:
    server = world.server()
    server.stall()
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.settimeout(DEADLINE)
    # Far more lines than the pipe takes; each is answered all the same.
    for number in range(300):
        request = b'{"Type": "Reg", "Nickname": "user%d"}' % number
        peer.sendto(request, ("127.0.0.1", world.port))
        while peer.recv(4096) != b'{"Type":"ack"}':
            pass
    peer.close()
    server.interrupt()
    assert server.status() == 0


def test_signal_at_a_server_whose_complaints_nobody_reads(world: World) -> None:
    (world.directory / "sonic").mkdir()
    server = world.server()
    server.stall()
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.settimeout(DEADLINE)
    for _ in range(300):
        # A mailbox that is a folder: a complaint for each.
        peer.sendto(b'{"Type": "Reg", "Nickname": "sonic"}', ("127.0.0.1", world.port))
        while b"Table" not in (datagram := peer.recv(4096)):
            if b"ack" not in datagram:
                peer.sendto(b'{"Type": "ack"}', ("127.0.0.1", world.port))
        peer.sendto(b'{"Type": "ack"}', ("127.0.0.1", world.port))
    peer.close()
    server.interrupt()
    assert server.status() == 0


def test_signal_at_a_client_whose_output_nobody_reads(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    sonic.stall()
    with superchat.Client("lanking", "localhost", world.port) as lanking:
        # Shown to nobody, so that at some point the next one waits.
        futures = [lanking.post("sonic", "x" * 1000) for _ in range(8)]
        for future in futures:
            future.result(DEADLINE)
    # A key that is pressed in the first moment of a line may let that line wait.
    assert eventually(lambda: is_stuck_in_a_write(sonic))
    begun = time.monotonic()
    while sonic.popen.poll() is None and time.monotonic() - begun < AT_ONCE:
        sonic.interrupt()
        with contextlib.suppress(subprocess.TimeoutExpired):
            sonic.popen.wait(0.25)
    assert sonic.popen.returncode == 0
