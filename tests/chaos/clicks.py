"""kill -9 under click load: every answered click, open and page view is in the database.

`python -m tests.chaos.clicks --cycles 20` starts `nurture run`, asks for links and pictures and posts page
views on many kept connections, kills it at an instant that nobody chose, starts it again, and at the end
looks for everything that was answered. Each request says in its User-Agent which one it is.
"""

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from subprocess import DEVNULL, PIPE, Popen
from sys import executable
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from nurture.assembly import begin, open_nurture
from nurture.delivery.tokens import sign
from nurture.secrets import write_secrets
from nurture.store import enter_many
from nurture.store.tables import HITS, TOUCHES, touch_id

PEOPLE = 50
CONNECTIONS = 16
PIECE = "exception-arithmetic"
ROOT = Path(__file__).parents[2]
_LISTENS = re.compile(rb"public pages on 127\.0\.0\.1:(\d+)")


class Verdict(NamedTuple):
    """What was answered, and how it stands in the database."""

    cycles: int
    answered: int
    kept: int
    lost: tuple[str, ...]
    """Answered and not there: must be empty."""
    doubled: tuple[str, ...]
    """There more than once: must be empty."""
    refused: int
    """Other answers than 302, 200 and 204."""

    def line(self) -> str:
        """For a log."""
        return (
            f"{self.cycles} kills, {self.answered:,} answered, {self.kept:,} kept, {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {self.refused} refused"
        )


def kill_under_load(home: Path, seed: str, cycles: int, database: str = "") -> Verdict:
    """So many kills; `database` is an address where it is not to be SQLite."""
    folder, dice = home / "clicks", Random(seed)
    paths = _workspace(folder, database)
    acked: list[str] = []
    refused = 0
    for cycle in range(cycles):
        with Popen(
            [executable, "-m", "nurture.cli", "run"], cwd=folder, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        ) as daemon:  # fmt: skip
            try:
                load = _Load(_port(daemon), paths, f"{seed} {cycle}")
                asyncio.run(load.until(daemon, dice.uniform(0.1, 0.7)))
            finally:
                daemon.kill()
        assert daemon.returncode == -9
        acked += load.acked
        refused += load.refused
    kept = _kept(folder)
    counts = Counter(kept)
    lost = tuple(agent for agent in acked if agent not in counts)
    doubled = tuple(agent for agent, count in counts.items() if count > 1)
    return Verdict(cycles, len(acked), len(kept), lost, doubled, refused)


class _Load:
    """Clicks, opens and page views on many connections."""

    def __init__(self, port: int, paths: list[str], name: str) -> None:
        self.acked: list[str] = []
        self.refused = 0
        self._port, self._paths, self._name, self._number = port, paths, name, 0

    async def until(self, daemon: Popen[bytes], seconds: float) -> None:
        """So many seconds of load, then the kill; answers that had left before count too."""
        asking = [asyncio.create_task(self._ask()) for _ in range(CONNECTIONS)]
        while not self.acked and daemon.poll() is None:
            await asyncio.sleep(0.005)
        await asyncio.sleep(seconds)
        daemon.kill()
        await asyncio.gather(*asking)

    async def _ask(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self._number += 1
                agent = f"Mozilla/5.0 (X11; Linux x86_64) {self._name} {self._number}"
                path, _, told = self._paths[self._number % len(self._paths)].partition(" ")
                network = f"10.{self._number >> 8 & 255}.{self._number & 255}.1"  # one may not view so often
                head = f"Host: t.example\r\nUser-Agent: {agent}\r\nX-Forwarded-For: {network}"
                asks = f"{'POST' if told else 'GET'} {path} HTTP/1.1\r\n{head}\r\nContent-Length: {len(told)}"
                writer.write(f"{asks}\r\n\r\n{told}".encode())
                answer = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", answer.lower())
                await reader.readexactly(int(length[1]) if length else 0)
                if answer[9:12] in (b"302", b"200", b"204"):
                    self.acked.append(agent)
                else:
                    self.refused += 1
        writer.close()


def _port(daemon: Popen[bytes]) -> int:
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if found := _LISTENS.search(line):
            return int(found[1])
    raise AssertionError(f"nurture run ended with {daemon.wait()}")


def _workspace(folder: Path, database: str) -> list[str]:
    """People who have each been sent one message; the paths of its links and pictures, and what is posted
    where somebody reads the page."""
    begin(folder)
    write_secrets(folder)
    settings = (folder / "nurture.toml").read_text().replace('tracking = "clicks"', 'tracking = "full"')
    settings = settings.replace(
        'bind = "127.0.0.1:8025"', 'bind = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]', 1
    )
    if database:
        settings = settings.replace("sqlite:///nurture.db", database)
    (folder / "nurture.toml").write_text(settings)
    sent = datetime.now(UTC) - timedelta(hours=1)
    with open_nurture(folder) as nurture:
        hash, site = nurture.programme().hash, nurture.programme().site.hosts[0]

        def work(connection: Connection) -> list[int]:
            people = [
                {"address": f"p{number}@d{number}.example", "entered_at": sent, "wake_at": None,
                 "wake_reason": "waits"}
                for number in range(PEOPLE)
            ]  # fmt: skip
            touches = [touch_id(id, 1) for id in enter_many(connection, people).values()]
            row = {
                "decision": 1, "piece": PIECE, "sequence": "s", "stage": "early", "programme": hash,
                "zone": "UTC", "state": "ended", "outcome": "sent", "ended_at": sent,
                **dict.fromkeys(("chosen_at", "opens", "closes", "expires", "due_at"), sent),
            }  # fmt: skip
            connection.execute(
                insert(TOUCHES), [{"id": touch, "prospect": touch >> 20, **row} for touch in touches]
            )
            return touches

        touches, keys = nurture.store.write_now(work), nurture.keys()
    clicks = [f"/c/{sign(keys, 'c', touch, 1)}" for touch in touches]
    opens = [f"/o/{sign(keys, 'o', touch)}.gif" for touch in touches]
    read = {"url": f"https://{site}/guides", "visitor": "A" * 22}  # who has agreed to be recognised
    told = [json.dumps({**read, "nv": sign(keys, "v", touch, 1)}) for touch in touches]
    return [*clicks, *opens, *(f"/p/ {each}" for each in told)]


def _kept(folder: Path) -> list[str]:
    with open_nurture(folder) as nurture:
        return list(nurture.store.read(lambda c: c.scalars(select(HITS.c.agent)).all()))


def main() -> None:
    """Kill so many times, and say what was lost."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", default=str(time.time_ns() % 1000))
    parser.add_argument("--database", default="", help="a PostgreSQL address; without it, SQLite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nurture-clicks-") as home:
        verdict = kill_under_load(Path(home), asked.seed, asked.cycles, asked.database)
    print(f"seed {asked.seed}: {verdict.line()}")
    raise SystemExit(bool(verdict.lost or verdict.doubled or verdict.refused))


if __name__ == "__main__":
    main()
