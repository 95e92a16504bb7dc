"""A bot that answers: it says back what it is told, until Ctrl+C.

    pip install .
    python examples/bot.py echo localhost 5000
"""

import asyncio
import sys

import superchat
import superchat.aio


def told(event: superchat.events.ClientEvent) -> None:
    """Print what its operator should know."""
    match event:
        case superchat.events.Registered(nickname):
            print(f"registered as {nickname}", flush=True)
        case superchat.events.ServerLost() | superchat.events.ServerDown():
            print("the server is gone", flush=True)


async def answer(bot: superchat.aio.Client, message: superchat.Message) -> None:
    """Say back what somebody wrote; who cannot be answered is not."""
    try:
        await bot.send(message.sender, f"{message.sender} said: {message.text}")
    except superchat.Error as error:
        print(f"not answered: {error!r}", file=sys.stderr)


async def run(nickname: str, server: str, port: int) -> None:
    async with superchat.aio.Client(nickname, server, port, on_event=told) as bot:
        async for message in bot:
            # What the bot says to itself would go round for ever.
            if message.sender != bot.nickname:
                await answer(bot, message)


def main() -> int:
    if len(sys.argv) != 4:
        print(f"usage: {sys.argv[0]} NICKNAME SERVER PORT", file=sys.stderr)
        return 2
    try:
        asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    except superchat.Error as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
