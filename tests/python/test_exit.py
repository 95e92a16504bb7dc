"""Interpreters that leave in whatever way, with endpoints open and callbacks in flight.

``SUPERCHAT_EXITS`` says how many (200), ``SUPERCHAT_EXIT_SEED`` which is the first (0).
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import superchat

LEAVE = Path(__file__).with_name("leave.py")

EXITS = int(os.environ.get("SUPERCHAT_EXITS", "200"))
FIRST = int(os.environ.get("SUPERCHAT_EXIT_SEED", "0"))

# The machine has fewer processors; but most of the time they wait for each other.
AT_A_TIME = 4

# What has not left by then never does.
HANGS = 60.0

# The exit status of each way, and how what it writes to standard error ends, if it writes anything.
WAYS = {
    "returns": (0, ""),
    "exits": (3, ""),
    "raises": (1, "ValueError: ('leaving', True)\n"),
    "sigint": (-2, "KeyboardInterrupt\n"),
    "sigterm": (-15, ""),
    "daemons": (0, ""),
    "opening": (0, ""),
    "a_server": (0, ""),
    "polled": (0, ""),
    "from_a_polled_callback": (5, ""),
    "from_a_callback": (-2, "KeyboardInterrupt\n"),
    "callback_exits": (0, ""),
    "slow_callbacks": (0, ""),
    "at_exit": (0, ""),
    "forks": (0, ""),
    "in_a_loop": (7, ""),
    "with_an_open_loop": (0, ""),
    "ctrl_c_in_a_loop": (-2, "KeyboardInterrupt\n"),
    "tasks_in_a_loop": (0, ""),
}


def fault(seed: int, server: superchat.Server) -> str | None:
    """What is wrong with how the interpreter of this seed leaves."""
    way = list(WAYS)[seed % len(WAYS)]
    status, ending = WAYS[way]
    host, port = server.address
    command = [sys.executable, str(LEAVE), way, str(seed), host, str(port)]
    name = f"SUPERCHAT_EXITS=1 SUPERCHAT_EXIT_SEED={seed} ({way})"
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
    except subprocess.TimeoutExpired as hang:
        return f"{name} hangs: {hang.stdout!r} {hang.stderr!r}"
    written = run.stderr.endswith(ending) if ending else not run.stderr
    if run.returncode == status and run.stdout == "leaving\n" and written:
        return None
    return f"{name} left with {run.returncode}: {run.stdout!r}\n{run.stderr}"


def test_interpreters_leave_with_endpoints_open_and_callbacks_in_flight(tmp_path: Path) -> None:
    with superchat.Server(directory=tmp_path) as server, ThreadPoolExecutor(AT_A_TIME) as pool:
        seeds = range(FIRST, FIRST + EXITS)
        faults = [fault for fault in pool.map(lambda seed: fault(seed, server), seeds) if fault]
    assert not faults, "\n".join(faults)
