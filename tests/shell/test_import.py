"""Lists into a real store: good rows in, bad ones back, twice changes nothing, silence kept."""

import csv
import gzip
import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from nurture.core.facts import Bounced, Consented, Entered, Fact, FormSent, Happened, Learned, Unsubscribed
from nurture.core.programme import Attribute, Programme
from nurture.core.weighing import refold
from nurture.errors import Mistake
from nurture.intake.prospects import FORGOTTEN, Imported, import_prospects
from nurture.store import Store, history, reasons_of, suppress
from nurture.store.tables import CONSENTS, FACTS, IMPORTED, PROSPECTS, TOUCHES
from tests.core.build import programme

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = b"k" * 32
SHARED = Path(__file__).parents[3] / "shared" / "data"

ATTRIBUTES = {
    one.name: one
    for one in (
        Attribute("first_name", "text", personal=True),
        Attribute("role", "choice", values=("vp", "clerk")),
        Attribute("employees", "number"),
        Attribute("country", "country"),
        Attribute("zone", "zone"),
        Attribute("company", "text"),
        Attribute("industry", "text"),
        Attribute("last_name", "text", personal=True),
    )
}

MAP = """
email: Email
source: {column: Source}
kind: content
basis: legitimate_interest
date: {column: Since}
account: {column: Company}
columns: {First: first_name, Role: role, Size: employees}
zone: Europe/London
blank: [Select, "-"]
values: {Role: {Vice President: vp}}
do_not_mail: {column: Mail, when: [No]}
bounced: {column: Last, when: [Email Bounced]}
events:
  - {form: demo, when: {Last: Asked for a demo}}
  - {event: webinar_attended, when: {Last: Webinar}, at: {column: Since}}
"""
HEADER = "Email,First,Role,Size,Company,Source,Since,Mail,Last\n"
ADA = "Ada@Acme.Example,Ada,Vice President,500,Acme,referral-page,2026-02-01,Yes,Webinar\n"
BEN = "ben@gmail.com,Ben,clerk,-,,referral-page,2026-02-02,Yes,\n"


@pytest.fixture
def bring(store: Store, tmp_path: Path) -> Callable[..., Imported]:
    """Import rows (text) under a map, into the store of the test."""

    def run(rows: str, map: str = MAP, *, now: datetime = NOW, header: str = HEADER, **more: Any) -> Imported:
        path = tmp_path / "leads.csv"
        path.write_text(header + rows, encoding="utf-8")
        (tmp_path / "map.yaml").write_text(map, encoding="utf-8")
        return import_prospects(store, lists(), KEY, path, tmp_path / "map.yaml", now, **more)

    return run


def lists() -> Programme:
    return replace(programme(), attributes=ATTRIBUTES)


def person(store: Store, address: str) -> Any:
    return store.read(lambda c: c.execute(select(PROSPECTS).where(PROSPECTS.c.address == address)).one())


def facts(store: Store, address: str) -> tuple[Fact, ...]:
    return store.read(lambda c: history(c, person(store, address).id))


def counted(imported: Imported) -> tuple[int, int, int, int, int]:
    """New, changed, unchanged, duplicates, rejected; their sum is the rows."""
    counts = imported.new, imported.changed, imported.unchanged, imported.duplicates, imported.rejected
    assert sum(counts) == imported.rows
    return counts


def everything(store: Store) -> list[Any]:
    """All rows that an import writes."""
    tables = (PROSPECTS, FACTS, IMPORTED, CONSENTS)
    return store.read(
        lambda c: [
            tuple(row) for table in tables for row in c.execute(select(table).order_by(*table.primary_key))
        ]
    )


