"""Writing and reading facts: gap-free numbers per prospect, given under the lock of the prospect's row.

`note` is for everybody who heard something; the wake writes what it decided with `waking.write_settled`.
Both lock rows in order of id, so two writers never wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, insert, select, update

from nurture.core.facts import Body, Fact
from nurture.drafting.rows import FACT_COLUMNS, FactRow, as_fact, as_row
from nurture.store.bulk import Bulk, instants, raw
from nurture.store.tables import FACTS, PROSPECTS

T = TypeVar("T")

AT_A_TIME = 1000
"""Ids in one statement; SQLite takes at most 32766 values, older ones fewer."""

HEARD = "heard"
"""The wake_reason of a row that a new fact has woken."""


_THESE: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
# Built once: building and recognising a statement costs more than SQLite needs to run it.
_LOCK = (
    select(PROSPECTS.c.id, PROSPECTS.c.n)
    .where(PROSPECTS.c.id.in_(_THESE))
    .order_by(PROSPECTS.c.id)
    .with_for_update()
)
_COUNT = (
    update(PROSPECTS)
    .where(PROSPECTS.c.id.in_(_THESE))
    .values(n=PROSPECTS.c.n + bindparam("more"), wake_at=bindparam("known"), wake_reason=HEARD)
)
_INSERT = Bulk(
    insert(FACTS),
    ("prospect", "n", "at", "known", "programme", "kind", "body", "channel", "external_id"),
)
COLUMNS = [FACTS.c[name] for name in FACT_COLUMNS]
"""What a `FactRow` is read from."""

HISTORIES = select(*COLUMNS).where(FACTS.c.prospect.in_(_THESE)).order_by(FACTS.c.prospect, FACTS.c.n)
"""All facts of `ids`."""

_INSERT_OWN = Bulk(insert(FACTS), FACT_COLUMNS)


class Unknown(LookupError):
    """Facts for a prospect that does not exist: nothing of this work is written."""


class Heard(NamedTuple):
    """Something that came with a number of its sender's, which must not count twice."""

    body: Body
    at: datetime
    external_id: str


class _Stamp(NamedTuple):
    """What all facts of one call share."""

    known: datetime
    programme: str
    channel: str | None = None


class Noted(NamedTuple):
    """What was recorded, and the external ids that had been before."""

    facts: dict[int, tuple[Fact, ...]]
    repeated: tuple[str, ...]


def note(
    connection: Connection,
    news: Mapping[int, Sequence[tuple[Body, datetime]]],
    *,
    known: datetime,
    programme: str,
) -> dict[int, tuple[Fact, ...]]:
    """Record bodies, each with the instant it happened, for any number of prospects.

    Locks their rows in order of id, numbers the facts from each row's n in the order given, inserts them and
    sets wake_at to `known`. Returns the facts by prospect; prospects with nothing to note are left out.
    Raises Unknown.
    """
    heard = {prospect: [Heard(*item, "") for item in items] for prospect, items in news.items() if items}
    return _record(connection, heard, lock(connection, heard), _Stamp(known, programme))


def note_once(
    connection: Connection,
    news: Mapping[int, Sequence[Heard]],
    *,
    channel: str,
    known: datetime,
    programme: str,
) -> Noted:
    """As `note`, for senders who may say a thing twice: (channel, external id) is recorded once.

    Two writers at the same instant are told apart by the lock if they speak of the same prospect, as
    senders do; of two prospects, the second one gets an IntegrityError and may try again.
    """
    counts = lock(connection, (prospect for prospect, items in news.items() if items))
    before = _external_ids(
        connection, channel, (heard.external_id for each in news.values() for heard in each)
    )
    repeated: list[str] = []
    fresh: dict[int, list[Heard]] = defaultdict(list)
    for prospect, items in news.items():
        for heard in items:
            if heard.external_id in before:
                repeated.append(heard.external_id)
            else:
                before.add(heard.external_id)
                fresh[prospect].append(heard)
    return Noted(_record(connection, fresh, counts, _Stamp(known, programme, channel)), tuple(repeated))


