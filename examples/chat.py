"""A chat client: sends each line "NAME TEXT" of its standard input, prints what comes.

    pip install .
    python examples/chat.py lanking localhost 5000
"""

import sys

import superchat


def visible(text: str) -> str:
    """What others wrote, without what a terminal would obey: it is spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(line: str) -> None:
    """Print a line at once, whole: two threads do."""
    print(line + "\n", end="", flush=True)


def main() -> int:
    if len(sys.argv) != 4:
        print(f"usage: {sys.argv[0]} NICKNAME SERVER PORT", file=sys.stderr)
        return 2
    nickname, server, port = sys.argv[1], sys.argv[2], int(sys.argv[3])

    def show(message: superchat.Message) -> None:
        say(f"{message.sender}: {visible(message.text)}")

    def told(event: superchat.events.ClientEvent) -> None:
        # Before the messages that waited.
        if isinstance(event, superchat.events.Registered):
            say(f"registered as {event.nickname}")

    try:
        client = superchat.Client(nickname, server, port, on_message=show, on_event=told)
    except superchat.Error as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 1
    with client:
        for line in sys.stdin:
            recipient, _, text = line.rstrip("\n").partition(" ")
            try:
                delivery = client.send(recipient, text)
                by = "the server" if delivery is superchat.Delivery.STORED else recipient
                say(f"[{delivery.value} by {by}]")
            except superchat.Error as error:
                say(f"[{visible(str(error))}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
