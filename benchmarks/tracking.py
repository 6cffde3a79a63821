"""How many clicks and opens are taken a second: `python benchmarks/tracking.py`.

The real app on a real SQLite file (synchronous=FULL, each hit committed before it is answered) beside a bare
Starlette endpoint that stores nothing, on the same server, by turns in one run: only the ratio travels
between machines. Beside both the same mail leaves: a sender in a process of its own delivers at a steady
rate to Postfix's smtp-sink, with the engine's own duties. Server, sender and client are three
processes; the client keeps its connections and asks again as soon as it is answered.

`--rate N` asks N times a second instead, however long answers take, and counts each from the instant at which
it was to be asked.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Engine, bindparam, event, insert, select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import delivery
from nurture import clock
from nurture.assembly import open_nurture
from nurture.delivery.tokens import sign
from nurture.drivers import loop
from nurture.engine.duties import DUTIES, run_due
from nurture.engine.outgoing import deliver_due, tend_outbox, wake_due
from nurture.store import enter_many
from nurture.store.tables import TOUCHES, touch_id
from nurture.web.serving import serving

MESSAGES = 2_000
"""Messages whose links are asked for; each has LINKS tracked links."""
LINKS = 8
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
WARM = 1.0
"""Seconds before counting begins."""
PIXEL = b"GIF89a" + bytes(37)

SENDING = [duty for duty in DUTIES if duty.run in (deliver_due, tend_outbox)]

KINDS = ("click", "open")


class Side(NamedTuple):
    """One side of the comparison in one round."""

    seconds: float
    waits: list[float]
    """Seconds that each answer took."""
    errors: int
    """Answers of 500 and more."""
    others: int
    """Answers that are neither these nor what was to be expected."""
    cpu: float
    """Seconds of CPU that the server spent."""
    commits: int
    mails: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds


def main() -> None:
    """Measure and print a table."""
    asked = _arguments()
    if not (delivery.POSTFIX / "smtp-sink").exists():
        print("smtp-sink is missing: apt-get install postfix", file=sys.stderr)
        sys.exit(2)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nurture-tracking-")))
        port = stack.enter_context(delivery.sink())
        sending = mail_workspace(home / "mail", port, asked)
        web = web_workspace(home / "web")
        sides: dict[str, list[Side]] = {}
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds} ...", file=sys.stderr)
            for kind in KINDS:
                for name, app in (("bare", None), ("nurture", web)):
                    sides.setdefault(f"{name} {kind}", []).append(one_side(kind, app, sending, asked))
        show(sides)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each side of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64, help="that the client keeps")
    parser.add_argument("--rate", type=int, default=0, help="requests a second; 0: as many as are answered")
    parser.add_argument("--mails", type=int, default=25, help="messages a second beside it")
    return parser.parse_args()


# The three processes -----------------------------------------------------------------------------------


def one_side(kind: str, app: Path | None, sending: Path, asked: argparse.Namespace) -> Side:
    """Server, sender and client, for some seconds."""
    targets = requests_of(kind, app)
    with child(serve, app) as server, child(send, sending) as sender:
        port = server.recv()
        sender.recv()
        with child(ask, port, targets, kind, asked) as client:
            client.recv()  # it is warm
            server.send("count")
            sender.send("count")
            seconds, waits, errors, others = client.recv()
            server.send("stop")
            sender.send("stop")
            cpu, commits = server.recv()
            return Side(seconds, waits, errors, others, cpu, commits, sender.recv())


@contextmanager
def child(work: Callable[..., None], *arguments: Any) -> Iterator[Pipe]:
    """A process that does `work(pipe, *arguments)`; our end of its pipe."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.join(30)
        if process.exitcode != 0:
            process.kill()
            sys.exit(f"{work.__name__} ended with {process.exitcode}")


def serve(pipe: Pipe, folder: Path | None) -> None:
    """The pages of a workspace, or the bare ones."""
    loop.run(_serve(pipe, folder))


async def _serve(pipe: Pipe, folder: Path | None) -> None:
    commits = 0

    @event.listens_for(Engine, "commit")
    def committed(connection: Connection) -> None:
        nonlocal commits
        commits += 1

    with ExitStack() as stack:
        app = bare() if folder is None else stack.enter_context(open_nurture(folder)).app()
        async with serving(app, "127.0.0.1", 0) as port:
            loop.settle_in()  # as the daemon does
            pipe.send(port)
            await _heard(pipe)
            cpu, commits = time.process_time(), 0
            await _heard(pipe)
            pipe.send((time.process_time() - cpu, commits))


