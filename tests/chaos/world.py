"""The world around the daemon: a workspace, the server that takes its mail, and people who answer.

The server lives in this process, so its ledger outlives every daemon: it is the ground truth. Every answer
of it takes some milliseconds, so that kills land in the middle of messages; over four connections, each
encrypted and signed in.
"""

import asyncio
import http.client
import itertools
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select, update

from nurture.assembly import begin
from nurture.core import facts as f
from nurture.delivery.tokens import Keys, message_id, sign_address
from nurture.delivery.tokens import read as read_token
from nurture.engine.shelf import Shelf
from nurture.engine.wake import wake
from nurture.secrets import read_secrets, write_secrets
from nurture.simulation.inbox import Fault, Inbox, Received
from nurture.store import Store, enter_many, note, programmes
from nurture.store.hits import Seen, keep_hit
from nurture.store.journal import Journal
from nurture.store.tables import HANDOFFS, HITS, LIVE, PROSPECTS, TOUCHES

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CONNECTIONS = 4
USER, PASSWORD = "nurture", "a password of the test"
SALES = "daniel@matchlight.example"
DOMAIN = "mail.matchlight.example"
NEW_PEOPLE = 8
"""How many come at a time; each gets six messages, one behind the other."""
ENOUGH = 40
"""Messages and people that wait, at which no more people come."""
SLOW = (0.0, 0.012)
"""Seconds that the server takes for an answer."""

GOOD: dict[str, f.Scalar | None] = {
    "role": "controller",
    "employees": 400.0,
    "industry": "manufacturing",
    "invoices": 3000.0,
    "country": "GB",
}


_JOURNALS = ("nurture.db.journal", ".journal")
"""What waits for the store, on SQLite and on PostgreSQL."""


class Place(NamedTuple):
    """Where one daemon runs: a folder, and the port of its public pages."""

    folder: Path
    port: int


