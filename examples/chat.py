"""A chat client: sends each line "NAME TEXT" of its standard input, prints what comes.

    pip install .
    python examples/chat.py lanking localhost 5000
"""

import sys

import superchat


def visible(text: str) -> str:
    """What others wrote, without what a terminal would obey: it is spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def main() -> int:
    if len(sys.argv) != 4:
        print(f"usage: {sys.argv[0]} NICKNAME SERVER PORT", file=sys.stderr)
        return 2
    nickname, server, port = sys.argv[1], sys.argv[2], int(sys.argv[3])

    def show(message: superchat.Message) -> None:
        print(f"{message.sender}: {visible(message.text)}", flush=True)

    try:
        client = superchat.Client(nickname, server, port, on_message=show)
    except superchat.Error as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 1
    with client:
        print(f"registered as {nickname}", flush=True)
        for line in sys.stdin:
            recipient, _, text = line.rstrip("\n").partition(" ")
            try:
                delivery = client.send(recipient, text)
                by = "the server" if delivery is superchat.Delivery.STORED else recipient
                print(f"[{delivery.value} by {by}]", flush=True)
            except superchat.Error as error:
                print(f"[{visible(str(error))}]", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