def test_a_person_is_entered_with_all_that_the_list_says(
    store: Store, bring: Callable[..., Imported]
) -> None:
    assert counted(bring(ADA + BEN)) == (2, 0, 0, 0, 0)
    since = datetime(2026, 2, 1, tzinfo=UTC)
    row = person(store, "ada@acme.example")
    assert (row.account, row.personal, row.source, row.source_kind) == (
        "Acme", {"first_name": "Ada"}, "referral-page", "content",
    )  # fmt: skip
    assert (row.entered_at, row.wake_at, row.lifecycle, row.n) == (since, NOW, "new", 3)
    values = {"role": "vp", "employees": 500.0, "zone": "Europe/London"}
    assert [(fact.body, fact.at, fact.known) for fact in facts(store, "ada@acme.example")] == [
        (Entered("referral-page", "content", "", "legitimate_interest"), since, NOW),
        (Learned(values, ("first_name",), "import"), NOW, NOW),
        (Happened("webinar_attended"), since, NOW),
    ]
    consents = store.read(lambda c: c.execute(select(CONSENTS).where(CONSENTS.c.prospect == row.id)).one())
    assert (consents.basis, consents.source) == ("legitimate_interest", "referral-page")
    assert (consents.at, consents.known, consents.way) == (since, NOW, "import")
    assert consents.evidence == "leads.csv, row 2"
    ben = person(store, "ben@gmail.com")
    assert ben.account == "", "everybody may have an address there"
    assert facts(store, "ben@gmail.com")[1].body == Learned(
        {"role": "clerk", "zone": "Europe/London"}, ("first_name",), "import"
    )


def test_personal_values_stand_in_the_persons_row_alone(store: Store, bring: Callable[..., Imported]) -> None:
    bring("zeta@acme.example,Zerelda,,,,page,2026-02-01,Yes,\n")
    written = repr(store.read(lambda c: [c.execute(select(t)).all() for t in (FACTS, IMPORTED, CONSENTS)]))
    assert "Zerelda" not in written
    assert "zeta" not in written


def test_a_second_run_changes_nothing(store: Store, bring: Callable[..., Imported]) -> None:
    rows = (
        ADA
        + BEN
        + "cy@acme.example,Cy,,,,page,2026-02-03,No,\nada@acme.example,Adah,,,,page,2026-02-01,Yes,\n"
    )
    assert counted(bring(rows)) == (3, 0, 0, 1, 0)
    before = everything(store)
    again = bring(rows, now=NOW + timedelta(days=1))
    assert counted(again) == (0, 0, 3, 1, 0)
    assert again.suppressed == 1
    assert everything(store) == before


def test_a_changed_row_is_learned_and_nothing_else(store: Store, bring: Callable[..., Imported]) -> None:
    bring(ADA + BEN)
    later = NOW + timedelta(days=1)
    assert counted(bring(ADA.replace("500", "600").replace(",Ada,", ",Adah,") + BEN, now=later)) == (
        0,
        1,
        1,
        0,
        0,
    )
    (new,) = facts(store, "ada@acme.example")[3:]
    assert (new.body, new.at) == (Learned({"employees": 600.0}, ("first_name",), "import"), later)
    row = person(store, "ada@acme.example")
    assert (row.personal, row.wake_at, row.n) == ({"first_name": "Adah"}, later, 4)


def test_what_a_list_leaves_blank_takes_nothing_away(store: Store, bring: Callable[..., Imported]) -> None:
    bring(ADA)
    assert counted(bring("ada@acme.example,,,Select,,referral-page,2026-02-01,,\n")) == (0, 0, 1, 0, 0)
    assert person(store, "ada@acme.example").personal == {"first_name": "Ada"}


def test_of_two_rows_the_later_one_wins_once_and_for_all(
    store: Store, bring: Callable[..., Imported]
) -> None:
    filler = "".join(f"p{n}@acme.example,P,,,,page,2026-02-01,,\n" for n in range(600))
    rows = ADA + filler + ADA.replace(",500,", ",700,").replace("Vice President", "") + BEN
    assert counted(bring(rows)) == (602, 0, 0, 1, 0)
    learned = facts(store, "ada@acme.example")[1].body
    assert isinstance(learned, Learned)
    assert learned.values == {"role": "vp", "employees": 700.0, "zone": "Europe/London"}
    assert counted(bring(rows)) == (0, 0, 602, 1, 0)


