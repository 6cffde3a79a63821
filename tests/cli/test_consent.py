"""`nurture suppress` and `nurture consent`: who is not written to, why, until when, and what it takes to
write again."""

from datetime import timedelta

import pytest

from nurture.core.facts import Bounced, Complained, Consented, Released, Unsubscribed
from nurture.engine.silencing import silence
from nurture.store import find, history
from tests.cli.workspace import START, Place

ROWS = "email,date,given,basis,country\nold@maple.example,2025-01-10,2024-09-01,customer,CA\n" + (
    "new@maple.example,2025-01-10,2024-11-01,customer,CA\nany@maple.example,2025-01-10,2024-09-01,consent,CA\n"
    "bob@britain.example,2025-01-10,2024-09-01,customer,GB\nask@maple.example,2026-03-01,,soft_opt_in,CA\n"
)
MAP = """email: email
source: crm
kind: content
basis: {column: basis}
date: {column: date}
given: {column: given}
columns: {country: country}
"""


def bring(place: Place, rows: str, map: str = MAP) -> None:
    (place.folder / "crm.csv").write_text(rows)
    (place.folder / "crm.yaml").write_text(map)
    place.ok("import", "prospects", "crm.csv", "--map", "crm.yaml")


def silenced(place: Place, address: str, why: Unsubscribed | Complained | Bounced) -> None:
    """As a page or a report does it."""
    with place.opened(START) as nurture:
        row = nurture.store.read(lambda c: find(c, address))
        assert row is not None
        nurture.store.write_now(
            lambda c: silence(
                c, row.id, why, START, "as reported", key=nurture.secrets.suppression,
                programme=nurture.programme().hash, now=START,
            )
        )  # fmt: skip


def test_implied_consent_ends_where_the_law_of_the_country_says(place: Place) -> None:
    """A customer of 25 months ago in Canada is never mailed; express consent stands."""
    bring(place, ROWS)
    place.ok("wake")
    for name, may in (
        ("old@maple.example", "We may not write: "),
        ("new@maple.example", "We may write on the ground of customer, until Sun 1 Nov 2026"),
        ("any@maple.example", "We may write on the ground of consent, until it is withdrawn."),
        ("bob@britain.example", "We may write on the ground of customer, until Wed 1 Sep 2027"),
        ("ask@maple.example", "We may not write: "),  # a blank `given`: the date of entry counts
    ):
        assert may in place.ok("consent", "show", name).out, name
    told = place.ok("why", "old@maple.example").out
    assert "2026" in next(line for line in told.splitlines() if "because" in line)
    assert "old@maple.example" not in place.ok("outbox", "list", "--json").out
    assert "24" in place.ok("consent", "show", "old@maple.example", "--json").data[0]["at"]


def test_the_same_ground_given_again_later_counts_from_then(place: Place) -> None:
    bring(place, ROWS)
    assert "may not" in place.ok("consent", "show", "old@maple.example").out
    bring(
        place,
        ROWS.replace("2024-09-01,customer,CA", "2026-08-01,customer,CA"),
    )
    shown = place.ok("consent", "show", "old@maple.example")
    assert "until Tue 1 Aug 2028" in shown.out
    assert [row["kind"] for row in place.ok("consent", "show", "old@maple.example", "--json").data] == [
        "given",
        "given",
    ]


@pytest.mark.parametrize("why", [Complained(), Unsubscribed("all", "one_click")])
def test_what_people_said_is_lifted_by_a_new_consent_alone(
    people: Place, why: Unsubscribed | Complained
) -> None:
    silenced(people, "ada@acme.example", why)
    assert "We may not write: suppressed" in people.ok("consent", "show", "ada@acme.example").out
    for evidence in ([], ["--why", "  "]):
        refused = people.run("suppress", "remove", "ada@acme.example", *evidence)
        assert refused.code == 1
        assert "only evidence of a new consent lifts that" in refused.err
    people.ok("suppress", "remove", "Ada@ACME.example", "--why", "signed the form at the fair, card 17")
    ledger = people.ok("consent", "show", "ada@acme.example", "--json").data
    assert [(row["kind"], row["way"]) for row in ledger] == [
        ("given", "import"),
        ("withdrawn", "complaint" if isinstance(why, Complained) else "one_click"),
        ("given", "manual"),
    ]
    assert ledger[-1]["evidence"] == "signed the form at the fair, card 17"
    assert "We may write on the ground of consent" in people.ok("consent", "show", "ada@acme.example").out
    assert isinstance(last(people, "ada@acme.example"), Consented)


