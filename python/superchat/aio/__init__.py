"""Clients and servers for :mod:`asyncio`: no thread for a call, and none for callbacks.

Messages come by iteration, events to a callback on the loop::

    async with superchat.aio.Client("echo", "localhost", 5000) as client:
        async for message in client:
            await client.send(message.sender, message.text)

What is awaited can be cancelled, and :func:`asyncio.timeout` works. What has been sent is not
taken back by that: nobody asks for its outcome any more. The loop watches one file descriptor for
each client or server; only what may wait for a name, a disk or a thread (opening and closing) is done
in the loop's default executor.
"""

from superchat.aio._client import Client
from superchat.aio._server import Server

__all__ = ["Client", "Server"]
