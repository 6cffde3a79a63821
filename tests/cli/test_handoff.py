"""Sales on the command line: the list, the packet, and every answer."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from nurture.core import facts as f
from nurture.store.tables import DEALS, HANDOFFS, PROSPECTS
from tests.cli.workspace import START, Place

HOUR = timedelta(hours=1)
NOW = START + HOUR


@pytest.fixture
def asked(people: Place) -> Place:
    """Ada asked for a demonstration: handoff 1."""
    people.hear("ada@acme.example", f.FormSent("demo"), at=NOW)
    return people


def lifecycle(place: Place) -> str:
    query = select(PROSPECTS.c.lifecycle).where(PROSPECTS.c.address == "ada@acme.example")
    return str(place.read(lambda c: c.scalar(query)))


def test_nothing_to_list(people: Place) -> None:
    assert people.ok("handoff", "list").out == "No handoffs.\n"
    assert people.ok("handoff", "list", "--json").data == []
    assert people.mistake("handoff", "show", "1") == (
        "Error: there is no handoff 1; `nurture handoff list` shows those there are"
    )


def test_sales_is_told_by_a_file_where_no_server_is_named(asked: Place) -> None:
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default)
             for path in (asked.folder / "outbox").glob("*.eml")]  # fmt: skip
    (told,) = [mail for mail in mails if mail["To"] == "daniel@matchlight.example"]
    assert told["Subject"].startswith("Asked for us: Ada, Acme (grade A), answer ")
    assert {part.get_content_type() for part in told.walk()} >= {"text/html", "text/plain"}
    assert "nurture handoff accept 1 --by YOU" in told.get_body(("plain",)).get_content()


def test_the_list(asked: Place) -> None:
    table = asked.ok("handoff", "list", at=NOW)
    assert "ada@acme.example" in table.out
    assert "Next: nurture handoff show 1" in table.err
    (row,) = asked.ok("handoff", "list", "--json", "--addresses", at=NOW).data
    assert (row["id"], row["state"], row["email"], row["grade"], row["mailed_at"]) == (
        1, "open", "ada@acme.example", "A", "2026-10-05T10:00:00Z",
    )  # fmt: skip
    assert row["due_at"] == "2026-10-06T10:00:00Z"
    assert asked.ok("handoff", "list", "--state", "won", "--json", at=NOW).data == []


def test_the_packet_in_words(asked: Place) -> None:
    text = asked.ok("handoff", "show", "1", at=NOW).out
    assert text.splitlines()[0] == "Ada  ada@acme.example  acme.example"
    for title in ("Why now", "To start with", "Fit", "Came from", "Journey"):
        assert f"\n{title}\n" in text
    assert "handoff 1 is open; promised to be answered by Tue 6 Oct 2026 11:00 BST" in text
    assert "  asked for sales (demo)" in text
    assert "They sent the form demo on Mon 5 Oct 2026 11:00 BST." in text
    assert re.search(r"^  +30  yes +employees: ", text, re.MULTILINE)


def test_accepted_opportunity_won(asked: Place) -> None:
    done = asked.ok("handoff", "accept", "1", "--by", "tom", at=NOW)
    assert done.out == "Handoff 1 is accepted.\n"
    asked.ok("handoff", "opportunity", "1", "--amount", "9000", "--currency", "GBP", at=NOW + HOUR)
    asked.ok("handoff", "won", "1", "--amount", "12500.50", "--currency", "GBP", at=NOW + 2 * HOUR)
    asked.ok("wake", at=NOW + 2 * HOUR)
    (deal,) = asked.read(lambda c: c.execute(select(DEALS)).all())
    assert (deal.id, deal.status, deal.amount, deal.currency) == ("handoff-1", "won", 1_250_050, "GBP")
    assert lifecycle(asked) == "won"
    lines = asked.ok("journey", "ada@acme.example", at=NOW + 3 * HOUR).out.splitlines()
    assert [line.split()[2] for line in lines[-5:]] == ["accepted", "opportunity", "deal", "won", "deal"]
    assert lines[-5].endswith("by tom")


def test_rejected(asked: Place) -> None:
    asked.ok("handoff", "reject", "1", "not_icp", "--by", "tom", at=NOW)
    asked.ok("wake", at=NOW)
    assert lifecycle(asked) == "closed"
    (row,) = asked.ok("handoff", "list", "--json", at=NOW).data
    assert (row["state"], row["reason"], row["by"]) == ("rejected", "not_icp", "tom")


def test_recycled(asked: Place) -> None:
    asked.ok("handoff", "accept", "1", at=NOW)
    asked.ok("handoff", "recycle", "1", "no_response", at=NOW)
    asked.ok("wake", at=NOW)
    (row,) = asked.ok("prospect", "list", "--contains", "ada", "--json", at=NOW).data
    assert (row["lifecycle"], row["stage"], row["waits_for"]) == ("resting", "mid", "resting")
    assert "resting until Wed 4 Nov 2026 10:00 GMT" in asked.ok("why", "ada@acme.example", at=NOW).out


REFUSED = {
    "won 1": "handoff 1 is open: won follows accepted, opportunity",
    "recycle 1 not_now": "handoff 1 is open: recycled follows accepted, opportunity, lost",
    "reject 1 dunno": '"dunno" is no reason for rejected; the agreement knows not_icp, duplicate, ',
    "accept 2": "there is no handoff 2; `nurture handoff list` shows those there are",
    "lost 1 --amount 12.500,00": '"12.500,00" is no amount; write 12500 or 12500.00, without signs',
    "lost 1 --amount 5 --currency pounds": '"pounds" is no currency; write its three letters, like EUR',
    **{
        f"lost 1 --amount {amount}": f'"{amount}" is no amount'
        for amount in ("1,000", "nan", "1e9", "-5", "1.005", "9" * 30)
    },
}


def test_an_answer_that_cannot_be_is_a_sentence(asked: Place) -> None:
    for words, sentence in REFUSED.items():
        assert asked.mistake("handoff", *words.split(), at=NOW).startswith(f"Error: {sentence}"), words
    assert [row["state"] for row in asked.ok("handoff", "list", "--json", at=NOW).data] == ["open"]


def test_a_number_that_is_none(people: Place) -> None:
    for id in ("0", "-1", "x", "99999999999999999999"):
        assert people.run("handoff", "show", "--", id).code == 2


def test_a_lead_is_handed_over_once_however_often_we_wake(asked: Place) -> None:
    for _ in range(3):
        asked.ok("wake", at=NOW)
    assert asked.read(lambda c: len(c.execute(select(HANDOFFS)).all())) == 1
    sales = [path for path in (asked.folder / "outbox").glob("*.eml") if b"To: daniel@" in path.read_bytes()]
    assert len(sales) == 1
