"""Lists of people, entered and learned: only what a list says anew is written.

What the newest list said of a person is remembered as keyed hashes, one for each thing said, so a second
run of a list is recognised without reading a fact, also where a form has told us better since. A list
never takes silence back: it may ask for it, and nothing it leaves out ends it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.facts import Body, Bounced, Entered, Learned, Observed, Scalar, Unsubscribed
from nurture.store import consents
from nurture.store.facts import note
from nurture.store.prospects import enter_many, learn_personal
from nurture.store.suppressions import BOUNCED, ERASED, THEIR_OWN, reasons_of, scopes_of, suppress_many
from nurture.store.tables import IMPORTED, LIVE, PROSPECTS, TOUCHES

ORIGIN = "import"
"""Where a Learned of a list says that it comes from."""

ENTERED, SILENCE, ACCOUNT = "@entered", "@silence", "@account"
"""What is said beside attributes; the name of no attribute begins with @."""


class ListedEvent(NamedTuple):
    """Something a list says has happened; `at` None: when we heard of it."""

    key: str
    body: Observed
    at: datetime | None


class Listed(NamedTuple):
    """What a list says of one person."""

    address: str
    account: str
    entered: Entered
    on: date
    """The day on which they came in; and on which the basis was given, where `given` does not say."""
    values: Mapping[str, Scalar]
    personal: Mapping[str, Scalar]
    events: tuple[ListedEvent, ...]
    silence: str
    """Why never to mail them: unsubscribed, bounced; empty where the list does not ask for it."""
    given: date | None = None
    """The day on which the basis was given, where the list knows it."""


class Entry(NamedTuple):
    """A person of a list, ready to be entered: made by `entry` before the database is asked for."""

    listed: Listed
    evidence: str
    """Where it stands in the list."""
    said: Mapping[str, str]


class _Known(NamedTuple):
    """A person the store has already."""

    id: int
    account: str
    entered_at: datetime
    said: Mapping[str, str] | None


class _Change(NamedTuple):
    """A person and what is new about them. `known` None: the person is."""

    listed: Listed
    evidence: str
    known: _Known | None
    said: Mapping[str, str]
    news: frozenset[str]
    suppressed: str
    """Why the address is suppressed already; empty where it is not."""
    unwanted: tuple[str, ...]
    """The sequences that this address had unsubscribed from, if it comes in anew."""


def entered_on(day: date, now: datetime) -> datetime:
    """A day as an instant: its beginning in UTC, but never later than now."""
    return min(datetime.combine(day, time(), UTC), now)


def entry(listed: Listed, evidence: str, key: bytes) -> Entry:
    """Everything said, each thing as a keyed hash: the table shall not repeat anybody's personal values.

    `evidence` are words that say where it stands in the list; `key` is the suppression key.
    """
    since = () if listed.given is None else (listed.given.isoformat(),)
    things: dict[str, object] = {ENTERED: (*_fields(listed.entered), listed.on.isoformat(), *since)}
    things.update(listed.values)
    things.update(listed.personal)
    things.update({f"@{event.key}": str(event.at) for event in listed.events})
    if listed.account:
        things[ACCOUNT] = listed.account
    if listed.silence:
        things[SILENCE] = listed.silence
    return Entry(listed, evidence, {name: _mark(name, thing, key) for name, thing in things.items()})


def enter_listed(
    connection: Connection,
    people: Sequence[Entry],
    *,
    key: bytes,
    now: datetime,
    programme: str,
    pretend: bool = False,
) -> list[tuple[str, bool]]:
    """Enter or update people of a list.

    `key` is the suppression key, `programme` the hash of the active one. Returns for each, in order, what
    became of them (new, changed, unchanged, or forgotten: they asked for it and are not entered) and
    whether they are never mailed. Each address stands in `people` once. With `pretend` nothing is written.
    """
    changes = _changes(connection, people, key)
    if not pretend:
        fresh = [change for change in changes if change.news and change.suppressed != ERASED]
        _write(connection, fresh, now, programme, key)
    return [(_outcome(change), bool(change.suppressed or change.listed.silence)) for change in changes]


def silence_listed(
    connection: Connection, wishes: Mapping[str, str], *, key: bytes, now: datetime, programme: str
) -> None:
    """Honour wishes not to be mailed (address -> unsubscribed, bounced) of rows that cannot go in otherwise.

    Nobody is entered by this; the address is suppressed all the same.
    """
    suppress_many(connection, key, wishes, at=now, evidence=ORIGIN)
    said: dict[int, Mapping[str, str]] = {}
    news: dict[int, Sequence[tuple[Body, datetime]]] = {}
    for address, known in _known(connection, list(wishes)).items():
        mark = _mark(SILENCE, wishes[address], key)
        if (known.said or {}).get(SILENCE) != mark:
            said[known.id] = {**(known.said or {}), SILENCE: mark}
            news[known.id] = [(_silencing(wishes[address]), now)]
    note(connection, news, known=now, programme=programme)
    _withdraw(connection, news, dict.fromkeys(news, ORIGIN), now)
    _stop(connection, news)
    _remember(connection, said)


def _outcome(change: _Change) -> str:
    if change.suppressed == ERASED:
        return "forgotten"
    if change.known is None:
        return "new"
    return "changed" if change.news else "unchanged"


def _changes(connection: Connection, people: Sequence[Entry], key: bytes) -> list[_Change]:
    addresses = [each.listed.address for each in people]
    known = _known(connection, addresses)
    reasons = reasons_of(connection, key, addresses)
    unwanted = scopes_of(connection, key, [address for address in addresses if address not in known])
    changes = []
    for listed, evidence, said in people:
        person = known.get(listed.address)
        before = (person.said if person else None) or {}
        news = frozenset(name for name, mark in said.items() if before.get(name) != mark)
        suppressed = reasons.get(listed.address, "")
        scopes = tuple(sorted(unwanted.get(listed.address, ())))
        changes.append(_Change(listed, evidence, person, {**before, **said}, news, suppressed, scopes))
    return changes


def _known(connection: Connection, addresses: Sequence[str]) -> dict[str, _Known]:
    """Who is there already; their rows are locked in order of id, like everybody's."""
    of = PROSPECTS.c
    rows = (
        select(of.address, of.id, of.account, of.entered_at, IMPORTED.c.said)
        .outerjoin_from(PROSPECTS, IMPORTED, IMPORTED.c.prospect == of.id)
        .where(of.address.in_(addresses))
        .order_by(of.id)
        .with_for_update(of=PROSPECTS)
    )
    return {address: _Known(*rest) for address, *rest in connection.execute(rows)}


