"""How fast prospects are woken and messages leave: `python benchmarks/delivery.py`.

Everything is on loopback: Postfix's smtp-sink receives, and its smtp-source and a plain loop of smtplib,
EmailMessage and Jinja send to the same sink in the same run, since only ratios travel between machines.
Medians of some rounds. The programme is the shipped one; its first piece is given eight links and text up to
ten kilobytes. Prospects are in the database and due, the calendar is open, virtual time stands still. SQLite
syncs every commit (synchronous=FULL), and so does the throw-away PostgreSQL.

End to end is from due prospects until the last message's answer is recorded, waking and sending side by side
as in the daemon. A wake that follows each end of a touch is shown beside it, as the rest until nobody is due.
"""

import argparse
import asyncio
import multiprocessing
import os
import pwd
import resource
import shutil
import signal
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import URL

sys.path.insert(0, str(Path(__file__).parents[1]))

from nurture import clock
from nurture.assembly import Nurture, begin, load_folder, open_nurture
from nurture.core import facts as f
from nurture.drivers import loop
from nurture.engine.aside import second_core
from nurture.engine.engine import Engine
from nurture.engine.outgoing import deliver_due, wake_due
from nurture.rendering import render
from nurture.secrets import write_secrets
from nurture.store import enter_many, note
from nurture.store.tables import TOUCHES

NOW = datetime(2026, 10, 6, 9, 30, tzinfo=UTC)
"""A Tuesday, half past ten in London: the calendar is open, and everybody's spread has passed."""
ENTERED = NOW - timedelta(minutes=1)
"""Who is due from then is woken before whose message has just ended."""
FIRST = "templates/early/exception-arithmetic.md"
"""The piece that everybody gets first."""
LINKS = ("cost-calculator", "erp-enough", "fair-test", "four-ways", "pilot", "price-in-full", "six-weeks")
"""With the piece's own link there are eight, each in both parts."""
MORE = "Every exception is looked at by two people, and neither could have avoided it. "
GOOD = {
    "role": "controller", "employees": 400.0, "industry": "manufacturing", "invoices": 3000.0,
    "country": "GB", "zone": "Europe/London",
}  # fmt: skip
LATE = 0.05
"""Seconds that the slow server takes to answer."""
ROUND_TRIPS = 60
"""Messages for each connection to the slow server."""
BINARIES = Path("/usr/lib/postgresql/15/bin")
POSTFIX = Path("/usr/sbin")
BASELINE = "smtp-source -s 20 -d"
PLAIN = "plain loop: smtplib, EmailMessage, Jinja"


class Run(NamedTuple):
    """Things done in so many seconds, and the seconds of CPU that we spent on them, if we did."""

    count: int
    seconds: float
    cpu: float | None = None

    def beside(self, cpu: float) -> "Run":
        """The same, with what a second process of ours spent, its start included."""
        return self._replace(cpu=(self.cpu or 0.0) + cpu)


Table = dict[str, list[Run]]


def main() -> None:
    """Measure everything and print one table."""
    asked = _arguments()
    if not ((POSTFIX / "smtp-sink").exists() and (POSTFIX / "smtp-source").exists()):
        print("smtp-sink and smtp-source are missing: apt-get install postfix", file=sys.stderr)
        sys.exit(2)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nurture-bench-")))
        stack.enter_context(clock.virtual(NOW))
        port = stack.enter_context(sink())
        size, plain = one_message(workspace(home / "sqlite", port, asked.connections))
        seeded = seed(home / "sqlite", asked.messages)
        fleet = None
        if (BINARIES / "postgres").exists():
            server = stack.enter_context(postgres())
            workspace(home / "postgres", port, asked.connections, server.set(database="seeded"))
            fleet = seed(home / "postgres", asked.messages)
        print(f"{asked.messages:,} prospects, messages of {size:,} bytes, {asked.connections} connections")
        table: Table = {}
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds} ...", file=sys.stderr)
            yardsticks(table, port, size, asked.messages, plain)
            ours(table, "SQLite", seeded, asked.messages, home / "run")
            if fleet is not None:
                ours(table, "PostgreSQL", fleet, asked.messages, home / "run")
                several(table, 2, fleet, asked.messages, home / "run")
        show(table, BASELINE)
        if asked.late:
            print(f"\nEvery answer {LATE * 1000:.0f} ms late")
            late(home, size)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--messages", type=int, default=5000, help="prospects who are due")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=20, help="kept connections, [smtp] connections")
    parser.add_argument("--late", action="store_true", help="also with a server that answers 50 ms late")
    return parser.parse_args()