def heard_before(connection: Connection, channel: str, ids: Iterable[str]) -> set[str]:
    """Which of these ids a channel has told before."""
    return _external_ids(connection, channel, ids)


def lock(connection: Connection, prospects: Iterable[int]) -> dict[int, int]:
    """Lock the rows of prospects until the end of the transaction; their n by id. Raises Unknown."""
    ids = sorted(set(prospects))
    counts: dict[int, int] = {}
    for some in chunks(ids):
        counts.update((id, n) for id, n in connection.execute(_LOCK, {"ids": some}))
    if len(counts) != len(ids):
        raise Unknown(f"no prospect {sorted(set(ids) - counts.keys())[:10]}")
    return counts


def history(connection: Connection, prospect: int, *kinds: str) -> tuple[Fact, ...]:
    """All facts of a prospect, or those of some kinds, in order of n."""
    if not kinds:
        return histories(connection, [prospect])[prospect]
    own = FACTS.c.prospect == prospect, FACTS.c.kind.in_(kinds)
    rows = connection.execute(select(*COLUMNS).where(*own).order_by(FACTS.c.n))
    return tuple(as_fact(tuple(row)) for row in rows)


def histories(connection: Connection, prospects: Iterable[int]) -> dict[int, tuple[Fact, ...]]:
    """All facts of some prospects, in order of n; somebody without facts has an empty tuple."""
    found: dict[int, list[Fact]] = {prospect: [] for prospect in prospects}
    for row in rows_of(connection, HISTORIES, list(found)):
        found[row[0]].append(as_fact(row))
    return {prospect: tuple(facts) for prospect, facts in found.items()}


def newest(connection: Connection) -> datetime | None:
    """When the newest fact was recorded. Reads the whole table: for workspaces that keep their own time."""
    known: datetime | None = connection.scalar(select(func.max(FACTS.c.known)))
    return known


def rows_of(connection: Connection, query: Select[Any], prospects: Sequence[int]) -> Iterator[FactRow]:
    """The rows of facts that a query finds for `ids`; bodies stay undecoded until `as_fact`."""
    instant = instants(connection.dialect)
    for some in chunks(prospects):
        for prospect, n, at, known, *others in raw(connection.execute(query, {"ids": some})):
            yield prospect, n, instant(at), instant(known), *others


def insert_own(connection: Connection, rows: Iterable[FactRow]) -> None:
    """Insert numbered facts of our own; whoever calls holds the lock and sets n."""
    _INSERT_OWN.run(connection, rows)


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, so many at a time as fit in a statement."""
    for start in range(0, len(items), AT_A_TIME):
        yield items[start : start + AT_A_TIME]


def _record(
    connection: Connection, heard: Mapping[int, Sequence[Heard]], counts: Mapping[int, int], stamp: _Stamp
) -> dict[int, tuple[Fact, ...]]:
    facts: dict[int, tuple[Fact, ...]] = {}
    rows: list[tuple[Any, ...]] = []
    alike: dict[int, list[int]] = defaultdict(list)
    for prospect, items in heard.items():
        facts[prospect] = tuple(
            Fact(prospect, n, each.at, stamp.known, stamp.programme, each.body)
            for n, each in enumerate(items, counts[prospect] + 1)
        )
        for fact, each in zip(facts[prospect], items, strict=True):
            rows.append((*as_row(fact), stamp.channel, each.external_id or None))
        alike[len(items)].append(prospect)
    _INSERT.run(connection, rows)
    for more, prospects in alike.items():
        _count(connection, prospects, more, stamp.known)
    return facts


def _count(connection: Connection, prospects: Sequence[int], more: int, wake_at: datetime) -> None:
    for some in chunks(prospects):
        connection.execute(_COUNT, {"ids": some, "more": more, "known": wake_at})


def _external_ids(connection: Connection, channel: str, ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for some in chunks(list(ids)):
        rows = select(FACTS.c.external_id).where(FACTS.c.channel == channel, FACTS.c.external_id.in_(some))
        found.update(connection.scalars(rows))
    return found
