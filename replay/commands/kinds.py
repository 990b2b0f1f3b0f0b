"""Kinds of option values that several commands take."""

from __future__ import annotations

import math
from typing import Any

import click

DAY_S = 86_400.0


class Seconds(click.FloatRange):
    """Seconds, up to a day; what is no number is refused, too, which a range alone would let through."""

    def __init__(self, least: float = 0.001) -> None:
        super().__init__(min=least, max=DAY_S)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Read the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return number
