"""What can go wrong, one class for each cause, all of them :class:`Error`.

Where a built-in exception fits, the class also derives from that, so that code
which knows nothing of superchat can catch it. The text of an exception is one
line that names the thing that is wrong.
"""


class Error(Exception):
    """Base of every exception that superchat raises."""


class AddressError(Error, ValueError):
    """A host name or port does not lead to an address."""


class BindError(Error, OSError):
    """The socket could not be bound, for example because the port is in use."""


class DirectoryError(Error, OSError):
    """The directory of a server cannot be written, or belongs to another server."""


class LimitError(Error, ValueError):
    """A limit of a server is out of its range; the text names it."""


class NicknameError(Error, ValueError):
    """A nickname is not allowed.

    It has 1 to 64 characters, none of them white space, control or invisible characters, and begins
    neither with ``[`` nor with ``>``.
    """


class NameTakenError(Error, ConnectionError):
    """Somebody else is online under that nickname."""


class NotRegisteredError(Error, ConnectionError):
    """The client is offline; register first."""


class UnknownUserError(Error, LookupError):
    """Nobody has ever registered under that nickname."""


class TooLongError(Error, ValueError):
    """The message does not fit the datagram that the recipient can take."""


class RefusedError(Error):
    """The server refused the request; the text is its own."""


class ServerNotRespondingError(Error, TimeoutError):
    """The server did not answer five tries, 500 ms apart, or said that it goes down."""


class TooManyPendingError(Error, RuntimeError):
    """Too many calls wait for their outcome: 1024 messages, 16 registrations, or 1024 futures."""


class ClosedError(Error, ConnectionError):
    """The client is closed, or was closed before the outcome was known.

    So it is, too, with a client or server of the process that forked this one, and with all of them once
    the interpreter exits.
    """