# The program -------------------------------------------------------------------------------------------


def workspace(folder: Path, port: int, connections: int, database: URL | None = None) -> Path:
    """The shipped workspace, mailing to `port`, on SQLite unless a database is given."""
    begin(folder)
    write_secrets(folder)
    settings = (folder / "nurture.toml").read_text(encoding="utf-8")
    if database is not None:
        settings = settings.replace("sqlite:///nurture.db", database.render_as_string(hide_password=False))
    settings += (
        f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nconnections = {connections}\n'
    )
    (folder / "nurture.toml").write_text(settings, encoding="utf-8")
    with (folder / FIRST).open("a", encoding="utf-8") as piece:
        piece.write("\n" + "".join(f"- [The guide called {name}](/guides/{name})\n" for name in LINKS))
        piece.write(f"\n{MORE * 12}\n")
    return folder


def seed(folder: Path, count: int) -> Path:
    """People who are due, through the store's own functions; what applying the programme began is done."""
    with open_nurture(folder) as nurture:
        hash = nurture.programme().hash
        loop.run(_until_idle(_engine(nurture), wake_due))
        for start in range(0, count, 1000):
            numbers = range(start, min(start + 1000, count))
            nurture.store.write_now(lambda connection, some=numbers: _enter(connection, some, hash))
    return folder


def _enter(connection: Connection, numbers: Sequence[int], hash: str) -> None:
    rows = [
        {
            "address": f"someone@company{number}.example", "source": "newsletter", "source_kind": "content",
            "entered_at": ENTERED, "personal": {"first_name": "Zoë"},
        }
        for number in numbers
    ]  # fmt: skip
    entered = f.Entered("newsletter", "content", basis="consent")
    learned = f.Learned(GOOD, ("first_name",), "benchmark")
    ids = enter_many(connection, rows).values()
    news = {id: [(entered, ENTERED), (learned, ENTERED)] for id in ids}
    note(connection, news, known=ENTERED, programme=hash)


def ours(table: Table, name: str, seeded: Path, count: int, folder: Path) -> None:
    """Waking and sending side by side; then, on another copy, the wake alone and the delivery alone."""
    with copied(seeded, folder):
        whole, rest = loop.run(end_to_end(folder, count))
    with copied(seeded, folder):
        wake = loop.run(timed(folder, count, wake_due))
        deliver = loop.run(timed(folder, count, deliver_due))
        _assert_sent(folder, count)
    runs = {
        "end to end": whole,
        "and until nobody is due": rest,
        "wake alone": wake,
        "deliver alone": deliver,
    }
    for what, run in runs.items():
        table.setdefault(f"nurture, {what}, {name}", []).append(run)


async def end_to_end(folder: Path, count: int) -> tuple[Run, Run]:
    """From due prospects to the last recorded answer, and on until nobody is due."""
    with clock.virtual(NOW), open_nurture(folder) as nurture:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with second_core(nurture.store, sys.exit) as drafting:
            engine = _engine(nurture)
            engine.drafting = drafting
            begun = _Begun()
            waking = asyncio.create_task(_until_idle(engine, wake_due, ENTERED))
            while await deliver_due(engine, NOW) or _sent(nurture) < count:
                await asyncio.sleep(0.002)
            whole = begun.run(count)
            await waking
            await _until_idle(engine, wake_due)
            rest = begun.run(count)
            await engine.transport.close()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)  # known when the child has ended
        child = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return whole.beside(child), rest.beside(child)