def _fields(entered: Entered) -> tuple[str, str, str, str]:
    return entered.source, entered.kind, entered.campaign, entered.basis


def _mark(name: str, thing: object, key: bytes) -> str:
    return blake2b(f"{name}\0{thing!r}".encode(), key=key[:64], digest_size=8, person=b"import").hexdigest()


def _write(
    connection: Connection, changes: Sequence[_Change], now: datetime, programme: str, key: bytes
) -> None:
    newcomers = [_row(change.listed, now) for change in changes if change.known is None]
    ids = enter_many(connection, newcomers)
    numbered = {change.known.id if change.known else ids[change.listed.address]: change for change in changes}
    _write_persons(connection, numbered)
    news = {id: _facts(change, now) for id, change in numbered.items()}
    note(connection, news, known=now, programme=programme)
    _silence(connection, numbered, now, key)
    grounds = [_ground(id, change, now) for id, change in numbered.items() if _has_ground(change)]
    consents.keep(connection, grounds, now)
    _withdraw(connection, news, {id: change.evidence for id, change in numbered.items()}, now)
    _remember(connection, {id: change.said for id, change in numbered.items()})


def _row(listed: Listed, now: datetime) -> dict[str, Any]:
    return {
        "address": listed.address,
        "account": listed.account,
        "personal": {name: _plain(value) for name, value in listed.personal.items()},
        "source": listed.entered.source,
        "source_kind": listed.entered.kind,
        "campaign": listed.entered.campaign,
        "entered_at": entered_on(listed.on, now),
        "wake_at": now,
    }


