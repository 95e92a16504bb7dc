from collections.abc import Callable
from concurrent.futures import Future
from os import PathLike
from types import TracebackType
from typing import NoReturn, final

from superchat._limits import Limits
from superchat._types import Delivery, Message, Stats, User
from superchat.events import Address, ClientEvent, ServerEvent

__all__ = ["Client", "Server", "__version__", "log_to_stderr"]

__version__: str

def log_to_stderr(level: str) -> None:
    """Write what servers and clients log to standard error from now on, a line each.

    ``level`` is ``"error"``, ``"warn"``, ``"info"``, ``"debug"`` or ``"trace"``; each has what those
    before it have. Raises ``ValueError`` for another level, and ``RuntimeError`` the second time.

    >>> superchat.log_to_stderr("loud")
    Traceback (most recent call last):
    ValueError: "loud" is not error, warn, info, debug or trace
    """

@final
class Server:
    """A running server: it keeps who is online where, and stores what cannot be delivered.

    It serves from construction until ``stop()``, or the end of a ``with`` block. ``port`` 0 takes any
    free port. What waits for users is in ``directory``, which is one server's. ``refuse_classic`` turns
    programs of 2017 away.

    Its callback runs on a thread of its own, or inside ``dispatch()`` if the server is ``polled``. What
    it raises goes to ``sys.unraisablehook``. All methods may be called from any thread, the callback
    included. A child of ``os.fork`` has none of the threads: there a server of the parent raises
    ``ClosedError``, and stopping it does nothing.

    Raises ``AddressError``, ``BindError``, ``DirectoryError`` or ``LimitError``.

    >>> import superchat, tempfile
    >>> with superchat.Server(directory=tempfile.mkdtemp()) as server:
    ...     with superchat.Client("sonic", *server.address):
    ...         [user.nickname for user in server.users() if user.online]
    ['sonic']
    """

    def __new__(
        cls,
        port: int = 0,
        host: str = "localhost",
        *,
        directory: str | PathLike[str] = ".",
        refuse_classic: bool = False,
        limits: Limits | None = None,
        on_event: Callable[[ServerEvent], object] | None = None,
        polled: bool = False,
    ) -> Server: ...
    @property
    def address(self) -> Address:
        """Where it listens: host and port.

        >>> superchat.Client("tails", *server.address).registered
        True
        """

    def limits(self) -> Limits:
        """What it was started with.

        >>> server.limits().users
        65536
        """

    def users(self) -> list[User]:
        """Everyone who registered, online or not, by name.

        >>> [user.nickname for user in server.users()]
        ['lanking', 'sonic']
        """

    def stats(self) -> Stats:
        """What it has counted since the start, and how things stand now.

        >>> server.stats().users_online
        2
        """

    def fileno(self) -> int:
        """The file descriptor of a ``polled`` server, for an event loop to wait on.

        It is readable while something waits for ``dispatch()``, and after the end. Raises ``ValueError`` if
        the server is not polled.

        >>> server.fileno()
        Traceback (most recent call last):
        ValueError: it has a thread for its callbacks: polled=True has none
        """

    def dispatch(self) -> bool:
        """Run the callback of what waits, of a ``polled`` server: here and now.

        False once the server has stopped and nothing more comes. What the callback raises goes to
        ``sys.unraisablehook``; but ``KeyboardInterrupt`` and ``SystemExit`` are raised here, after the other
        events. Raises ``ValueError`` if the server is not polled.

        >>> import select, tempfile
        >>> seen = []
        >>> polled = superchat.Server(directory=tempfile.mkdtemp(), on_event=seen.append, polled=True)
        >>> superchat.Client("tails", *polled.address).close()
        >>> while superchat.events.Offline("tails") not in seen:
        ...     select.select([polled], [], [], 10) and polled.dispatch() and None
        >>> polled.stop()
        """

    def pause(self) -> None:
        """Answer nothing that leads to more events, of a ``polled`` server, until ``resume()``.

        For a program that has moved them to a queue of its own, which is full. Raises ``ValueError`` if the
        server is not polled.

        >>> import tempfile
        >>> polled = superchat.Server(directory=tempfile.mkdtemp(), polled=True)
        >>> polled.pause()
        >>> polled.resume()
        >>> polled.stop()
        """

    def resume(self) -> None:
        """Answer again, after ``pause()``, which has an example. Raises ``ValueError`` if it is not polled."""

    def stop(self) -> None:
        """Tell everyone online that the server is down, and stop. Safe to call twice.

        Who does not answer is waited for a second. Servers that still run are stopped when the interpreter
        exits.

        >>> server.stop()
        """

    def __reduce__(self) -> NoReturn: ...
    def __enter__(self) -> Server: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