def last(place: Place, address: str) -> object:
    with place.opened(START) as nurture:
        row = nurture.store.read(lambda c: find(c, address))
        assert row is not None
        return nurture.store.read(lambda c: history(c, row.id))[-1].body


def test_a_domain_of_a_customer_is_listed_with_its_reason_and_let_go_without_a_consent(people: Place) -> None:
    people.ok("suppress", "add", "ACME.example", "--reason", "customer", "--why", "contract 4711")
    assert "suppressed (customer)" in people.ok("consent", "show", "ada@acme.example").out
    (row,) = people.ok("suppress", "list", "--json").data
    assert (row["covers"], row["reason"], row["scope"]) == ("domain", "customer", "all")
    assert row["evidence"] == "contract 4711"
    people.ok("suppress", "remove", "acme.example")
    assert isinstance(last(people, "ada@acme.example"), Released)
    assert "We may write" in people.ok("consent", "show", "ada@acme.example").out


def test_a_domain_let_go_leaves_those_silent_who_are_listed_themselves(people: Place) -> None:
    people.ok("suppress", "add", "acme.example", "--reason", "customer")
    silenced(people, "ada@acme.example", Complained(1))
    people.ok("suppress", "remove", "acme.example")
    assert isinstance(last(people, "ada@acme.example"), Complained), "and no fact says otherwise"
    assert "suppressed (complained)" in people.ok("consent", "show", "ada@acme.example").out


def test_an_address_that_works_again_may_be_written_to_again(people: Place) -> None:
    silenced(people, "ada@acme.example", Bounced(1, "hard"))
    people.ok("suppress", "remove", "ada@acme.example")
    assert "We may write" in people.ok("consent", "show", "ada@acme.example").out
    assert "bounced" not in people.ok("why", "ada@acme.example").out


def test_one_sequence_is_lifted_alone(people: Place) -> None:
    silenced(people, "ada@acme.example", Unsubscribed("evaluate-platform", "page"))
    assert people.run("suppress", "remove", "ada@acme.example", "--why", "asked").code == 1
    people.ok("suppress", "remove", "ada@acme.example", "--why", "asked", "--scope", "evaluate-platform")
    assert last(people, "ada@acme.example") == Consented("consent", "evaluate-platform", given=START)


def test_a_list_of_domains_with_what_cannot_be_read_in_it(place: Place) -> None:
    (place.folder / "rivals.txt").write_text(
        "# our rivals\nrival.example\n\n@other.example\nno domain\nbücher.example\n"
    )
    ended = place.run("suppress", "import", "rivals.txt", "--reason", "competitor")
    assert ended.code == 1
    assert "3 names are never mailed" in ended.out
    assert "row 5: no domain is neither an address nor a domain" in ended.err
    assert "1 rows could not be read" in ended.err
    rows = place.ok("suppress", "list", "--json").data
    assert [(row["reason"], row["evidence"]) for row in rows] == [("competitor", "rivals.txt")] * 3
    place.ok("suppress", "remove", "xn--bcher-kva.example")


def test_a_column_of_a_csv_file(place: Place) -> None:
    (place.folder / "crm.csv").write_text("Account,Domain\nAcme,acme.example\nBeta,\nGamma,gamma.example\n")
    place.ok("suppress", "import", "crm.csv", "--column", "Domain", "--reason", "customer", "--why", "CRM")
    assert len(place.ok("suppress", "list", "--json").data) == 2
    wrong = place.run("suppress", "import", "crm.csv", "--column", "Domains")
    assert wrong.code == 1
    assert "it has Account, Domain" in wrong.err


def test_nobody_is_resurrected_by_a_form_or_a_list_after_the_day_is_over(people: Place) -> None:
    """Addresses in other spellings are the same people."""
    silenced(people, "ada@acme.example", Unsubscribed("all", "one_click"))
    later = START + timedelta(days=400)
    (people.folder / "again.csv").write_text("email\nADA@Acme.Example\n")
    (people.folder / "again.yaml").write_text(
        "email: email\nsource: fair\nkind: content\nbasis: consent\ndate: 2026-10-04\ncolumns: {}\n"
    )
    people.ok("import", "prospects", "again.csv", "--map", "again.yaml", at=later)
    assert (
        "We may not write: suppressed (unsubscribed)" in people.ok("consent", "show", "ada@acme.example").out
    )
