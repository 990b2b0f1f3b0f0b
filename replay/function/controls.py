"""Several controls over one handler's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.function.control import GO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.function.control import Asked, Control, Order


class Controls:
    """Asks each in turn: all see every call, the first that has something to say decides."""

    def __init__(self, controls: Sequence[Control]) -> None:
        self._controls = controls

    def asked(self, call: Asked) -> Order:
        """Decide about a call before it is made."""
        orders = [control.asked(call) for control in self._controls]
        return next((order for order in orders if order != GO), GO)

    def called(self, call: Asked, error: str | None) -> None:
        """Tell all that a call was made."""
        for control in self._controls:
            control.called(call, error)
