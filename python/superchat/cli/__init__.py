"""The command line: one program that is a server or a client."""