def _facts(change: _Change, now: datetime) -> Sequence[tuple[Body, datetime]]:
    """What is new, as facts. Somebody who is here already keeps the source they came from first."""
    listed, news = change.listed, change.news
    facts: list[tuple[Body, datetime]] = []
    if ENTERED in news:
        came, given = entered_on(listed.on, now), entered_on(listed.given or listed.on, now)
        at = max(came, change.known.entered_at) if change.known else came
        facts.append((replace(listed.entered, given=given if given != at else None), at))
    values = {name: value for name, value in listed.values.items() if name in news}
    personal = tuple(sorted(name for name in listed.personal if name in news))
    if values or personal:
        facts.append((Learned(values, personal, ORIGIN), now))
    for event in listed.events:
        if f"@{event.key}" in news:
            facts.append((event.body, event.at or now))
    if SILENCE in news or (change.known is None and change.suppressed in THEIR_OWN | {BOUNCED}):
        facts.append((_silencing(listed.silence or change.suppressed), now))
    facts += [(Unsubscribed(scope, ORIGIN), now) for scope in change.unwanted]
    return facts


def _silencing(reason: str) -> Body:
    return Bounced(0, "hard") if reason == "bounced" else Unsubscribed(way="import")


def _write_persons(connection: Connection, numbered: Mapping[int, _Change]) -> None:
    """Personal values, also of somebody whom a form has entered a moment ago; and changed accounts."""
    personal = {
        id: {name: _plain(value) for name, value in change.listed.personal.items() if name in change.news}
        for id, change in numbered.items()
    }
    learn_personal(connection, {id: values for id, values in personal.items() if values})
    accounts = [
        {"of": id, "new": change.listed.account}
        for id, change in numbered.items()
        if change.known is not None and ACCOUNT in change.news
    ]
    if accounts:
        theirs = update(PROSPECTS).where(PROSPECTS.c.id == bindparam("of"))
        connection.execute(theirs.values(account=bindparam("new")), accounts)


def _plain(value: Scalar) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _silence(connection: Connection, numbered: Mapping[int, _Change], now: datetime, key: bytes) -> None:
    """Who asked for silence is suppressed, and what is on its way to them is stopped."""
    silenced = {id: change.listed for id, change in numbered.items() if SILENCE in change.news}
    reasons = {listed.address: listed.silence for listed in silenced.values()}
    suppress_many(connection, key, reasons, at=now, evidence=ORIGIN)
    _stop(connection, silenced)


def _stop(connection: Connection, prospects: Iterable[int]) -> None:
    live = TOUCHES.c.prospect.in_(list(prospects)) & TOUCHES.c.state.in_(LIVE)
    connection.execute(update(TOUCHES).where(live).values(cancelled=True))


def _withdraw(
    connection: Connection,
    news: Mapping[int, Sequence[tuple[Body, datetime]]],
    evidence: Mapping[int, str],
    now: datetime,
) -> None:
    """What these facts take back goes into the ledger too."""
    taken = [
        consents.Withdrawal(id, ORIGIN, body.way, at, evidence[id], body.scope)
        for id, bodies in news.items()
        for body, at in bodies
        if isinstance(body, Unsubscribed)
    ]
    consents.withdraw(connection, taken, now)


def _has_ground(change: _Change) -> bool:
    return ENTERED in change.news and change.listed.entered.basis != "none"


def _ground(id: int, change: _Change, now: datetime) -> consents.Evidence:
    entered, at = change.listed.entered, entered_on(change.listed.given or change.listed.on, now)
    return consents.Evidence(id, entered.basis, entered.source, ORIGIN, at, change.evidence)


def _remember(connection: Connection, said: Mapping[int, Mapping[str, str]]) -> None:
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = kind.insert(IMPORTED)
    newest = {"said": statement.excluded.said}
    rows = [{"prospect": id, "said": dict(marks)} for id, marks in said.items()]
    if rows:
        connection.execute(statement.on_conflict_do_update(index_elements=["prospect"], set_=newest), rows)
