"""The lines that a client shows, word for word; what others wrote is made visible."""

from __future__ import annotations

from superchat import Delivery, Message, User, errors
from superchat.cli.reply import Reply
from superchat.cli.visible import visible

BYE = "[You are Offline. Bye.]"
SERVER_DOWN = "[Server is Down!]"
TABLE_UPDATED = "[Client table updated.]"
NOT_RESPONDING = "[Server not responding]"
EXITING = "[Exiting]"
SAVED = "[Messages received by the server and saved]"

# The server's own words were shown as they came, or there is nothing to say.
_SILENT = (
    errors.RefusedError,
    errors.NameTakenError,
    errors.NotRegisteredError,
    errors.ClosedError,
)


def message(heard: Message) -> str:
    """A message: who, when if it had to wait, and what."""
    sender, text = visible(heard.sender), visible(heard.text)
    if heard.sent_at is None:
        return f"{sender}: {text}"
    return f"{sender}: {heard.sent_at.astimezone():%Y-%m-%d %H:%M:%S} {text}"


def unacknowledged(recipient: str) -> str:
    """A direct message was not acknowledged."""
    return f"[No ACK from {visible(recipient)}, message sent to server.]"


def delivered(recipient: str, delivery: Delivery) -> str | None:
    """What became of a message; nothing where the server itself has said it."""
    if delivery is Delivery.RECEIVED:
        return f"[Message received by {visible(recipient)}.]"
    return None


def failed(error: BaseException, recipient: str = "") -> str | None:
    """Why something could not be done, if that is still to be said."""
    if isinstance(error, errors.UnknownUserError):
        return f"[Client {visible(recipient)} Not Existed!]"
    if isinstance(error, _SILENT):
        return None
    return f"[{visible(str(error))}]"


def user(row: User) -> str:
    """Who somebody is, for who takes lines apart."""
    return f"{visible(row.nickname)} {'online' if row.online else 'offline'}"


def replying(reply: Reply) -> str:
    """What happens to lines without a command."""
    if not reply.on:
        return "[Lines without a command are not sent.]"
    if reply.recipient is None:
        return "[Lines without a command go to whom you send to next.]"
    return f"[Lines without a command go to {visible(reply.recipient)}.]"