def test_bad_rows_come_back_with_their_reason_and_good_ones_go_in(
    store: Store, bring: Callable[..., Imported], tmp_path: Path
) -> None:
    bad = (
        "no-address,X,,,,page,2026-02-01,,\n"
        "dan@acme.example,Dan,queen,many,,page,2026-02-01,,\n"
        "eva@acme.example,Eva,vp,5,,,2026-02-01,,\n"
        "fay@acme.example,Fay,vp,5,,page,2027-02-01,,\n"
        "gus@acme.example,Gus,vp\n"
        'hal@acme.example,"Hal" x,vp,5,,page,2026-02-01,,\n'
        "=cmd()@@,Ida,vp,5,,page,2026-02-01,,\n"
    )
    imported = bring(ADA + bad + BEN)
    assert counted(imported) == (2, 0, 0, 0, 7)
    assert imported.rejects == tmp_path / "leads.rejects.csv"
    assert imported.rejects.stat().st_mode & 0o777 == 0o600
    with imported.rejects.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["row", "column", "reason", *HEADER.strip().split(",")]
    assert [row[:2] for row in rows] == [
        ["3", "Email"], ["4", "Role; Size"], ["5", "Source"], ["6", "Since"],
        ["7", ""], ["8", ""], ["9", "Email"],
    ]  # fmt: skip
    assert rows[1][3:] == ["dan@acme.example", "Dan", "queen", "many", "", "page", "2026-02-01", "", ""]
    assert "not one of the values of role" in rows[1][2]
    assert "future" in rows[3][2]
    assert rows[6][3] == "'=cmd()@@", "a spreadsheet shows it and does not run it"


def test_corrected_rejects_are_a_list_too(
    store: Store, bring: Callable[..., Imported], tmp_path: Path
) -> None:
    imported = bring(ADA + "dan@acme.example,-Dan,vp,many,,page,2026-02-01,,\n")
    assert imported.rejects
    imported.rejects.write_text(imported.rejects.read_text().replace("many", "7"))
    again = import_prospects(store, lists(), KEY, imported.rejects, tmp_path / "map.yaml", NOW)
    assert counted(again) == (1, 0, 0, 0, 0)
    assert person(store, "dan@acme.example").personal == {"first_name": "-Dan"}


def test_a_file_of_rejects_goes_when_there_are_none(bring: Callable[..., Imported], tmp_path: Path) -> None:
    assert bring(ADA + "x,,,,,,,,\n").rejected == 1
    assert bring(ADA).rejects is None
    assert not (tmp_path / "leads.rejects.csv").exists()


def test_who_is_not_to_be_mailed_is_entered_and_suppressed(
    store: Store, bring: Callable[..., Imported]
) -> None:
    rows = (
        "cy@acme.example,Cy,,,,page,2026-02-03,No,\ndi@acme.example,Di,,,,page,2026-02-03,Yes,Email Bounced\n"
    )
    imported = bring(rows)
    assert (counted(imported), imported.suppressed) == ((2, 0, 0, 0, 0), 2)
    addresses = ["cy@acme.example", "di@acme.example"]
    reasons = store.read(lambda c: reasons_of(c, KEY, addresses))
    assert reasons == {"cy@acme.example": "unsubscribed", "di@acme.example": "bounced"}
    bodies = [facts(store, address)[-1].body for address in addresses]
    assert bodies == [Unsubscribed(way="import"), Bounced(0, "hard")]


def test_a_wish_for_silence_is_heard_in_a_row_that_is_refused(
    store: Store, bring: Callable[..., Imported]
) -> None:
    bring(ADA)
    refused = (
        ADA.replace("500", "many").replace(",Yes,", ",No,") + "new@acme.example,,,many,,page,2026-02-01,No,\n"
    )
    imported = bring(refused)
    assert (counted(imported), imported.suppressed) == ((0, 0, 0, 0, 2), 2)
    both = ["ada@acme.example", "new@acme.example"]
    assert set(store.read(lambda c: reasons_of(c, KEY, both))) == set(both)
    assert facts(store, "ada@acme.example")[-1].body == Unsubscribed(way="import")
    count = len(facts(store, "ada@acme.example"))
    bring(refused)
    assert len(facts(store, "ada@acme.example")) == count


