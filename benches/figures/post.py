"""Posts messages through the Python module, so many under way at a time.

For each number of milliseconds on a line of its input, it posts for so long and says how many messages it posted
and how many seconds that took, to the last outcome.
"""

import sys
import time
from collections import deque

import superchat


def main(server: str, window: int) -> None:
    host, port = server.rsplit(":", 1)
    text = "x" * 100
    with superchat.Client("sender-python", host, int(port)) as client:
        print("ready", flush=True)
        for line in sys.stdin:
            begin = time.perf_counter()
            end = begin + float(line) / 1e3
            pending, posted = deque(), 0
            while time.perf_counter() < end:
                if len(pending) == window:
                    assert pending.popleft().result() is superchat.Delivery.RECEIVED
                pending.append(client.post("receiver", text))
                posted += 1
            for future in pending:
                assert future.result() is superchat.Delivery.RECEIVED
            print(posted, time.perf_counter() - begin, flush=True)


main(sys.argv[1], int(sys.argv[2]))