def bare() -> ASGIApp:
    """What anybody would write who stores nothing."""

    async def click(request: Request) -> Response:
        return RedirectResponse("https://www.matchlight.example/guides/pilot", 302)

    async def picture(request: Request) -> Response:
        return Response(PIXEL, media_type="image/gif", headers={"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/c/{token}", click), Route("/o/{token}.gif", picture)])


def send(pipe: Pipe, folder: Path) -> None:
    """Mail leaves at a steady rate, as in the daemon, until told to stop."""
    loop.run(_send(pipe, folder))


async def _send(pipe: Pipe, folder: Path) -> None:
    """Business time goes on from NOW, so that the calendar is open and messages come due."""
    begun = clock.tick()
    copy = folder.with_name("sending")
    with clock.virtual(delivery.NOW), delivery.copied(folder, copy), open_nurture(copy) as nurture:
        engine = nurture.engine(nurture.transport(), lambda error: sys.exit(f"sending failed: {error}"))
        stop = asyncio.create_task(_counted(pipe, lambda: delivery._sent(nurture)))
        while not stop.done():
            now = delivery.NOW + timedelta(seconds=clock.tick() - begun)
            clock.set_virtual(now)
            if not await run_due(engine, SENDING, now):
                await asyncio.sleep(0.1)
        await engine.transport.close()
        pipe.send(await stop)


async def _counted(pipe: Pipe, sent: Callable[[], int]) -> int:
    pipe.send("ready")
    await _heard(pipe)
    before = sent()
    await _heard(pipe)
    return sent() - before


async def _heard(pipe: Pipe) -> None:
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)


# The client --------------------------------------------------------------------------------------------


def ask(pipe: Pipe, port: int, targets: Sequence[bytes], kind: str, asked: argparse.Namespace) -> None:
    """Ask for the targets by turns on kept connections."""
    loop.run(_ask(pipe, port, targets, kind, asked))


async def _ask(pipe: Pipe, port: int, targets: Sequence[bytes], kind: str, asked: argparse.Namespace) -> None:
    crowd = _Crowd(targets, b"302" if kind == "click" else b"200", asked.rate, asked.connections)
    here = asyncio.get_running_loop()
    for number in range(asked.connections):
        await here.create_connection(partial(_Asker, crowd, number), "127.0.0.1", port)
    await asyncio.sleep(WARM)
    crowd.clear()
    pipe.send("warm")
    await asyncio.sleep(asked.seconds)
    crowd.stopped = True
    seconds = clock.tick() - crowd.begun
    await asyncio.sleep(0.2)
    pipe.send((seconds, crowd.waits, crowd.errors, crowd.others))


class _Crowd:
    """What all connections share."""

    def __init__(self, targets: Sequence[bytes], wanted: bytes, rate: int, connections: int) -> None:
        self.targets = cycle(targets)
        self.wanted = wanted
        self.gap = 1 / rate if rate else 0.0
        self.pause = self.gap * connections
        self.stopped = False
        self.clear()

    def clear(self) -> None:
        self.begun = clock.tick()
        self.waits: list[float] = []
        self.errors = self.others = 0

    def count(self, code: bytes, asked_at: float) -> None:
        if self.stopped:
            return
        self.waits.append(clock.tick() - asked_at)
        self.errors += code >= b"500"
        self.others += code not in (self.wanted,) and code < b"500"


