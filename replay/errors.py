"""What the harness raises.

ReplayError
└── WrongUse    wrong use or environment: one line on standard error, exit code 2
"""

from __future__ import annotations


class ReplayError(Exception):
    """Root of everything the harness raises on purpose."""


class WrongUse(ReplayError):
    """The command, its input or its surroundings are wrong; the text says what was given, what is wrong, what to do."""
