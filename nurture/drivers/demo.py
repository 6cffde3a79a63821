"""The demo: a fresh workspace, 300 people, weeks of virtual time through the real program.

Real SMTP on loopback into a receiver that keeps a ledger, real HTTP from the people to the public app, the
real import, duties and store. Only the time and the people are made up, from a seed.
"""

import shutil
import socket
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, func, select

from nurture import clock
from nurture.assembly import Nurture, begin, open_nurture
from nurture.core import facts as f
from nurture.engine.verifying import verify
from nurture.errors import Mistake
from nurture.intake.prospects import import_prospects
from nurture.simulation.browser import Browser
from nurture.simulation.conductor import Conductor
from nurture.simulation.crowd import MAP, crowd, write_list
from nurture.simulation.inbox import Inbox, Received
from nurture.simulation.personas import Act, Dice, Person, plan, read
from nurture.simulation.selling import answers, handoff_in
from nurture.store import handoffs
from nurture.store.tables import FACTS, HANDOFFS, HITS, PROSPECTS, SUPPRESSIONS, TOUCHES
from nurture.web.serving import serving

START = datetime(2026, 9, 14, 6, 0, tzinfo=UTC)
"""A Monday, early, a week in which the shipped agreement was signed."""
_MARK = ".nurture-demo"
_ACCEPTED = ("accepted", "opportunity", "won", "lost", "recycled")
_LOOPBACK = "127.0.0.1"


class Shown(NamedTuple):
    """What the demo came to. `results` are equal for equal seeds; the rest is for people to look at."""

    results: dict[str, Any]
    stages: list[dict[str, Any]]
    examples: list[str]
    """Addresses whose journeys are worth reading."""
    end: datetime


async def play(folder: Path, days: int, seed: int, progress: Callable[[datetime, int], None]) -> Shown:
    """Make the workspace, let `days` pass, and look at what has become of everybody.

    `progress` hears the virtual time and the messages received. Raises Mistake where `folder` is not ours.
    """
    people = crowd(seed)
    by_address = {person.address: person for person in people}
    end = START + timedelta(days=days)
    with clock.virtual(START):
        _fresh(folder)
        inbox = Inbox()
        async with inbox:
            port = free_port()
            set_up(folder, seed, smtp=inbox.port, web=port)
            with open_nurture(folder) as nurture:
                _import(nurture, people)
                await live(nurture, inbox, partial(_reactions, by_address, seed), START, end, progress)
                shown = await nurture.store.aread(partial(_look, nurture, inbox, by_address, days, seed))
        set_up(folder, seed, smtp=None, web=port)
    _keep_mails(folder / "mails", inbox.ledger)
    return shown


async def live(
    nurture: Nurture,
    inbox: Inbox,
    reactions: Callable[[Received], Iterable[Act]],
    start: datetime,
    end: datetime,
    progress: Callable[[datetime, int], None] = lambda now, mails: None,
) -> None:
    """Run a workspace that was `set_up` from `start` to `end`, among people who do what `reactions` plans.

    Needs a virtual clock. Raises AssertionError where the program or a request to it went wrong.
    """
    transport, errors = nurture.transport(), list[str]()
    engine = nurture.engine(transport, errors.append)
    port = int(nurture.settings.web.bind.rpartition(":")[2])
    browser = Browser(_LOOPBACK, port, nurture.programme().site.url)

    async def do(act: Act) -> None:
        if act.kind == "answer":
            await _answer(nurture, act)
        else:
            await browser.do(act)

    conductor = Conductor(engine, do, end)
    inbox.on_message = lambda message: conductor.plan(reactions(message))
    try:
        async with serving(nurture.app(), _LOOPBACK, port):
            await conductor.run(start, lambda now: progress(now, len(inbox.ledger)))
            browser.close()
    finally:
        await transport.close()
    wrong = [*errors, *browser.refused]
    if wrong:
        raise AssertionError(f"{len(wrong)} things went wrong, first: {wrong[0]}")


