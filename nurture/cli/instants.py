"""Instants as people type them."""

from datetime import UTC, datetime
from typing import Any

import click


class Instant(click.ParamType[datetime]):
    """ISO date or date and time; UTC where no zone is given."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no instant; write 2026-03-09 or 2026-03-09T14:05Z", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


INSTANT = Instant()