def several(table: Table, processes: int, seeded: Path, count: int, folder: Path) -> None:
    """The same in several processes on one database."""
    with copied(seeded, folder):
        context = multiprocessing.get_context("spawn")
        barrier, results = context.Barrier(processes + 1), context.Queue()
        fleet = [
            context.Process(target=_one_of_several, args=(folder, count, barrier, results), daemon=True)
            for _ in range(processes)
        ]
        for process in fleet:
            process.start()
        barrier.wait(60)
        started = time.perf_counter()
        cpu = sum(results.get(timeout=300) for _ in fleet)
        seconds = time.perf_counter() - started
        for process in fleet:
            process.join(60)
        _assert_sent(folder, count)
    words = f"nurture, end to end, PostgreSQL, {processes} processes"
    table.setdefault(words, []).append(Run(count, seconds, cpu))


def _one_of_several(folder: Path, count: int, barrier: Any, results: Any) -> None:
    """One process of the fleet: its CPU seconds, once everybody's messages are out."""
    loop.run(_share(folder, count, barrier, results))


async def _share(folder: Path, count: int, barrier: Any, results: Any) -> None:
    with clock.virtual(NOW), open_nurture(folder) as nurture:
        engine = _engine(nurture)
        nurture.programme()
        barrier.wait(60)
        begun = _Begun()
        waking = asyncio.create_task(_until_idle(engine, wake_due, ENTERED))
        while await deliver_due(engine, NOW) or _sent(nurture) < count:
            await asyncio.sleep(0.01)
        results.put(begun.run(count).cpu)
        await waking
        await engine.transport.close()


async def timed(folder: Path, count: int, duty: Callable[[Engine, datetime], Awaitable[int]]) -> Run:
    """One duty until it has nothing left to do."""
    with clock.virtual(NOW), open_nurture(folder) as nurture:
        engine = _engine(nurture)
        nurture.programme()  # loaded once in a process's life
        begun = _Begun()
        await _until_idle(engine, duty)
        run = begun.run(count)
        await engine.transport.close()
        return run


class _Begun:
    """An instant to measure from."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def run(self, count: int) -> Run:
        return Run(count, time.perf_counter() - self.wall, time.process_time() - self.cpu)


@contextmanager
def copied(seeded: Path, folder: Path) -> Iterator[None]:
    """A workspace as it was seeded, with a database of its own."""
    shutil.copytree(seeded, folder)
    settings = (folder / "nurture.toml").read_text(encoding="utf-8")
    with _database_copy(settings) as changed:
        (folder / "nurture.toml").write_text(changed, encoding="utf-8")
        yield
    shutil.rmtree(folder)


@contextmanager
def _database_copy(settings: str) -> Iterator[str]:
    line = next(line for line in settings.splitlines() if line.startswith("database ="))
    if "sqlite" in line:
        yield settings
        return
    maintenance = line.split('"')[1].replace("+psycopg", "").replace("/seeded", "/postgres")
    with psycopg.connect(maintenance, autocommit=True) as server:
        server.execute("CREATE DATABASE run TEMPLATE seeded")
        server.execute("CHECKPOINT")
        yield settings.replace("/seeded", "/run")
        server.execute("DROP DATABASE run WITH (FORCE)")


async def _until_idle(
    engine: Engine, duty: Callable[[Engine, datetime], Awaitable[int]], now: datetime = NOW
) -> int:
    total = 0
    while done := await duty(engine, now):
        total += done
    return total


def _engine(nurture: Nurture) -> Engine:
    return nurture.engine(nurture.transport(), lambda error: sys.exit(f"something went wrong: {error}"))


def _sent(nurture: Nurture) -> int:
    query = select(func.count()).select_from(TOUCHES).where(TOUCHES.c.outcome == "sent")
    return nurture.store.read(lambda connection: connection.scalar(query)) or 0


def _assert_sent(folder: Path, count: int) -> None:
    with open_nurture(folder) as nurture:
        sent = _sent(nurture)
    if sent != count:
        sys.exit(f"{sent} of {count} messages were sent: the figures would mean nothing")


# Yardsticks --------------------------------------------------------------------------------------------


def yardsticks(table: Table, port: int, size: int, count: int, plain: tuple[str, str, str]) -> None:
    """What others do with the same sink."""
    for kept in (True, False):
        sessions = 20
        words = f"smtp-source -s {sessions}" + (" -d" if kept else "")
        table.setdefault(words, []).append(smtp_source(port, sessions, size, count, kept))
    table.setdefault(PLAIN, []).append(plain_loop(port, plain, min(count, 600)))


def smtp_source(port: int, sessions: int, size: int, count: int, kept: bool) -> Run:
    """Postfix's own generator: ready bytes, no database, no rendering."""
    words = ["-s", str(sessions), "-l", str(size), "-m", str(count), *(["-d"] if kept else [])]
    start = time.perf_counter()
    subprocess.run(
        [POSTFIX / "smtp-source", *words, "-f", "a@one.example", "-t", "b@two.example", f"127.0.0.1:{port}"],
        check=True, timeout=300,
    )  # fmt: skip
    return Run(count, time.perf_counter() - start)