def test_a_yes_that_the_map_does_not_know_is_no_yes_to_mail(bring: Callable[..., Imported]) -> None:
    map = MAP.replace(
        "do_not_mail: {column: Mail, when: [No]}", "do_not_mail: {column: Mail, when: [opt-out]}"
    )
    imported = bring(ADA.replace(",Yes,", ",1,"), map)
    assert counted(imported) == (0, 0, 0, 0, 1)


def test_nothing_on_its_way_reaches_somebody_whom_a_list_silences(
    store: Store, bring: Callable[..., Imported]
) -> None:
    bring(ADA)
    id = person(store, "ada@acme.example").id

    def queue(connection: Connection) -> None:
        times = dict.fromkeys(("chosen_at", "opens", "closes", "expires", "due_at"), NOW)
        words = dict.fromkeys(("piece", "sequence", "stage", "programme", "zone", "owner", "words"), "x")
        row = {"id": 1, "prospect": id, "decision": 1, "occurrence": 1, "state": "queued", "attempts": 0}
        connection.execute(insert(TOUCHES).values(**times, **words, **row, cancelled=False, epoch=0))

    store.write_now(queue)
    bring(ADA.replace(",Yes,", ",No,"))
    assert store.read(lambda c: c.scalar(select(TOUCHES.c.cancelled))) is True


def test_an_import_never_ends_a_silence(store: Store, bring: Callable[..., Imported]) -> None:
    store.write_now(lambda c: suppress(c, KEY, "ada@acme.example", "unsubscribed", NOW))
    store.write_now(lambda c: suppress(c, KEY, "gmail.com", "manual", NOW))
    imported = bring(ADA + BEN)
    assert (counted(imported), imported.suppressed) == ((2, 0, 0, 0, 0), 2)
    assert facts(store, "ada@acme.example")[-1].body == Unsubscribed(way="import")
    more = MAP.replace("legitimate_interest", "consent")
    bring(ADA + BEN, more)
    bring("ada@acme.example,Ada,,,,other,2026-02-20,,\n", more)
    assert set(store.read(lambda c: reasons_of(c, KEY, ["ada@acme.example", "ben@gmail.com"]))) == {
        "ada@acme.example",
        "ben@gmail.com",
    }
    told = facts(store, "ada@acme.example")
    assert not any(isinstance(fact.body, Consented) for fact in told)
    journey = refold(told[0].prospect, told, lists())
    assert journey.permission.silence == "unsubscribed"
    assert journey.evidence.attributes["source"].value == "referral-page", "the first source stays"


@pytest.mark.parametrize(
    "spelling", ["ADA@Bücher.Example", "ada@xn--bcher-kva.example", " ada@BÜCHER.example "]
)
@pytest.mark.parametrize("reason", ["unsubscribed", "complained", "bounced"])
def test_who_said_no_stays_silent_after_their_row_is_gone(
    spelling: str, reason: str, store: Store, bring: Callable[..., Imported]
) -> None:
    """The hash outlives the row; every spelling of the address is the same person."""
    row = f"{spelling},Ada,,,,page,2026-02-01,,\n"
    bring(row)
    store.write_now(lambda c: suppress(c, KEY, "ada@xn--bcher-kva.example", reason, NOW))
    store.write_now(lambda c: c.execute(delete(PROSPECTS)))
    again = bring(row, MAP.replace("legitimate_interest", "consent"))
    assert (again.new, again.suppressed) == (1, 1)
    told = facts(store, "ada@xn--bcher-kva.example")
    assert refold(told[0].prospect, told, lists()).permission.silence
    assert store.read(lambda c: reasons_of(c, KEY, ["ada@xn--bcher-kva.example"])).popitem()[1] == reason
    assert (bring(row).changed, person(store, "ada@xn--bcher-kva.example").n) == (1, len(told) + 1)


