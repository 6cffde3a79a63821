"""The active programme in memory, looked at again once a second, beside the event loop.

While the store cannot be read the last one stands: a page can be shown, and above all an unsubscribe taken.
"""

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from nurture import clock
from nurture.core.programme import Programme
from nurture.errors import Mistake

LOOKS_EVERY = 1.0
PATIENCE = 2.0
"""Seconds until the last one has to do."""

logger = logging.getLogger(__name__)


class Current:
    """The active programme as it was a moment ago."""

    def __init__(self, read: Callable[[], Programme]) -> None:
        """`read` asks the store; it may block, and raise."""
        self._read = read
        self._known: Programme | None = None
        self._looked = -LOOKS_EVERY

    def __call__(self) -> Programme:
        """The one that was read last; where none was, what reading gives or raises."""
        return self._known or self._read()

    async def look(self) -> None:
        """Read it again if that was not done within a second. Raises nothing that the store raises."""
        if clock.tick() - self._looked < LOOKS_EVERY:
            return
        self._looked = clock.tick()
        try:
            self._known = await asyncio.wait_for(asyncio.to_thread(self._read), PATIENCE)
        except (Mistake, SQLAlchemyError, OSError) as trouble:  # a timeout is an OSError
            logger.warning("The programme cannot be read, the last one stands: %s", type(trouble).__name__)


class Fresh:
    """Has the programme looked at before the app inside answers."""

    def __init__(self, app: ASGIApp, programme: Current) -> None:
        self.app = app
        self._programme = programme

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's answer."""
        await self._programme.look()
        await self.app(scope, receive, send)