@final
class Client:
    """A client of one server, online under one nickname.

    It registers when it is made, unless ``register=False``, and waits for that. ``port`` 0 takes any
    free port; without ``host`` it binds to the loopback interface if the server is there, and to all
    interfaces otherwise. ``close()``, or the end of a ``with`` block, logs it off.

    Callbacks run one at a time, in order, on a thread of the client's own, or inside ``dispatch()`` if
    the client is ``polled``. What they raise goes to ``sys.unraisablehook``, and the next one runs.
    They are held until the client is closed, so close one whose callbacks refer to its owner.

    All methods may be called from any thread, callbacks included. A child of ``os.fork`` has none of
    the threads: there a client of the parent raises ``ClosedError``, and closing it does nothing.

    Raises ``AddressError``, ``BindError``, ``NicknameError``, ``NameTakenError``, ``RefusedError`` or
    ``ServerNotRespondingError``. In the examples ``sonic`` and ``lanking`` are clients of ``server``.

    >>> import queue, superchat, tempfile
    >>> messages = queue.Queue()
    >>> with superchat.Server(directory=tempfile.mkdtemp()) as server:
    ...     host, port = server.address
    ...     with superchat.Client("sonic", host, port, on_message=messages.put) as sonic:
    ...         sonic.send("sonic", "a word to myself")
    ...         messages.get(timeout=10)
    Delivery.RECEIVED
    Message(sender='sonic', text='a word to myself', route=Route.DIRECT)
    """

    def __new__(
        cls,
        nickname: str,
        server: str,
        server_port: int,
        port: int = 0,
        *,
        host: str | None = None,
        register: bool = True,
        on_message: Callable[[Message], object] | None = None,
        on_event: Callable[[ClientEvent], object] | None = None,
        polled: bool = False,
    ) -> Client: ...
    @property
    def nickname(self) -> str:
        """The nickname that it is, or was last, registered under.

        >>> sonic.nickname
        'sonic'
        """

    @property
    def address(self) -> Address:
        """Where it listens: host and port.

        >>> host, port = sonic.address
        >>> host
        '127.0.0.1'
        """

    @property
    def registered(self) -> bool:
        """Whether the server holds it online.

        >>> sonic.registered
        True
        """

    def register(self, nickname: str | None = None) -> None:
        """Go online, under another nickname if one is given; waits for the server.

        Raises ``NicknameError``, ``NameTakenError``, ``RefusedError``, ``ServerNotRespondingError``,
        ``TooManyPendingError`` or ``ClosedError``.

        >>> sonic.register("lanking")
        Traceback (most recent call last):
        superchat.errors.NameTakenError: lanking is already online
        """

    def post_register(self, nickname: str | None = None) -> Future[None]:
        """Go online without waiting; the future is done when the server has answered.

        Raises ``NicknameError``, ``TooManyPendingError`` or ``ClosedError`` at once, the others of
        ``register()`` with the outcome.

        >>> sonic.post_register("knuckles").result(timeout=10)
        >>> sonic.nickname
        'knuckles'
        """

    def deregister(self) -> None:
        """Go offline; waits for the server. Messages then wait in the server's mailbox.

        Raises ``ServerNotRespondingError`` or ``ClosedError``, with which it is offline all the same, or
        ``TooManyPendingError``.

        >>> sonic.deregister()
        >>> lanking.send("sonic", "for later")
        Delivery.STORED
        >>> sonic.register()
        """

    def post_deregister(self) -> Future[None]:
        """Go offline without waiting; the future is done when the server has answered.

        Raises ``TooManyPendingError`` or ``ClosedError`` at once, the other of ``deregister()`` with the
        outcome.

        >>> sonic.post_deregister().result(timeout=10)
        >>> sonic.registered
        False
        """

    def send(self, recipient: str, text: str) -> Delivery:
        """Send a message and wait for what becomes of it.

        That is 500 ms for the recipient's ack, then for the server. Raises ``NicknameError``,
        ``UnknownUserError``, ``NotRegisteredError``, ``TooLongError``, ``TooManyPendingError``,
        ``RefusedError``, ``ServerNotRespondingError`` or ``ClosedError``.

        >>> sonic.send("lanking", "hi")
        Delivery.RECEIVED
        >>> sonic.send("tails", "hi")
        Traceback (most recent call last):
        superchat.errors.UnknownUserError: there is no user tails
        """

    def post(self, recipient: str, text: str) -> Future[Delivery]:
        """Send a message without waiting; the future has what became of it.

        Messages to one recipient come in the order in which they were posted. The future cannot be
        cancelled: what was sent is not taken back. Raises ``NicknameError``, ``ClosedError`` or, where 1024
        futures wait, ``TooManyPendingError`` at once, the others of ``send()`` with the outcome.

        >>> futures = [sonic.post("lanking", text) for text in ("one", "two")]
        >>> [future.result(timeout=10) for future in futures]
        [Delivery.RECEIVED, Delivery.RECEIVED]
        """

    def users(self) -> list[User]:
        """The table of users as the server last sent it, by name.

        >>> sonic.register()
        >>> [(user.nickname, user.online) for user in sonic.users() if user.nickname == "sonic"]
        [('sonic', True)]
        """

    def stats(self) -> Stats:
        """What it has counted since the start, and how things stand now.

        >>> sonic.send("lanking", "hi")
        Delivery.RECEIVED
        >>> sonic.stats().messages_received
        1
        """

    def fileno(self) -> int:
        """The file descriptor of a ``polled`` client, for an event loop to wait on.

        It is readable while something waits for ``dispatch()``, and after the end. Raises ``ValueError`` if
        the client is not polled.

        >>> import select
        >>> polled = superchat.Client("tails", *server.address, polled=True)
        >>> readable, _, _ = select.select([polled.fileno()], [], [], 10)
        >>> readable == [polled.fileno()]
        True
        """

    def dispatch(self) -> bool:
        """Run the callbacks of what waits, and settle futures, of a ``polled`` client: here and now.

        False once the client is closed and nothing more comes. What a callback raises goes to
        ``sys.unraisablehook``; but ``KeyboardInterrupt`` and ``SystemExit`` are raised here, after the other
        callbacks. Raises ``ValueError`` if the client is not polled.

        >>> import select
        >>> polled = superchat.Client("tails", *server.address, polled=True)
        >>> future = polled.post("lanking", "hi")
        >>> while not future.done():
        ...     select.select([polled], [], [], 10) and polled.dispatch() and None
        >>> future.result()
        Delivery.RECEIVED
        """

    def pause(self) -> None:
        """Take no more messages of others, of a ``polled`` client, until ``resume()``.

        For a program that has moved what came to a queue of its own, which is full: their senders send them
        again, or to the server. What the server tells of others waits, too. Raises ``ValueError`` if the client is
        not polled.

        >>> polled = superchat.Client("tails", *server.address, polled=True)
        >>> polled.pause()
        >>> lanking.send("tails", "hi")
        Delivery.STORED
        """

    def resume(self) -> None:
        """Take messages of others again, after ``pause()``. Raises ``ValueError`` if it is not polled.

        >>> polled = superchat.Client("tails", *server.address, polled=True)
        >>> polled.pause()
        >>> polled.resume()
        >>> lanking.send("tails", "hi")
        Delivery.RECEIVED
        """

    def close(self) -> None:
        """Log off and stop; what is pending fails with ``ClosedError``. Safe to call twice.

        A server that does not answer is waited for a second. From inside a callback it does not wait for
        that callback. Clients that are still open are closed when the interpreter exits.

        >>> sonic.close()
        >>> sonic.send("lanking", "hi")
        Traceback (most recent call last):
        superchat.errors.ClosedError: the client is closed
        """

    def __reduce__(self) -> NoReturn: ...
    def __enter__(self) -> Client: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