def test_who_left_a_sequence_is_known_by_it_after_their_row_is_gone(
    store: Store, bring: Callable[..., Imported]
) -> None:
    bring(ADA)
    store.write_now(lambda c: suppress(c, KEY, "ada@acme.example", "unsubscribed", NOW, scope="late"))
    store.write_now(lambda c: suppress(c, KEY, "ada@acme.example", "unsubscribed", NOW, scope="early"))
    assert bring(ADA).unchanged == 1, "whoever is here has the fact already"
    store.write_now(lambda c: c.execute(delete(PROSPECTS)))
    assert bring(ADA + BEN).suppressed == 0
    told = facts(store, "ada@acme.example")
    assert [fact.body for fact in told[-2:]] == [
        Unsubscribed("early", "import"),
        Unsubscribed("late", "import"),
    ]
    assert refold(told[0].prospect, told, lists()).permission.unwanted == ("early", "late")
    assert facts(store, "ben@gmail.com")[-1].body != told[-1].body
    ledger = store.read(lambda c: c.execute(select(CONSENTS).order_by(CONSENTS.c.id)).all())
    assert [(row.kind, row.scope, row.way) for row in ledger if row.kind == "withdrawn"] == [
        ("withdrawn", "early", "import"),
        ("withdrawn", "late", "import"),
    ]


def test_a_customers_domain_silences_without_words_in_anybodys_mouth(
    store: Store, bring: Callable[..., Imported]
) -> None:
    store.write_now(lambda c: suppress(c, KEY, "acme.example", "customer", NOW))
    assert bring(ADA).suppressed == 1
    assert not any(isinstance(fact.body, Unsubscribed) for fact in facts(store, "ada@acme.example"))
    sub = ADA.replace("Acme.Example", "mail.acme.example")
    assert bring(sub).suppressed == 0, "a subdomain is another name"


def test_a_basis_counts_from_the_day_on_which_it_was_given(
    store: Store, bring: Callable[..., Imported]
) -> None:
    map = MAP.replace("date: {column: Since}", "date: {column: Since}\ngiven: {column: Given}")
    header, given = HEADER.replace("\n", ",Given\n"), datetime(2024, 2, 1, tzinfo=UTC)
    bring(ADA.replace("\n", ",2024-02-01\n") + BEN.replace("\n", ",\n"), map, header=header)
    entered = facts(store, "ada@acme.example")[0]
    assert (entered.at, getattr(entered.body, "given", 0)) == (datetime(2026, 2, 1, tzinfo=UTC), given)
    assert getattr(facts(store, "ben@gmail.com")[0].body, "given", 0) is None
    days = store.read(lambda c: c.scalars(select(CONSENTS.c.at).order_by(CONSENTS.c.id)).all())
    assert days == [given, datetime(2026, 2, 2, tzinfo=UTC)]
    again = bring(ADA.replace("\n", ",2024-02-01\n") + BEN.replace("\n", ",\n"), map, header=header)
    assert again.unchanged == 2
    bad = bring(ADA.replace("\n", ",soon\n"), map, header=header)
    assert bad.rejected == 1


def test_who_asked_to_be_forgotten_is_not_entered_again(store: Store, bring: Callable[..., Imported]) -> None:
    store.write_now(lambda c: suppress(c, KEY, "ada@acme.example", "erased", NOW))
    imported = bring(ADA + BEN)
    assert counted(imported) == (1, 0, 0, 0, 1)
    assert imported.rejects
    assert FORGOTTEN in imported.rejects.read_text()
    assert store.read(lambda c: c.scalars(select(PROSPECTS.c.address)).all()) == ["ben@gmail.com"]