def one_message(folder: Path) -> tuple[int, tuple[str, str, str]]:
    """The size of one message, and its subject, HTML and text as Jinja templates for the plain loop."""
    work = load_folder(folder)
    programme = work.programme
    rendered = render(
        work.templates[Path(FIRST).stem], {"first_name": "{{ first_name }}"}, sender=programme.sender,
        site=programme.site, link=lambda number: f"http://127.0.0.1:8025/c/{{{{ token }}}}{number:02}",
        unsubscribe_url="http://127.0.0.1:8025/u/{{ token }}00",
    )  # fmt: skip
    parts = (rendered.subject, rendered.html, rendered.text)
    return len(plain_message(*map(jinja2.Template, parts), 1).as_bytes()), parts


def plain_loop(port: int, parts: tuple[str, str, str], count: int) -> Run:
    """What anybody would write first: one kept connection, no database, nothing remembered."""
    safe = jinja2.Environment(autoescape=True)
    subject, html, text = jinja2.Template(parts[0]), safe.from_string(parts[1]), jinja2.Template(parts[2])
    wall, cpu = time.perf_counter(), time.process_time()
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(count):
            server.send_message(plain_message(subject, html, text, number))
    return Run(count, time.perf_counter() - wall, time.process_time() - cpu)


def plain_message(
    subject: jinja2.Template, html: jinja2.Template, text: jinja2.Template, number: int
) -> EmailMessage:
    """One message for one recipient, the standard library's way."""
    values = {"first_name": "Zoë", "token": f"{number:036}"}
    message = EmailMessage()
    message["From"], message["To"] = "Nora Haddow <a@one.example>", f"someone@company{number}.example"
    message["Subject"] = subject.render(values)
    message["Message-ID"] = f"<n1.{number:032}@one.example>"
    message.set_content(text.render(values))
    message.add_alternative(html.render(values), subtype="html")
    return message


