"""A client's stay, from its first line to its last.

Everything here runs on the loop's thread. Others only hand things to it: the
client's thread what it has heard, one at a time and waiting until it is on the
screen; the signals, that it is time to leave. So nothing is shown twice or out
of order, and when the client is closed nothing more can come.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import TypeVar

import superchat
from superchat import Delivery, Message, errors, events
from superchat.cli import signals, wording
from superchat.cli.arguments import ClientArguments
from superchat.cli.output import Gone
from superchat.cli.reply import Reply
from superchat.cli.view import View
from superchat.cli.visible import visible

Heard = TypeVar("Heard")

# More are not looked for.
_OWN_NAMES = 8


class Session:
    """One client and one view, until :meth:`leave`."""

    def __init__(self, arguments: ClientArguments, open_view: Callable[[Session], View]) -> None:
        self._loop = asyncio.get_running_loop()
        self._status: asyncio.Future[int] = self._loop.create_future()
        self._deregistering = False
        self._owes_bye = False
        self.reply = Reply(arguments.reply)
        self.own_names = [arguments.nickname]
        """Whom the client has been, or tried to be, the last one first."""
        self.client = superchat.Client(
            arguments.nickname,
            arguments.server,
            arguments.server_port,
            arguments.port,
            host=arguments.host,
            register=False,
            on_message=self._on_loop(lambda message: self.view.message(message)),
            on_event=self._on_loop(self._event),
        )
        self.view: View = open_view(self)

    async def run(self, talking: Coroutine[None, None, None]) -> int:
        """Talk until it is over or somebody leaves; the result is the exit status."""
        with signals.handled(self._loop, self.leave):
            task = self._loop.create_task(talking)
            task.add_done_callback(lambda _: self.leave())
            status = await self._status
            task.cancel()
            # Here, so that Ctrl+C while it logs off finds the loop running.
            await asyncio.to_thread(self.client.close)
            if status == 0 and self._owes_bye:
                self.view.farewell()
            with contextlib.suppress(Gone):
                await self.view.close(status)
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return status

    @property
    def leaving(self) -> bool:
        """Whether the end has begun; the first cause decides the status."""
        return self._status.done()

    def leave(self, status: int = 0) -> None:
        """Begin the end: the client logs off and the program exits."""
        if self.leaving:
            return
        self._status.set_result(status)
        # A log-off that is under way says goodbye, or has just said it.
        if not self._deregistering:
            self._owes_bye = True

    async def read(self) -> str | None:
        """The next command that was entered; ``None`` when it is over."""
        return None if self.leaving else await self.view.read()

    async def register(self, nickname: str | None = None) -> None:
        """Go online, and wait until the server's answer is said."""
        if nickname is not None:
            self.own_names = [nickname, *(name for name in self.own_names if name != nickname)]
            del self.own_names[_OWN_NAMES:]
        await self._ask(lambda: self.client.post_register(nickname))

    async def deregister(self) -> None:
        """Go offline, and wait until the server's answer is said."""
        self._deregistering = self._owes_bye = True
        await self._ask(self.client.post_deregister)
        self._deregistering = False

    async def send(self, recipient: str, text: str) -> None:
        """Send a message, and wait until what became of it is said."""
        shown = asyncio.Event()

        def outcome(future: Future[Delivery]) -> None:
            self._outcome(recipient, future)
            shown.set()

        try:
            posted = self.client.post(recipient, text)
        except superchat.Error as error:
            self.unsent(error, recipient)
        else:
            posted.add_done_callback(
                lambda future: self._loop.call_soon_threadsafe(outcome, future)
            )
            await shown.wait()

    async def _ask(self, post: Callable[[], Future[None]]) -> None:
        """Make a request. Its future is done after the events that come with the answer."""
        try:
            await asyncio.wrap_future(post())
        except superchat.Error as error:
            self._failed(error)
        else:
            self.view.done()

    def _outcome(self, recipient: str, future: Future[Delivery]) -> None:
        error = future.exception()
        if error is not None:
            self.unsent(error, recipient)
        else:
            # Before it is said: a prompt follows.
            self.reply.sent(delivered=True)
            self.view.delivered(recipient, future.result())

    def unsent(self, error: BaseException, recipient: str) -> None:
        """Say why a message reached nobody."""
        self.reply.sent(delivered=False)
        self._failed(error, recipient)

    def _failed(self, error: BaseException, recipient: str = "") -> None:
        lost = isinstance(error, errors.ServerNotRespondingError)
        if not (lost and self.leaving):
            self.view.failed(error, recipient)
        if lost:
            self.leave(1)

    def _on_loop(self, handle: Callable[[Heard], None]) -> Callable[[Heard], None]:
        """A callback for the client's thread that returns when the loop has handled it.

        The wait is what slows the senders down to what the screen can take.
        """

        async def handled(heard: Heard) -> None:
            handle(heard)

        return lambda heard: asyncio.run_coroutine_threadsafe(handled(heard), self._loop).result()

    def _event(self, event: events.ClientEvent) -> None:
        last = False
        if isinstance(event, events.Notification):
            bye = event.text == wording.BYE
            if bye:
                self._owes_bye = False
            # The server's last line has an event of its own, which comes next.
            last = event.text == wording.SERVER_DOWN or (bye and self.leaving)
        self.view.event(event, last=last)
        if isinstance(event, events.ServerDown):
            self.leave(1)

    def names(self) -> Sequence[str]:
        """The names that can be shown as they are, of those who are online first."""
        users = sorted(self.client.users(), key=lambda user: (not user.online, user.nickname))
        return [user.nickname for user in users if visible(user.nickname) == user.nickname]