def test_what_a_form_told_us_since_is_not_taken_back(store: Store, bring: Callable[..., Imported]) -> None:
    bring(ADA)
    theirs = PROSPECTS.c.address == "ada@acme.example"
    store.write_now(
        lambda c: c.execute(update(PROSPECTS).where(theirs).values(personal={"first_name": "Augusta"}))
    )
    assert counted(bring(ADA)) == (0, 0, 1, 0, 0)
    assert person(store, "ada@acme.example").personal == {"first_name": "Augusta"}


def test_events_are_heard_once(store: Store, bring: Callable[..., Imported]) -> None:
    asked = ADA.replace("Webinar", "Asked for a demo")
    bring(asked)
    bring(asked, now=NOW + timedelta(days=2))
    events = [fact for fact in facts(store, "ada@acme.example") if isinstance(fact.body, FormSent)]
    assert [(fact.body, fact.at) for fact in events] == [(FormSent("demo"), NOW)]


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    store: Store, bring: Callable[..., Imported]
) -> None:
    bring(BEN)
    before = everything(store)
    rows = ADA + BEN.replace("clerk", "vp") + "x,,,,,,,,\n" + ADA
    pretended = bring(rows, pretend=True)
    assert everything(store) == before
    assert replace(pretended, rejects=None) == replace(bring(rows), rejects=None)
    assert counted(pretended) == (1, 1, 0, 1, 1)


@pytest.mark.parametrize(
    "line", ["basis: legitimate_interest", "source: {column: Source}", "date: {column: Since}"]
)
def test_a_list_without_basis_source_and_date_is_refused(
    store: Store, bring: Callable[..., Imported], line: str
) -> None:
    assert line in MAP
    with pytest.raises(Mistake, match=line.split(":", maxsplit=1)[0]):
        bring(ADA, MAP.replace(line + "\n", ""))
    assert everything(store) == []


def test_the_progress_goes_to_the_end_of_the_file(bring: Callable[..., Imported], tmp_path: Path) -> None:
    heard: list[int] = []
    bring("".join(f"p{n}@acme.example,P,,,,page,2026-02-01,,\n" for n in range(1000)), progress=heard.append)
    assert len(heard) > 2
    assert heard == sorted(heard)
    assert heard[-1] == (tmp_path / "leads.csv").stat().st_size


# Real and hostile lists ---------------------------------------------------------------------------

shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data beside the repository")

LEADS = """
email: Email
source: {column: Lead Source}
kind: unknown
basis: legitimate_interest
date: {column: Created Time}
account: {column: Company}
columns: {Last Name: last_name, Company: company, Industry: industry}
blank: ["-None-", "-"]
events:
  - {event: trade_show, when: {Lead Source: Trade Show}, at: {column: Created Time}}
"""
CONTACTS = """
email: Email
source: {column: Lead Source}
basis: customer
date: {column: Created Time}
columns: {Last Name: last_name}
"""


def import_copy(store: Store, folder: Path, name: str, map: str) -> Imported:
    copy = folder / name
    copy.write_bytes((SHARED / "crm_export_messy" / name).read_bytes())
    (folder / "map.yaml").write_text(map)
    return import_prospects(store, lists(), KEY, copy, folder / "map.yaml", NOW)


@shared
def test_a_real_export_of_leads_and_contacts(store: Store, tmp_path: Path) -> None:
    leads = import_copy(store, tmp_path, "Leads.csv.gz", LEADS)
    assert leads.rows == 3900
    assert sum(counted(leads)) == 3900
    contacts = import_copy(store, tmp_path, "Contacts.csv", CONTACTS)
    assert sum(counted(contacts)) == 1265
    assert leads.new + contacts.new == store.read(lambda c: len(c.scalars(select(PROSPECTS.c.id)).all()))
    assert leads.new > 3000
    before = everything(store)
    again = import_copy(store, tmp_path, "Contacts.csv", CONTACTS)
    assert (again.new, again.changed) == (0, 0)
    assert everything(store) == before