@dataclass
class World:
    """A database, the places from which it is served, the server's ledger, and what people did."""

    places: Sequence[Place]
    database: str
    inbox: Inbox
    certificate: Path
    dice: Random
    asked: dict[int, datetime] = field(default_factory=dict)
    """Who asked by HTTP to hear no more, and when they were told that they will not: by prospect."""
    clicked: Counter[int] = field(default_factory=Counter)
    """Clicks that were answered, by touch."""
    suffered: Counter[int] = field(default_factory=Counter)
    """How often something was done to a process, by its number."""
    absences: list[int] = field(default_factory=list)
    """The touches that a machine answered,"""
    lain: int = 0
    """and how many letters came into the maildir."""
    people: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        folder = self.places[0].folder
        secrets = read_secrets(folder)
        self.keys = Keys(secrets.current, secrets.tokens)
        self.suppression_key = secrets.suppression
        self.shelf = Shelf(lambda: datetime.now(UTC).date())
        self.pressed: set[int] = set()
        """Who unsubscribed while the store was locked."""
        self._last = (0, 0.0)
        self._read = self._seen = 0
        self._unread: list[tuple[float, Received]] = []
        self._letters: dict[str, list[Received]] = {}

    # The database -----------------------------------------------------------------------------------

    def write(self, work: Callable[[Connection], T]) -> T:
        """Change something, as another command beside the daemon would; nothing stays open."""
        with Store(self.database) as store:
            return store.write_now(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Look at one moment of the database; nothing stays open."""
        with Store(self.database) as store:
            return store.read(work)

    def top_up(self, *, surely: bool = False) -> None:
        """See that there is work: new people, unless many wait already; the last of them asks for sales.

        Half of them are decided for here, so that touches wait when a daemon starts.
        """
        if surely or self.read(_waiting) < ENOUGH:
            numbers = [next(self.people) for _ in range(NEW_PEOPLE)]
            self.write(lambda connection: self._enter(connection, numbers))
            self.write(lambda connection: wake(connection, self.shelf, datetime.now(UTC), NEW_PEOPLE // 2))

    def _enter(self, connection: Connection, numbers: Sequence[int]) -> None:
        now = datetime.now(UTC)
        rows = [
            {"address": f"someone@company{number}.example", "source": "newsletter", "source_kind": "content",
             "entered_at": now, "personal": {"first_name": "Zoë"}}
            for number in numbers
        ]  # fmt: skip
        bodies: list[f.Body] = [
            f.Entered("newsletter", "content", basis="consent"), f.Learned(GOOD, ("first_name",), "chaos"),
        ]  # fmt: skip
        ids = list(enter_many(connection, rows).values())
        news = {id: [(body, now) for body in bodies] for id in ids}
        news[ids[-1]].append((f.FormSent("demo"), now))
        note(connection, news, known=now, programme=programmes.active(connection).programme)

    def make_late(self) -> None:
        """One waiting touch is over, another one has missed its opening."""

        def work(connection: Connection) -> None:
            past = datetime.now(UTC) - timedelta(seconds=1)
            waiting = select(TOUCHES.c.id).where(TOUCHES.c.state == "queued").order_by(TOUCHES.c.id).limit(2)
            ids = connection.execute(waiting).scalars().all()
            for id, column in zip(ids, (TOUCHES.c.expires, TOUCHES.c.closes), strict=False):
                connection.execute(update(TOUCHES).where(TOUCHES.c.id == id).values({column: past}))

        self.write(work)

    def make_hits(self) -> None:
        """Somebody who has their letter followed a link eleven minutes ago: the hit is due to be judged."""
        past = datetime.now(UTC) - timedelta(minutes=11)

        def work(connection: Connection) -> None:
            touches = connection.scalars(select(TOUCHES.c.id)).all()
            for touch in [each for each in touches if self.id_of(each) in self.letters()][:2]:
                keep_hit(connection, touch, Seen("click", "https://www.matchlight.example/", past, link=1))

        self.write(work)

    def make_absence(self) -> None:
        """A machine answered for somebody who has their letter, or for nobody; that lies in the maildir."""
        touches = self.read(lambda connection: connection.scalars(select(TOUCHES.c.id)).all())
        touch = next((each for each in touches if self.id_of(each) in self.letters()), 0)
        number, self.lain = self.lain, self.lain + 1
        self.absences += [touch] if touch else []
        lines = (
            f"Message-ID: <{number}@absent.example>", "From: them@absent.example",
            f"To: {sign_address(self.keys, 'r', touch)}@back.example", "Subject: Out of office",
            "Auto-Submitted: auto-replied", "", "Away",
        )  # fmt: skip
        (self.maildir / "new" / f"{number:09}.chaos").write_bytes("\r\n".join(lines).encode())

    @property
    def maildir(self) -> Path:
        """What the daemon in the first place reads."""
        return self.places[0].folder / "back"

    def inflate(self) -> None:
        """Make the log so long that the daemon must checkpoint it. Past our own store, which would do it."""
        with self.locked() as connection:
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('ballast', ?)", ["x" * (6 << 20)])

    @contextmanager
    def locked(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock of the SQLite file, as a long import does."""
        connection = sqlite3.connect(
            self.database.removeprefix("sqlite:///"), isolation_level=None, timeout=5
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    def hurry(self) -> None:
        """What waits for its next try is tried now: nobody here waits five minutes."""

        def work(connection: Connection) -> None:
            now = datetime.now(UTC)
            connection.execute(update(TOUCHES).where(TOUCHES.c.state == "deferred").values(due_at=now))
            connection.execute(update(TOUCHES).where(TOUCHES.c.state == "queued", TOUCHES.c.due_at > now)
                               .where(TOUCHES.c.opens <= now).values(due_at=now))  # fmt: skip
            unmailed = HANDOFFS.c.mailed_at.is_(None)
            connection.execute(update(HANDOFFS).where(unmailed).values(mail_due_at=now))

        self.write(work)

    def is_quiet(self) -> bool:
        """Whether nothing is left to do."""
        if any(Journal(place.folder / name).waiting for place in self.places for name in _JOURNALS):
            return False
        return not any((self.maildir / "new").iterdir()) and self.read(_idle)

    def left(self) -> str:
        """What stands in the way of rest, for a failing test."""

        def work(connection: Connection) -> str:
            rows = connection.execute(
                select(TOUCHES.c.state, TOUCHES.c.due_at, TOUCHES.c.owner, TOUCHES.c.words)
                .where(TOUCHES.c.state.in_(LIVE))
                .limit(5)
            )
            return (
                f"{_waiting(connection)} wait at {datetime.now(UTC)}, such as {[tuple(row) for row in rows]}"
            )

        return self.read(work)

    def rests(self) -> bool:
        """The same; the database is asked only when no message has come for a while."""
        now, count = time.monotonic(), self.accepted()
        if count != self._last[0]:
            self._last = (count, now)
        elif now - self._last[1] > 0.3:
            self._last = (count, now)
            return self.is_quiet()
        return False

    # The ground truth -------------------------------------------------------------------------------

    def letters(self) -> dict[str, list[Received]]:
        """What the server took from us for prospects, by Message-ID."""
        return {id: some for id, some in self._sorted().items() if some[0].recipient != SALES}

    def sales(self) -> dict[str, list[Received]]:
        """What it took for sales, by Message-ID."""
        return {id: some for id, some in self._sorted().items() if some[0].recipient == SALES}

    def _sorted(self) -> dict[str, list[Received]]:
        for received in self.inbox.ledger[self._read :]:
            self._letters.setdefault(received.message_id, []).append(received)
            self._read += 1
        return self._letters

    def accepted(self) -> int:
        """Messages the server has taken so far."""
        return len(self.inbox.ledger)

    def id_of(self, touch: int) -> str:
        """The Message-ID of a touch."""
        return message_id(self.keys, touch, DOMAIN)

    # People -----------------------------------------------------------------------------------------

    def read_mail(self) -> None:
        """People read what has come, each in their own time: a click now and then, and some have had enough.

        So an unsubscribe may meet the next message to the same person at any step of its way.
        """
        now, news = time.monotonic(), self.inbox.ledger[self._seen :]
        self._seen += len(news)
        self._unread += [(now + self.dice.uniform(0, 0.8), each) for each in news if each.recipient != SALES]
        for due, received in sorted(self._unread, key=lambda each: each[0]):
            if due > now:
                return
            self._unread.remove((due, received))
            what = self.dice.random()
            if what < 0.1:
                self.unsubscribe(links_in(self.keys, received))
            elif what < 0.3:
                self.click(links_in(self.keys, received))

    def unsubscribe(self, links: "Links") -> bool:
        """POST what a mail program posts; whether we were told that it is done."""
        path = urlsplit(links.unsubscribe).path
        told = fetch(self.dice.choice(self.places).port, "POST", path, b"List-Unsubscribe=One-Click") == 200
        if told:
            self.asked.setdefault(links.touch >> 20, datetime.now(UTC))
        return told

    def click(self, links: "Links") -> None:
        """Follow a link; where the daemon has answered, the hit must never be lost."""
        if fetch(self.dice.choice(self.places).port, "GET", urlsplit(links.click).path) == 302:
            self.clicked[links.touch] += 1


class Links(NamedTuple):
    """What a reader can press in a message, and the touch it belongs to."""

    touch: int
    unsubscribe: str
    click: str


_UNSUBSCRIBE = re.compile(rb"(?im)^List-Unsubscribe: <(http[^>]+)>")
_CLICK = re.compile(rb"http://127\.0\.0\.1:\d+/c/[A-Za-z0-9_-]+")


def links_in(keys: Keys, received: Received) -> Links:
    """The links of a message, put together where quoted-printable has broken them."""
    unsubscribe = _UNSUBSCRIBE.search(received.raw)
    click = _CLICK.search(received.raw.replace(b"=\r\n", b""))
    assert unsubscribe and click, received.raw
    url = unsubscribe[1].decode()
    token = read_token(keys, "u", url.rpartition("/")[2])
    assert token is not None, url
    return Links(token.touch, url, click[0].decode())


def fetch(port: int, method: str, path: str, body: bytes = b"", timeout: float = 10) -> int:
    """The status of an answer; 0 where there was none, as when the daemon dies."""
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    try:
        talk.request(method, path, body, form)
        answer = talk.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        talk.close()


def _waiting(connection: Connection) -> int:
    """Messages that wait, and people to decide for."""
    live = select(func.count()).where(TOUCHES.c.state.in_(LIVE))
    due = select(func.count()).where(PROSPECTS.c.wake_at <= datetime.now(UTC))
    return (connection.scalar(live) or 0) + (connection.scalar(due) or 0)


def _idle(connection: Connection) -> bool:
    now = datetime.now(UTC)
    some = (
        select(TOUCHES.c.id).where(TOUCHES.c.state.in_(LIVE)),
        select(PROSPECTS.c.id).where(PROSPECTS.c.wake_at <= now),
        select(HANDOFFS.c.id).where(HANDOFFS.c.mailed_at.is_(None)),
        select(HITS.c.id).where(HITS.c.settled_at.is_(None), HITS.c.at < now - timedelta(minutes=10)),
    )
    return all(connection.execute(each.limit(1)).first() is None for each in some)


# Setting it up ------------------------------------------------------------------------------------------

_ALWAYS = {
    "gap: 3 days": "gap: 0 minutes",
    "at_most: [2 per 7 days, 6 per 30 days]": "at_most: [12 per 1 day]",
    "cool_down: 2 days": "cool_down: 0 minutes",
    "weekdays: mon-fri": "weekdays: mon-sun",
    'hours: "08:30-17:30"': 'hours: "00:00-23:59"',
    "spread: 45 minutes": "spread: 0 minutes",
    "zone: prospect": "zone: ZONE",
    "holidays: [GB, 2026-12-24, 2026-12-31]": "holidays: []",
}
"""Changes to the shipped programme: it may write at every hour, and at once again."""


@contextmanager
def world(home: Path, seed: str, *, database: str = "", daemons: int = 1) -> Iterator[World]:
    """A fresh workspace under `home` and its surroundings; on SQLite unless a database is given."""
    certificate = _certificate(home)
    dice = Random(seed)
    with _receiver(certificate, Random(seed)) as inbox:
        first = Place(home / "a", free_port())
        _workspace(first, inbox.port, database)
        places = [first, *(_beside(first, home / name) for name in "bcdef"[: daemons - 1])]
        url = database or f"sqlite:///{first.folder / 'nurture.db'}"
        yield World(places, url, inbox, certificate / "cert.pem", dice)


def _workspace(place: Place, smtp: int, database: str) -> None:
    begin(place.folder)
    write_secrets(place.folder)
    with (place.folder / "secrets.toml").open("a") as file:
        file.write(f'\n[smtp]\npassword = "{PASSWORD}"\n')
    programme = (place.folder / "programme.yaml").read_text()
    for old, new in _ALWAYS.items():
        assert old in programme, old
        programme = programme.replace(old, new.replace("ZONE", _noon_zone()))
    (place.folder / "programme.yaml").write_text(programme)
    settings = (
        (place.folder / "nurture.toml").read_text().replace("127.0.0.1:8025", f"127.0.0.1:{place.port}")
    )
    if database:
        settings = settings.replace("sqlite:///nurture.db", database)
    for name in ("new", "cur", "tmp"):
        (place.folder / "back" / name).mkdir(parents=True)
    settings += '\n[mailbox]\nmaildir = "back"\n'
    settings += f'\n[smtp]\nhost = "127.0.0.1"\nport = {smtp}\nuser = "{USER}"\nconnections = {CONNECTIONS}\n'
    (place.folder / "nurture.toml").write_text(settings)


def _beside(first: Place, folder: Path) -> Place:
    """Another folder of the same workspace, with a port of its own."""
    place = Place(shutil.copytree(first.folder, folder), free_port())
    file = folder / "nurture.toml"
    file.write_text(
        file.read_text().replace(f'bind = "127.0.0.1:{first.port}', f'bind = "127.0.0.1:{place.port}')
    )
    return place


def _noon_zone() -> str:
    """A zone in which it is about noon, so that nothing is run at midnight."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(home: Path) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", home / "key.pem", "-out", home / "cert.pem", "-days", "2", "-subj", "/CN=inbox.test",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return home


@contextmanager
def _receiver(certificate: Path, dice: Random) -> Iterator[Inbox]:
    """The receiving server in a thread of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    loop = asyncio.new_event_loop()
    inbox = Inbox(
        faults=lambda verb, k: Fault(delay=dice.uniform(*SLOW)) if verb in _SLOW_VERBS else None,
        certificate=context,
        accounts={USER: PASSWORD},
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(inbox.open(), loop).result(5)
    try:
        yield inbox
    finally:
        asyncio.run_coroutine_threadsafe(inbox.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


_SLOW_VERBS = ("MAIL", "RCPT", "DATA", "dot")
