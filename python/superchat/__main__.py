"""``python -m superchat``: a server or a client on the command line."""

import sys


def main() -> int:
    """Run what the command line says; the result is the exit status."""
    from superchat.cli import signals

    # From here on Ctrl+C waits until there is something to log off or to stop; so this comes before
    # the rest is even loaded.
    signals.hold()

    import superchat
    from superchat.cli import arguments, client, output, server
    from superchat.cli.visible import visible

    output.use_utf8()
    try:
        told = arguments.parse(sys.argv)
        if told.log is not None:
            superchat.log_to_stderr(told.log)
        if isinstance(told, arguments.ServerArguments):
            return server.run(told)
        return client.run(told)
    except superchat.Error as error:
        print(f"superchat: {visible(str(error))}", file=sys.stderr)
        return 1
    except output.Gone:
        # There is nobody to log off yet.
        return 0


if __name__ == "__main__":
    sys.exit(main())
