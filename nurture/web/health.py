"""`/healthz`: the process answers. `/readyz`: it can do its work, or why it cannot, a line for each reason.

Nothing in them names a person or a file. The store is probed by a real write, once a second at most,
however often somebody asks.
"""

import asyncio
import shutil
from secrets import token_hex

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from nurture import clock
from nurture.store.probe import probe, why_not
from nurture.web.needs import Needs

PROBED_FOR = 1.0
"""Seconds for which what the probe found is good enough."""

PATIENCE = 2.0
"""Seconds for the store to take a write; a store that is held longer is not ready."""

FREE_BYTES = 200 * 1024 * 1024
FREE_PART = 0.05
"""There is room on the disk if one of the two is free."""


class Health:
    """The endpoints that a supervisor asks."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self._name = token_hex(8)
        self._probing = asyncio.Lock()
        self._probed = float("-inf")
        self._found: list[str] = []

    async def alive(self, request: Request) -> Response:
        """GET /healthz: 200 while the event loop turns. Asks nobody."""
        return PlainTextResponse("ok\n")

    async def ready(self, request: Request) -> Response:
        """GET /readyz: 200, or 503 with the reasons; as JSON where that is accepted."""
        problems = await self._problems()
        status = 503 if problems else 200
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"ready": not problems, "problems": problems}, status)
        return PlainTextResponse("".join(f"{line}\n" for line in problems or ["ready"]), status)

    async def _problems(self) -> list[str]:
        async with self._probing:
            if clock.tick() - self._probed > PROBED_FOR:
                self._found = [*await self._store(), *self._disk()]
                self._probed = clock.tick()
        pulse = self.needs.pulse
        return [*(pulse.problems(clock.tick()) if pulse else []), *self._found]

    async def _store(self) -> list[str]:
        work = self.needs.store.write(lambda connection: probe(connection, self._name), urgent=True)
        try:
            version = await asyncio.wait_for(work, PATIENCE)
        except Exception as error:
            return [why_not(error)]
        wanted = self.needs.schema
        return [f"the schema is {version}, not {wanted}"] if wanted and version != wanted else []

    def _disk(self) -> list[str]:
        try:
            disk = shutil.disk_usage(self.needs.journal.path.parent)
        except OSError as error:
            return [f"the disk cannot be looked at: {type(error).__name__}"]
        if disk.free >= FREE_BYTES or disk.free >= FREE_PART * disk.total:
            return []
        return [f"only {disk.free >> 20} MB are free on the disk"]