def _reactions(by_address: dict[str, Person], seed: int, message: Received) -> Iterable[Act]:
    """What the reader of a message will do."""
    dice = Dice(seed, message.message_id)
    person = by_address.get(message.recipient)
    if person is not None:
        return plan(person, read(message.raw), message.at, dice)
    handoff = handoff_in(message.raw)
    return answers(handoff, message.at, dice) if handoff is not None else ()


async def _answer(nurture: Nurture, act: Act) -> None:
    """Sales answers by the code of `nurture handoff`; a lead recalled meanwhile is past answering."""
    number, given, *reason = act.url.split()
    programme = nurture.programme()

    def work(connection: Connection) -> None:
        handoffs.answer(
            connection, int(number), given, programme=programme, now=clock.now(), reason="".join(reason),
            by="daniel", amount=1_200_000 if given == "won" else None, currency="GBP",
        )  # fmt: skip

    try:
        await nurture.store.write(work)
    except Mistake as late:
        if "follows" not in str(late):
            raise


def _import(nurture: Nurture, people: list[Person]) -> None:
    folder = nurture.folder
    write_list(people, folder / "prospects.csv")
    (folder / "map.yaml").write_text(MAP % START.date(), encoding="utf-8")
    imported = import_prospects(
        nurture.store, nurture.programme(), nurture.secrets.suppression, folder / "prospects.csv",
        folder / "map.yaml", clock.now(),
    )  # fmt: skip
    if imported.new != len(people):
        raise AssertionError(f"{imported.new} of {len(people)} people were imported")


def _fresh(folder: Path) -> None:
    """An empty workspace; the one of an earlier demo goes."""
    if (folder / _MARK).exists():
        shutil.rmtree(folder)
    begin(folder)
    (folder / _MARK).touch()


def set_up(folder: Path, seed: int, *, smtp: int | None, web: int) -> None:
    """Settings of a workspace that is played: virtual time, its own mail server, keys from the seed."""
    file = folder / "nurture.toml"
    settings = file.read_text(encoding="utf-8").partition("\n[smtp]")[0].rstrip()
    if "clock =" not in settings:
        settings = f'clock = "virtual"\n{settings}'
        settings = settings.replace("127.0.0.1:8025", f"{_LOOPBACK}:{web}")
        settings += f'\ntrusted_proxies = ["{_LOOPBACK}"]'
        keys = [b64encode(sha256(f"{seed} {name}".encode()).digest()).decode() for name in ("token", "never")]
        secrets = f'[tokens]\ncurrent = "k1"\nk1 = "{keys[0]}"\n\n[suppression]\nkey = "{keys[1]}"\n'
        (folder / "secrets.toml").write_text(secrets, encoding="utf-8")
        (folder / "secrets.toml").chmod(0o600)
    if smtp is not None:
        settings += f'\n\n[smtp]\nhost = "{_LOOPBACK}"\nport = {smtp}\nsecurity = "none"\n'
    file.write_text(settings + "\n", encoding="utf-8")


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _keep_mails(folder: Path, ledger: list[Received]) -> None:
    """Every message as it arrived, named by its order."""
    folder.mkdir()
    for number, message in enumerate(ledger, 1):
        (folder / f"{number:05}.eml").write_bytes(message.raw)


# What came of it ----------------------------------------------------------------------------------------


