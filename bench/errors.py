"""What ends the bench early."""

from __future__ import annotations


class BenchError(Exception):
    """The comparison would not be fair or right; the text says what was found."""


class Disturbed(Exception):
    """A request was not answered in time: the machine is too busy, and the pass does not count."""
