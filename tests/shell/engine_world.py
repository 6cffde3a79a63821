"""The shipped programme over a real store: people enter, things are heard, wakes happen when a test says."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from nurture.assembly import load_folder
from nurture.authoring import Workspace, load
from nurture.core import facts as f
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.folder import FolderTransport
from nurture.drafting.codec import decode_journey
from nurture.engine import Engine
from nurture.engine.shelf import Shelf
from nurture.engine.wake import Woken, wake
from nurture.store import Store, enter_many, history, note, programmes
from nurture.store.journal import Journal
from nurture.store.tables import FACTS, HANDOFFS, PROSPECTS, TOUCHES

ROOT = Path(__file__).parents[2]
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
"""A Monday, ten o'clock in London: whoever is taken in is written to at once."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GOOD: Mapping[str, Any] = {
    "role": "controller",
    "employees": 400.0,
    "industry": "manufacturing",
    "invoices": 3000.0,
    "country": "GB",
    "zone": "Europe/London",
}
"""Everything the agreement asks for: grade A."""


@cache
def shipped() -> Workspace:
    """The programme of this repository."""
    return load_folder(ROOT)


@cache
def edited(file: str, old: str, new: str) -> Workspace:
    """The shipped programme with one change in one file."""
    files = dict(shipped().files)
    assert old in files[file]
    files[file] = files[file].replace(old, new)
    loaded = load({name: text.encode() for name, text in files.items()}, today=START.date())
    assert loaded.workspace is not None, loaded.problems
    return loaded.workspace


class World:
    """What a test acts with and looks at."""

    def __init__(self, store: Store, workspace: Workspace | None = None) -> None:
        self.store = store
        self.shelf = Shelf(START.date)
        self.apply(workspace or shipped(), START)
        while self.wake(START).prospects:  # nobody is here yet; what apply started is done
            pass
        store.write_now(lambda c: programmes.rewake(c, START))

    def engine(self, folder: Path, store: Store | None = None) -> Engine:
        """What duties work with; it sends files into the folder, and an error of ours ends the test."""
        shelf = Shelf(START.date)
        shelf.put(shipped())

        def log(said: str) -> None:
            raise AssertionError(said)

        return Engine(
            store=store or self.store, shelf=shelf, transport=FolderTransport(folder / "outbox"),
            journal=Journal(folder / "journal"), keys=Keys("k1", {"k1": b"k" * 32}),
            suppression_key=b"s" * 32, public="http://127.0.0.1:1", tracked=True, owner="test", log=log,
        )  # fmt: skip

    @property
    def programme(self) -> Programme:
        return self.store.read(self.shelf.active).programme

    def apply(self, workspace: Workspace, now: datetime) -> bool:
        self.shelf.put(workspace)
        return self.store.write_now(lambda c: programmes.apply(c, workspace, now))

    def enter(
        self, name: str, *bodies: f.Body, at: datetime = START, basis: str = "consent", **more: Any
    ) -> int:
        """Somebody of grade A from a newsletter, unless told otherwise; then what they did at once."""
        values = {**GOOD, **more}
        rows = [
            {
                "address": f"{name}@{name}.example", "account": f"{name}.example", "source": "newsletter",
                "source_kind": "content", "entered_at": at, "personal": {"first_name": name.title()},
            }
        ]  # fmt: skip
        (prospect,) = self.store.write_now(lambda c: enter_many(c, rows)).values()
        learned = f.Learned(values, ("first_name",), "test")
        self.hear(prospect, f.Entered("newsletter", "content", basis=basis), learned, *bodies, at=at)
        return prospect

    def hear(self, prospect: int, *bodies: f.Body, at: datetime, known: datetime | None = None) -> None:
        news = {prospect: [(body, at) for body in bodies]}
        hash = self.programme.hash
        self.store.write_now(lambda c: note(c, news, known=known or at, programme=hash))

    def wake(self, now: datetime, limit: int = 100) -> Woken:
        """One batch, after some more of those whom a new programme concerns were made due."""
        self.store.write_now(lambda c: programmes.rewake(c, now))
        return self.store.write_now(lambda c: wake(c, self.shelf, now, limit))

    def wake_all(self, now: datetime) -> list[str]:
        """Batches until nobody is due; what went wrong."""
        errors: list[str] = []
        while (woken := self.wake(now)).prospects:
            errors += woken.errors
        return errors

    def sent(self, prospect: int, at: datetime) -> None:
        """The message on its way was taken by the server."""
        live = self.journey(prospect).live
        assert live is not None

        def work(connection: Connection) -> None:
            row = update(TOUCHES).where(TOUCHES.c.prospect == prospect, TOUCHES.c.decision == live.number)
            connection.execute(row.values(state="ended", outcome="sent", ended_at=at))
            ended = f.TouchEnded(live.number, "sent", "250 ok")
            note(connection, {prospect: [(ended, at)]}, known=at, programme=shipped().hash)

        self.store.write_now(work)

    def change(self, table: Any, where: Any, **values: Any) -> None:
        self.store.write_now(lambda c: c.execute(update(table).where(where).values(**values)))

    def row(self, prospect: int) -> Any:
        return self.store.read(lambda c: c.execute(select(PROSPECTS).where(PROSPECTS.c.id == prospect)).one())

    def journey(self, prospect: int) -> Journey:
        """The snapshot."""
        snapshot = self.row(prospect).snapshot
        assert snapshot is not None
        return decode_journey(snapshot)

    def facts(self, prospect: int) -> tuple[f.Fact, ...]:
        return self.store.read(lambda c: history(c, prospect))

    def told(self, prospect: int) -> list[str]:
        """The kinds of all facts, in order."""
        kinds = select(FACTS.c.kind).where(FACTS.c.prospect == prospect).order_by(FACTS.c.n)
        return list(self.store.read(lambda c: c.scalars(kinds).all()))

    def rows(self, table: Any, prospect: int | None = None) -> list[Any]:
        query = select(table).order_by(*table.primary_key)
        if prospect is not None:
            query = query.where(table.c.prospect == prospect)
        return list(self.store.read(lambda c: c.execute(query).all()))

    def touches(self, prospect: int) -> list[Any]:
        return self.rows(TOUCHES, prospect)

    def handoffs(self, prospect: int) -> list[Any]:
        return self.rows(HANDOFFS, prospect)

    def read(self, work: Callable[[Connection], Any]) -> Any:
        return self.store.read(work)
