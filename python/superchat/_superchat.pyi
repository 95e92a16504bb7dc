from collections.abc import Callable
from concurrent.futures import Future
from os import PathLike
from types import TracebackType
from typing import final

from superchat._limits import Limits
from superchat._types import Delivery, Message, Stats, User
from superchat.events import Address, ClientEvent, ServerEvent

__all__ = ["Client", "Server", "__version__", "log_to_stderr"]

__version__: str

def log_to_stderr(level: str) -> None:
    """Write what servers and clients log to standard error from now on, a line each.

    ``level`` is ``"error"``, ``"warn"``, ``"info"``, ``"debug"`` or ``"trace"``; each has
    what those before it have. Raises ``ValueError`` for another level, and
    ``RuntimeError`` the second time.
    """

@final
class Server:
    """A running server: it keeps who is online where, and stores what cannot be delivered.

    It serves from construction until :meth:`stop`; as a context manager it stops at the
    end of the block. Its callback runs on a thread of its own, or inside :meth:`dispatch` if it
    is ``polled``. Raises ``AddressError``, ``BindError``, ``DirectoryError`` or
    ``LimitError``.
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
        """Where it listens: host and port."""

    def limits(self) -> Limits:
        """What it was started with."""

    def users(self) -> list[User]:
        """Everyone who registered, online or not, by name."""

    def stats(self) -> Stats:
        """What it has counted since the start, and how things stand now."""

    def fileno(self) -> int:
        """The file descriptor of a ``polled`` server, readable while something waits, and after
        the end. Raises ``ValueError`` if it is not polled."""

    def dispatch(self) -> bool:
        """Run the callback of what waits, of a ``polled`` server: here and now.

        False once the server has stopped and nothing more comes. Raises ``ValueError`` if it is
        not polled.
        """

    def stop(self) -> None:
        """Tell everyone online that the server is down, and stop. Safe to call twice."""

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

    It registers when it is made, unless ``register=False``. ``port`` 0 takes any free
    port; without ``host`` it binds to the loopback interface if the server is there, and
    to all interfaces otherwise. Callbacks run one at a time on a thread of the client's own, or
    inside :meth:`dispatch` if the client is ``polled``; they are held until the client is closed,
    so close one whose callbacks refer to its owner. Raises ``AddressError``, ``BindError``, ``NicknameError``, ``NameTakenError``,
    ``RefusedError`` or ``ServerNotRespondingError``.
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
        """The nickname that it is, or was last, registered under."""

    @property
    def address(self) -> Address:
        """Where it listens: host and port."""

    @property
    def registered(self) -> bool:
        """Whether the server holds it online."""

    def register(self, nickname: str | None = None) -> None:
        """Go online, under another nickname if one is given; waits for the server."""

    def post_register(self, nickname: str | None = None) -> Future[None]:
        """Go online without waiting; the future is done when the server has answered."""

    def deregister(self) -> None:
        """Go offline; waits for the server. Messages then wait in the server's mailbox."""

    def post_deregister(self) -> Future[None]:
        """Go offline without waiting; the future is done when the server has answered."""

    def send(self, recipient: str, text: str) -> Delivery:
        """Send a message and wait for what becomes of it."""

    def post(self, recipient: str, text: str) -> Future[Delivery]:
        """Send a message without waiting; the future has what became of it."""

    def users(self) -> list[User]:
        """The table of users as the server last sent it, by name."""

    def stats(self) -> Stats:
        """What it has counted since the start, and how things stand now."""

    def fileno(self) -> int:
        """The file descriptor of a ``polled`` client, readable while something waits, and after
        the end. Raises ``ValueError`` if it is not polled."""

    def dispatch(self) -> bool:
        """Run the callbacks of what waits, and settle futures, of a ``polled`` client: here and now.

        False once the client is closed and nothing more comes. Raises ``ValueError`` if it is not
        polled.
        """

    def pause(self) -> None:
        """Take no more messages of others, of a ``polled`` client, until :meth:`resume`.

        Their senders send them again, or to the server. Raises ``ValueError`` if it is not polled.
        """

    def resume(self) -> None:
        """Take messages of others again. Raises ``ValueError`` if it is not polled."""

    def close(self) -> None:
        """Log off and stop; what is pending fails with ``ClosedError``. Safe to call twice."""

    def __enter__(self) -> Client: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