# Servers -----------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sink() -> Iterator[int]:
    """smtp-sink on a port of its own."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    server = subprocess.Popen([POSTFIX / "smtp-sink", *user, f"127.0.0.1:{port}", "256"])
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("the receiving server did not start")
            time.sleep(0.02)
        else:
            return


@contextmanager
def postgres() -> Iterator[URL]:
    """A throw-away PostgreSQL on disk that syncs its commits, on a socket file; one database, `seeded`."""
    folder = Path(tempfile.mkdtemp(prefix="nurture-pg-", dir="/tmp"))
    user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        other = pwd.getpwnam("postgres")
        os.chown(folder, other.pw_uid, other.pw_gid)
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*user, BINARIES / "initdb", "-D", folder / "data", "-U", "nurture", "-A", "trust", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"]
    server = subprocess.Popen(
        [*user, BINARIES / "postgres", "-D", folder / "data", *settings],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    url = URL.create("postgresql+psycopg", "nurture", database="postgres", query={"host": str(folder)})
    try:
        _create_seeded(url.set(drivername="postgresql").render_as_string(hide_password=False))
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(folder)


def _create_seeded(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(url, autocommit=True) as server:
                server.execute("CREATE DATABASE seeded")
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                sys.exit("PostgreSQL did not start")
            time.sleep(0.05)
        else:
            return


# A slow server -----------------------------------------------------------------------------------------


def late(home: Path, size: int) -> None:
    """Delivery alone to a server that takes its time, beside smtp-source with as many sessions."""
    port = free_port()
    server = multiprocessing.get_context("spawn").Process(target=late_sink, args=(port,), daemon=True)
    server.start()
    try:
        _wait_for(port)
        for sessions in (20, 50, 100):
            table: Table = {}
            count = sessions * ROUND_TRIPS
            baseline = f"smtp-source -s {sessions} -d"
            table[baseline] = [smtp_source(port, sessions, size, count, kept=True)]
            folder = seed(workspace(home / f"late-{sessions}", port, sessions), count)
            ours(table, f"SQLite, {sessions} connections", folder, count, home / "run")
            show({name: runs for name, runs in table.items() if "wake" not in name}, baseline)
    finally:
        server.terminate()
        server.join(30)


def late_sink(port: int) -> None:
    """Takes every message; each answer comes LATE seconds after its command."""
    asyncio.run(_serve_late(port))


async def _serve_late(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Late, "127.0.0.1", port, backlog=200)
    await server.serve_forever()


class _Late(asyncio.Protocol):
    """One conversation; nothing of a message is kept."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport, self.buffer, self.in_data = transport, b"", False
        self._answer(b"220 late.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n.\r\n" if self.in_data else b"\r\n")) >= 0:
            line, self.buffer = self.buffer[:end], self.buffer[end + (5 if self.in_data else 2) :]
            self._take(b"" if self.in_data else line.upper())

    def _take(self, line: bytes) -> None:
        self.in_data = line == b"DATA"
        if line.startswith(b"EHLO"):
            self._answer(b"250-late.example\r\n250 PIPELINING\r\n")
        else:
            self._answer(b"354 go on\r\n" if self.in_data else b"250 ok\r\n")

    def _answer(self, words: bytes) -> None:
        asyncio.get_running_loop().call_later(LATE, self.transport.write, words)


# The table ---------------------------------------------------------------------------------------------


def show(table: Table, baseline: str) -> None:
    """A line for each: the median rate, its share of the baseline's, the range, CPU of our processes."""
    base = statistics.median(_rates(table[baseline]))
    loops = statistics.median(_rates(table[PLAIN])) if PLAIN in table else None
    print(f"{'':52}{'per second':>11}{'ratio':>8}{'x plain':>9}{'range':>16}{'CPU us each':>13}")
    for name, runs in table.items():
        rates = _rates(runs)
        middle = statistics.median(rates)
        spent = [run.cpu / run.count * 1e6 for run in runs if run.cpu is not None]
        cpu = f"{statistics.median(spent):.0f}" if spent else ""
        times = f"{middle / loops:.1f}" if loops else ""
        extent = f"{min(rates):.0f}..{max(rates):.0f}"
        print(f"{name:52}{middle:11,.0f}{middle / base:8.3f}{times:>9}{extent:>16}{cpu:>13}")


def _rates(runs: Sequence[Run]) -> list[float]:
    return [run.count / run.seconds for run in runs]


if __name__ == "__main__":
    main()
