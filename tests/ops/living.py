"""The daemon in this very process, hurried, with a receiver beside it."""

import asyncio
import os
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import text

from nurture.assembly import Nurture, open_nurture
from nurture.drivers.embedded import run
from nurture.engine.duties import DUTIES
from nurture.engine.verifying import verify
from nurture.simulation.inbox import Fault, Inbox
from tests.shell.daemon_world import edit, leads, set_port

HURRIED = [duty._replace(every=min(duty.every, 0.05)) for duty in DUTIES]
PATIENCE = 20.0


class Living:
    """A daemon that runs, its receiver, and a look into its store."""

    def __init__(self, nurture: Nurture, inbox: Inbox, task: "asyncio.Task[None]") -> None:
        self.nurture, self.inbox, self.task = nurture, inbox, task
        self.client = httpx2.AsyncClient(base_url=nurture.settings.web.public, timeout=10)

    async def until(self, what: Callable[[], object]) -> None:
        """Wait for something that should happen."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert not self.task.done(), self.task
            assert time.monotonic() < deadline, ("it did not happen", self.states())
            await asyncio.sleep(0.01)

    def is_up(self) -> bool:
        """Whether it listens: from then on a signal is its own."""
        host, _, port = self.nurture.settings.web.bind.rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.nurture.store.read(lambda c: c.execute(text(query)).all())]

    def states(self) -> Counter[str]:
        query = "SELECT coalesce(outcome, state), count(*) FROM touches GROUP BY 1"
        return Counter(dict(self.rows(query)))

    def differences(self) -> tuple[str, ...]:
        """What `nurture verify` finds."""
        return self.nurture.store.read(lambda c: verify(c, self.nurture.shelf)).differences

    async def readiness(self) -> tuple[int, list[str]]:
        """What /readyz says."""
        answer = await self.client.get("/readyz", headers={"accept": "application/json"})
        assert answer.json()["ready"] == (answer.status_code == 200)
        return answer.status_code, answer.json()["problems"]

    async def stop(self, which: signal.Signals = signal.SIGTERM) -> float:
        """Send it a signal; how many seconds it took to end."""
        started = time.monotonic()
        os.kill(os.getpid(), which)
        await asyncio.wait_for(self.task, PATIENCE)
        return time.monotonic() - started


def populate(begun: Path, folder: Path, people: int) -> Path:
    """A workspace with so many people, nobody looked at yet."""
    shutil.copytree(begun, folder)
    leads(folder, *(f"p{i}" for i in range(people)))
    with (folder / "nurture.toml").open("a") as file:
        file.write('\n[smtp]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\nconnections = 2\n')
    return folder


def mine(populated: Path, folder: Path) -> Path:
    """A copy of it, with a port of its own."""
    shutil.copytree(populated, folder)
    set_port(folder)
    return folder


@asynccontextmanager
async def living(
    folder: Path,
    faults: Callable[[str, int], Fault | None] | Mapping[tuple[str, int], Fault] | None = None,
    drain: float = 5,
) -> AsyncIterator[Living]:
    """The daemon over this workspace, until the block ends."""
    async with Inbox(faults=faults) as inbox:
        edit(folder / "nurture.toml", port=str(inbox.port))
        with open_nurture(folder) as nurture:
            task = asyncio.create_task(run(nurture, duties=HURRIED, drain=drain))
            there = Living(nurture, inbox, task)
            try:
                yield there
            finally:
                await there.client.aclose()
                if not task.done():
                    await there.stop()