class _Asker(asyncio.Protocol):
    """One kept connection: asks, waits for the whole answer, asks again."""

    def __init__(self, crowd: _Crowd, number: int) -> None:
        self._crowd = crowd
        self._buffer = b""
        self._next = clock.tick() + number * crowd.gap

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        place = self._buffer.lower().find(b"content-length: ", 0, head)
        length = int(self._buffer[place + 16 : self._buffer.index(b"\r", place)]) if place >= 0 else 0
        if len(self._buffer) < head + 4 + length:
            return
        self._crowd.count(self._buffer[9:12], self._asked_at)
        self._buffer = b""
        if not self._crowd.stopped:
            self._pause()

    def _pause(self) -> None:
        """At once, or at its turn where there is a rate; late is late, and counted."""
        late = self._next - clock.tick()
        if self._crowd.pause and late > 0:
            asyncio.get_running_loop().call_later(late, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        now = clock.tick()
        self._asked_at = min(self._next, now) if self._crowd.pause else now
        self._next += self._crowd.pause
        self._transport.write(next(self._crowd.targets))


# Workspaces --------------------------------------------------------------------------------------------


def mail_workspace(folder: Path, port: int, asked: argparse.Namespace) -> Path:
    """People who are decided for: their messages wait in the queue, and come due one after the other."""
    delivery.workspace(folder, port, 5)
    with clock.virtual(delivery.NOW):
        delivery.seed(folder, int(asked.mails * (asked.seconds + WARM + 10)))
        with open_nurture(folder) as nurture:
            loop.run(delivery._until_idle(delivery._engine(nurture), wake_due))
            nurture.store.write_now(partial(_spread, gap=timedelta(seconds=1 / asked.mails)))
    return folder


def _spread(connection: Connection, gap: timedelta) -> None:
    touches = connection.scalars(select(TOUCHES.c.id).order_by(TOUCHES.c.id)).all()
    later = update(TOUCHES).where(TOUCHES.c.id == bindparam("touch")).values(due_at=bindparam("due"))
    due = [{"touch": id, "due": delivery.NOW + number * gap} for number, id in enumerate(touches)]
    connection.execute(later, due)


def web_workspace(folder: Path) -> Path:
    """Messages that were sent, all links tracked."""
    delivery.workspace(folder, 1, 1)
    settings = folder / "nurture.toml"
    text = settings.read_text(encoding="utf-8").replace('tracking = "clicks"', 'tracking = "full"')
    settings.write_text(text, encoding="utf-8")
    with open_nurture(folder) as nurture:
        programme = nurture.programme()
        piece = Path(delivery.FIRST).stem
        sent = datetime.now(UTC) - timedelta(hours=1)
        row = {
            "decision": 1, "piece": piece, "occurrence": 1, "sequence": "s", "stage": "early",
            "programme": programme.hash, "chosen_at": sent, "opens": sent, "closes": sent, "expires": sent,
            "zone": "UTC", "state": "ended", "outcome": "sent", "due_at": sent, "ended_at": sent,
        }  # fmt: skip

        def work(connection: Connection) -> list[int]:
            people = [
                {"address": f"p{number}@company{number}.example", "entered_at": sent, "wake_at": None,
                 "wake_reason": "waits"}
                for number in range(MESSAGES)
            ]  # fmt: skip
            ids = sorted(enter_many(connection, people).values())
            rows = [{"id": touch_id(id, 1), "prospect": id, **row} for id in ids]
            connection.execute(insert(TOUCHES), rows)
            return [touch_id(id, 1) for id in ids]

        touches = nurture.store.write_now(work)
        tokens = {
            "click": [sign(nurture.keys(), "c", touch, 1 + touch % LINKS) for touch in touches],
            "open": [sign(nurture.keys(), "o", touch) for touch in touches],
        }
        (folder / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")
    return folder


def requests_of(kind: str, folder: Path | None) -> list[bytes]:
    """Whole requests, in an order that is the same on both sides."""
    tokens = ["A" * 38] * MESSAGES
    if folder is not None:
        tokens = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))[kind]
        Random(1).shuffle(tokens)
    path = "/c/{}" if kind == "click" else "/o/{}.gif"
    head = (
        f"GET {path} HTTP/1.1\r\nHost: t.matchlight.example\r\nUser-Agent: {AGENT}\r\n"
        "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n\r\n"
    )
    return [head.format(token).encode() for token in tokens]


# The table ---------------------------------------------------------------------------------------------


def show(sides: dict[str, list[Side]]) -> None:
    """A line for each side: medians of its rounds."""
    print(
        f"{'':16}{'per second':>11}{'ratio':>8}{'p50 ms':>8}{'p99 ms':>8}{'5xx':>5}{'other':>7}"
        f"{'CPU us each':>13}{'CPU ratio':>11}{'commits/s':>11}{'mails/s':>9}"
    )
    for name, rounds in sides.items():
        beside = sides["bare " + name.partition(" ")[2]]
        rate, base = _middle(rounds, lambda side: side.rate), _middle(beside, lambda side: side.rate)
        cpu, least = _middle(rounds, _cpu_each), _middle(beside, _cpu_each)
        print(
            f"{name:16}{rate:11,.0f}{rate / base:8.3f}{_middle(rounds, _at(0.5)):8.1f}"
            f"{_middle(rounds, _at(0.99)):8.1f}{sum(side.errors for side in rounds):5}"
            f"{sum(side.others for side in rounds):7}{cpu:13.0f}{least / cpu:11.3f}"
            f"{_middle(rounds, lambda side: side.commits / side.seconds):11,.0f}"
            f"{_middle(rounds, lambda side: side.mails / side.seconds):9.1f}"
        )


def _middle(rounds: Sequence[Side], figure: Callable[[Side], float]) -> float:
    return statistics.median(figure(side) for side in rounds)


def _cpu_each(side: Side) -> float:
    return side.cpu / max(1, len(side.waits)) * 1e6


def _at(part: float) -> Callable[[Side], float]:
    """Milliseconds within which this part of the answers came."""

    def figure(side: Side) -> float:
        waits = sorted(side.waits)
        return waits[int(part * (len(waits) - 1))] * 1000 if waits else 0.0

    return figure


if __name__ == "__main__":
    main()
