"""5,544 real leads of an education company: imported, nurtured for thirty virtual days, promoted or not.

The real import, store, duties, SMTP on loopback and public app; the people are the demo's personas, dealt out
by a hash of the lead's number. What comes out is counted again from the raw file, from the receiver's ledger
and, for promotions, by a second agreement in plain arithmetic (`education/judge.py`).
"""

import asyncio
import email
import os
import re
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import func, select

from nurture import clock
from nurture.assembly import Nurture, open_nurture
from nurture.drivers.demo import free_port, live, set_up
from nurture.engine.verifying import Verified, verify
from nurture.intake.prospects import Imported, import_prospects
from nurture.simulation.inbox import Inbox, Received
from nurture.store import suppressions
from nurture.store.tables import ENROLLMENTS, HANDOFFS, PROSPECTS, TOUCHES
from tests.corpora.education import judge
from tests.corpora.education.leads import (
    EXPORT,
    LEADS,
    Lead,
    address,
    give_a_source,
    is_silent,
    leads,
    write_list,
    zone,
)
from tests.corpora.education.people import SEED, people, reactions

WORKSPACE = Path(__file__).parent / "education" / "workspace"
START = datetime(2026, 9, 14, 3, 30, tzinfo=UTC)
"""A Monday, nine in the morning in Mumbai: half an hour before the first window."""
DAYS = 30
END = START + timedelta(days=DAYS)
COUNSELLORS = "counsellors@tamarind.example"
OPENS, CLOSES = (9, 30), (18, 30)
CLOSED = {date(2026, 9, 25)}
CLOSED_IN_INDIA = {date(2026, 10, 2)}
"""The public holidays of these weeks: Gandhi's birthday."""
STATES = {"new", "resting", "nurturing", "promoted", "accepted", "opportunity", "won", "lost", "closed"}

NO_LEADS = "needs ../shared/data/education_leads beside the repository"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not EXPORT.is_file(), reason=NO_LEADS)]


class Person(NamedTuple):
    """How one prospect stands in the end."""

    address: str
    lifecycle: str
    wakes: bool
    sequences: int
    suppressed: bool