def _look(
    nurture: Nurture, inbox: Inbox, people: dict[str, Person], days: int, seed: int, connection: Connection
) -> Shown:
    mails = [one for one in inbox.ledger if one.recipient in people and not read(one.raw).confirm]
    personas = {
        id: people[address].persona
        for id, address in connection.execute(select(PROSPECTS.c.id, PROSPECTS.c.address))
        if address in people
    }
    promoted = connection.execute(
        select(FACTS.c.prospect).where(FACTS.c.kind == f.Promoted.__name__).distinct()
    ).scalars()
    by_persona = Counter(personas[id] for id in promoted)
    verified = verify(connection, nurture.shelf)
    results = {
        "seed": seed,
        "days": days,
        "prospects": len(personas),
        "touches_sent": len(mails),
        "touches_failed": _count(connection, TOUCHES, TOUCHES.c.outcome == "failed"),
        "duplicates": _repeated(mails),
        "clicks": _count(connection, HITS, HITS.c.kind == "click", HITS.c.verdict == "human"),
        "machine_hits": _count(connection, HITS, HITS.c.verdict == "machine"),
        "unsure_hits": _count(connection, HITS, HITS.c.verdict == "unsure"),
        "promoted": sum(by_persona.values()),
        "promoted_by_persona": {name: by_persona[name] for name in sorted(set(personas.values()))},
        "handed_off": _count(connection, HANDOFFS, HANDOFFS.c.mailed_at.is_not(None)),
        "accepted": _count(connection, HANDOFFS, HANDOFFS.c.state.in_(_ACCEPTED)),
        "suppressed": _count(connection, SUPPRESSIONS),
        "lifecycle": dict(_grouped(connection, PROSPECTS.c.lifecycle)),
        "verify": len(verified.differences),
    }
    return Shown(results, _by_stage(connection), _examples(connection), clock.now())


def _repeated(mails: list[Received]) -> int:
    """Messages that somebody got twice: the same message, or the same piece."""
    parse = BytesHeaderParser().parsebytes
    pieces = {(mail.recipient, parse(mail.raw)["Feedback-ID"]) for mail in mails}
    return len(mails) - min(len({mail.message_id for mail in mails}), len(pieces))


def _by_stage(connection: Connection) -> list[dict[str, Any]]:
    """By the stage of the piece that was sent, and by the stage somebody stood in when promoted."""
    sent = dict(_grouped(connection, TOUCHES.c.stage, TOUCHES.c.outcome == "sent"))
    engaged = connection.execute(
        select(TOUCHES.c.stage, func.count(TOUCHES.c.prospect.distinct()))
        .join(HITS, HITS.c.touch == TOUCHES.c.id)
        .where(HITS.c.verdict == "human")
        .group_by(TOUCHES.c.stage)
    )
    reached = {str(stage): int(count) for stage, count in engaged}
    rows = connection.execute(select(HANDOFFS.c.packet, HANDOFFS.c.state)).all()
    promoted = Counter(row.packet["stage"] for row in rows)
    accepted = Counter(row.packet["stage"] for row in rows if row.state in _ACCEPTED)
    return [
        {
            "stage": stage,
            "touches": sent.get(stage, 0),
            "people_engaged": reached.get(stage, 0),
            "promoted": promoted[stage],
            "accepted": accepted[stage],
        }
        for stage in ("early", "mid", "late")
    ]


def _examples(connection: Connection) -> list[str]:
    """Somebody sales took, somebody sales gave back, somebody who had enough."""
    by_handoff = select(PROSPECTS.c.address).join(HANDOFFS, HANDOFFS.c.prospect == PROSPECTS.c.id)
    taken = by_handoff.where(
        HANDOFFS.c.lane == "score", HANDOFFS.c.state.in_(("won", "opportunity", "accepted"))
    )
    back = by_handoff.where(HANDOFFS.c.state.in_(("recycled", "rejected", "recalled")))
    enough = select(PROSPECTS.c.address).join(FACTS, FACTS.c.prospect == PROSPECTS.c.id)
    enough = enough.where(FACTS.c.kind == f.Unsubscribed.__name__)
    found: list[str] = []
    for query in (taken, back, enough):
        another = query.where(PROSPECTS.c.address.not_in(found)).order_by(PROSPECTS.c.id).limit(1)
        address = connection.scalar(another)
        found += [address] if address is not None else []
    return found


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _grouped(connection: Connection, column: Any, *where: ColumnElement[bool]) -> list[tuple[str, int]]:
    rows = connection.execute(select(column, func.count()).where(*where).group_by(column).order_by(column))
    return [(str(name), int(count)) for name, count in rows]