@shared
def test_naughty_strings_as_names_go_in_or_come_back(store: Store, tmp_path: Path) -> None:
    naughty = json.loads((SHARED / "edge" / "naughty_strings.json").read_text("utf-8"))
    path, map = tmp_path / "naughty.csv", tmp_path / "map.yaml"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Email", "Name", "Company"])
        writer.writerows([f"n{number}@acme.example", text, text] for number, text in enumerate(naughty))
        writer.writerows([text, "", ""] for text in naughty)
    map.write_text(
        "email: Email\nsource: list\nbasis: none\ndate: 2026-02-01\n"
        "columns: {Name: first_name, Company: company}\n"
    )
    imported = import_prospects(store, lists(), KEY, path, map, NOW)
    counted(imported)
    rows = store.read(lambda c: c.execute(select(PROSPECTS.c.address, PROSPECTS.c.personal)).all())
    names = {row.address: row.personal.get("first_name", "") for row in rows}
    assert len(names) == imported.new
    for number, text in enumerate(naughty):  # all a list loses is the space around a text
        if "\0" not in text and len(text) <= 1000:
            assert names[f"n{number}@acme.example"] == text.strip(), text


# Much of it ----------------------------------------------------------------------------------------


def _write_many(path: Path, count: int) -> None:
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.write(HEADER)
        for number in range(count):
            who = f"p{number}@d{number % 4000}.example,Name{number},vp,{number % 900}"
            file.write(f"{who},,page,2026-02-01,Yes,Webinar\n")


def _beside(url: str, started: Any, stop: Any, answers: Any) -> None:
    """Another process that reads and writes as a daemon does; what it did, or how it failed."""
    writes, longest = 0, 0.0
    try:
        with Store(url) as store, store.alone():
            while not stop.is_set():
                begun = time.monotonic()
                store.write_now(_touch_something)
                longest = max(longest, time.monotonic() - begun)
                writes += 1
                started.set()
                time.sleep(0.01)
        answers.put((writes, longest, ""))
    except Exception as error:
        started.set()
        answers.put((writes, longest, repr(error)))


def _touch_something(connection: Connection) -> None:
    first = select(PROSPECTS.c.id).order_by(PROSPECTS.c.id).limit(1).scalar_subquery()
    connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == first).values(mark="seen"))


@pytest.mark.slow
def test_a_hundred_thousand_rows_in_flat_memory_beside_a_daemon(sqlite_database: str, tmp_path: Path) -> None:
    path, map = tmp_path / "many.csv.gz", tmp_path / "map.yaml"
    _write_many(path, 100_000)
    map.write_text(MAP)
    spawn = multiprocessing.get_context("spawn")
    started, stop, answers = spawn.Event(), spawn.Event(), spawn.Queue()
    daemon = spawn.Process(target=_beside, args=(sqlite_database, started, stop, answers))
    daemon.start()
    started.wait(30)
    with Store(sqlite_database) as store:
        before = _resident()
        begun = time.monotonic()
        seen: list[int] = []
        imported = import_prospects(
            store, lists(), KEY, path, map, NOW, progress=lambda read: seen.append(_resident())
        )
        took = time.monotonic() - begun
        grown = max(seen) - before
        begun = time.monotonic()
        again = import_prospects(store, lists(), KEY, path, map, NOW)
        took_again = time.monotonic() - begun
    stop.set()
    writes, longest, failed = answers.get(timeout=30)
    daemon.join(30)
    print(
        f"\n{100_000 / took:,.0f} rows/s, again {100_000 / took_again:,.0f} rows/s,"
        f" {grown / 1e6:.0f} MB more memory;"
        f" the other process wrote {writes} times and waited {longest * 1000:.0f} ms at most"
    )
    assert counted(imported) == (100_000, 0, 0, 0, 0)
    assert counted(again) == (0, 0, 100_000, 0, 0)
    assert failed == ""
    assert writes > 10
    assert grown < 60e6


def _resident() -> int:
    """Bytes this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