class Played(NamedTuple):
    """What the thirty days came to."""

    raw: dict[str, Lead]
    imported: Imported
    refused: list[Lead]
    corrected: Imported
    again: Imported
    ledger: list[Received]
    persons: list[Person]
    outcomes: Counter[str]
    handoffs_mailed: int
    verified: Verified
    database: Path

    @property
    def to_leads(self) -> list[Received]:
        """Messages to leads; the others are to the school's own counsellors."""
        return [message for message in self.ledger if message.recipient != COUNSELLORS]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """Thirty days, once for all tests here. In memory where there is some: nobody pulls a plug here."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder, clock.virtual(START):
        shutil.copytree(WORKSPACE, Path(folder) / "school")
        yield asyncio.run(_play(Path(folder) / "school"))


@pytest.fixture(scope="module")
def facts(played: Played) -> judge.Store:
    """What the store says in the end."""
    return judge.read_store(played.database)


async def _play(folder: Path) -> Played:
    raw = {address(lead): lead for lead in leads()}
    write_list(raw.values(), folder / "leads.csv")
    async with Inbox() as inbox:
        set_up(folder, SEED, smtp=inbox.port, web=free_port())
        with open_nurture(folder) as nurture:
            started = time.perf_counter()
            imported = _import(nurture, "leads.csv")
            took = time.perf_counter() - started
            refused = give_a_source(folder / "leads.rejects.csv", folder / "corrected.csv")
            corrected = _import(nurture, "corrected.csv")
            again = _import(nurture, "leads.csv")
            started = time.perf_counter()
            await live(nurture, inbox, reactions(people(raw.values())), START, END)
            wall = time.perf_counter() - started
            persons, outcomes, mailed = _look(nurture)
            verified = nurture.store.read(lambda connection: verify(connection, nurture.shelf))
    print(
        f"\n{imported.new + corrected.new} imported at {imported.rows / took:.0f} rows/s; {DAYS} days in "
        f"{wall:.0f} s: {len(inbox.ledger)} messages, {len(inbox.ledger) / wall:.0f}/s; "
        f"{dict(Counter(person.lifecycle for person in persons))}"
    )
    return Played(
        raw, imported, refused, corrected, again, inbox.ledger, persons, outcomes, mailed, verified,
        folder / "nurture.db",
    )  # fmt: skip


def _import(nurture: Nurture, name: str) -> Imported:
    folder = nurture.folder
    return import_prospects(
        nurture.store, nurture.programme(), nurture.secrets.suppression, folder / name, folder / "map.yaml",
        clock.now(),
    )  # fmt: skip


def _look(nurture: Nurture) -> tuple[list[Person], Counter[str], int]:
    with_sequences = (
        select(PROSPECTS, func.count(ENROLLMENTS.c.sequence).label("sequences"))
        .join(ENROLLMENTS, ENROLLMENTS.c.prospect == PROSPECTS.c.id, isouter=True)
        .group_by(PROSPECTS.c.id)
    )
    rows = nurture.store.read(lambda connection: connection.execute(with_sequences).all())
    key = nurture.secrets.suppression
    addresses = [row.address for row in rows]
    silent = nurture.store.read(lambda connection: suppressions.reasons_of(connection, key, addresses))
    persons = [
        Person(row.address, row.lifecycle, row.wake_at is not None, row.sequences, row.address in silent)
        for row in rows
    ]
    by_end = select(TOUCHES.c.state, TOUCHES.c.outcome, func.count()).group_by(
        TOUCHES.c.state, TOUCHES.c.outcome
    )
    ended = nurture.store.read(lambda connection: connection.execute(by_end).all())
    outcomes = Counter({outcome or state: count for state, outcome, count in ended})
    mailed = select(func.count()).select_from(HANDOFFS).where(HANDOFFS.c.mailed_at.is_not(None))
    return persons, outcomes, nurture.store.read(lambda connection: connection.scalar(mailed)) or 0


def test_every_row_goes_in_and_the_few_without_a_source_after_they_were_put_right(played: Played) -> None:
    nowhere = [lead for lead in played.raw.values() if not lead["Lead Source"]]
    assert played.imported.rows == LEADS
    assert played.imported.rejected == len(nowhere) == 23
    assert {row["Lead Number"] for row in played.refused} == {lead["Lead Number"] for lead in nowhere}
    reasons = {(row["column"], row["reason"]) for row in played.refused}
    assert reasons == {("Lead Source", "there is no source")}
    assert (played.corrected.new, played.corrected.rejected) == (23, 0)
    assert played.imported.new + played.corrected.new == LEADS
    assert (played.again.new, played.again.changed) == (0, 0)
    assert played.again.unchanged == LEADS - 23


def test_every_lead_is_in_exactly_one_state(played: Played) -> None:
    assert sorted(person.address for person in played.persons) == sorted(played.raw)
    assert {person.lifecycle for person in played.persons} <= STATES
    for person in played.persons:
        if person.lifecycle == "nurturing":
            assert person.sequences
            assert person.wakes or person.suppressed
        elif person.lifecycle in ("new", "closed"):
            assert not person.sequences


def test_nothing_goes_to_those_who_asked_for_silence_or_cannot_be_reached(played: Played) -> None:
    silent = {address for address, lead in played.raw.items() if is_silent(lead)}
    assert len(silent) == 556
    assert silent <= {person.address for person in played.persons if person.suppressed}
    assert silent.isdisjoint(message.recipient for message in played.ledger)


def test_nothing_goes_to_those_who_unsubscribed_on_the_way(played: Played, facts: judge.Store) -> None:
    leavers = {one: at for one, at in facts.unsubscribed.items() if not is_silent(played.raw[one])}
    assert len(leavers) >= 50
    assert leavers.keys() <= {person.address for person in played.persons if person.suppressed}
    late = [one for one in played.to_leads if one.at > leavers.get(one.recipient, END)]
    assert late == []


def test_every_message_is_sound_and_none_comes_twice(played: Played) -> None:
    said: set[tuple[str, str]] = set()
    for received in played.ledger:
        message = email.message_from_bytes(received.raw, policy=policy.default)
        to, subject = message["To"], message["Subject"]
        assert isinstance(message, EmailMessage)
        assert not any(part.defects for part in message.walk())
        assert not to.defects and not subject.defects
        assert [one.addr_spec for one in to.addresses] == [received.recipient]
        assert {"cc", "bcc"}.isdisjoint(name.lower() for name in message)
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        if received.recipient != COUNSELLORS:
            (link,) = re.findall(r"<(https?://[^>]+/u/[^>]+)>", message["List-Unsubscribe"])
            assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert all(link in part.get_content() for part in message.iter_parts())
            said.add((received.recipient, subject))
    assert len(said) == len(played.to_leads)
    assert len({message.message_id for message in played.ledger}) == len(played.ledger)


def test_the_ledger_and_the_outbox_agree(played: Played) -> None:
    assert played.outcomes["sent"] == len(played.to_leads) > 5000
    assert played.outcomes.keys() <= {"sent", "cancelled", "suppressed", "queued"}
    assert played.handoffs_mailed == len(played.ledger) - len(played.to_leads)


def test_every_message_comes_in_the_window_of_its_reader(played: Played) -> None:
    for received in played.to_leads:
        lead = played.raw[received.recipient]
        local = received.at.astimezone(ZoneInfo(zone(lead)))
        off = CLOSED | (CLOSED_IN_INDIA if lead["Country"] == "India" else set())
        assert local.weekday() < 5 and local.date() not in off
        assert OPENS <= (local.hour, local.minute) < CLOSES
    assert len({zone(played.raw[received.recipient]) for received in played.to_leads}) > 10


def test_nobody_is_written_to_too_often(played: Played) -> None:
    sent: dict[str, list[datetime]] = defaultdict(list)
    for received in played.to_leads:
        sent[received.recipient].append(
            received.at.astimezone(ZoneInfo(zone(played.raw[received.recipient])))
        )
    for times in sent.values():
        assert len(times) <= 5
        assert all((later.date() - earlier.date()).days >= 5 for earlier, later in pairwise(times))


def test_promotions_are_those_of_the_agreement(facts: judge.Store) -> None:
    pieces = _pieces()
    firsts = {one: judge.first_lead(heard, pieces, END) for one, heard in facts.heard.items()}
    expected = {one: first for one, first in firsts.items() if first is not None}
    assert facts.promoted == expected
    assert len(expected) >= 100
    assert LEADS - len(expected) >= 1000


def _pieces() -> dict[str, str]:
    """Stages by the path that shows that a piece was read."""
    files = [
        file for stage in ("early", "mid", "late") for file in (WORKSPACE / "templates" / stage).iterdir()
    ]
    heads = {file: yaml.safe_load(file.read_text("utf-8").split("---\n")[1]) for file in files}
    return {head["url"]: file.parent.name for file, head in heads.items()}


def test_verify_finds_nothing(played: Played) -> None:
    assert played.verified.differences == ()
    assert played.verified.prospects == LEADS
