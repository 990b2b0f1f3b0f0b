"""One file a command; each holds a click command of its own name, listed in `replay.cli.COMMANDS`."""
