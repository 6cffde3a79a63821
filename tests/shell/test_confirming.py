"""Double opt-in: who is asked, by which mail, and what pressing the button does."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import update

from nurture import clock
from nurture.core import facts as f
from nurture.core.programme import Form
from nurture.delivery.tokens import Keys, Token, read
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine import confirming
from nurture.engine.arriving import form_sent
from nurture.engine.confirming import Ground, mail_confirmations
from nurture.engine.proof import Ground as ReturnGround
from nurture.engine.proof import Whose
from nurture.engine.returning import take
from nurture.engine.silencing import silence
from nurture.intake.forms import Heard as FormHeard
from nurture.intake.returns import Return
from nurture.simulation.inbox import Fault, Inbox, Received
from nurture.store import Store, confirmations, consents, suppressions
from nurture.store.tables import CONFIRMATIONS, CONSENTS, PROSPECTS, SUPPRESSIONS
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World

KEY = b"s" * 32
KEYS = Keys("k1", {"k1": b"k" * 32})
ADA = "ada@mill.example"
PUBLIC = "https://t.matchlight.example"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def demo(world: World) -> Form:
    return world.programme.forms["demo"]


def send_form(world: World, at: datetime = START, address: str = ADA, form: str = "demo") -> int:
    """The form with its box ticked; the prospect's number."""
    heard = FormHeard(address, f.Learned({}, (), f"form {form}"), {}, f.FormSent(form), True, False)
    programme = world.programme
    work = form_sent(
        programme.forms[form], heard, at, programme, links_in=lambda *_: 0, suppression_key=KEY,
        network="198.51.100.0/24",
    )  # fmt: skip
    return world.store.write_now(work)


def mails(
    world: World,
    *moments: datetime,
    faults: dict[tuple[str, int], Fault] | None = None,
    returns: str = "",
) -> tuple[list[Received], list[int]]:
    """Run the duty at these instants against a receiver; its ledger, and what each run said was done."""

    async def go() -> tuple[list[Received], list[int]]:
        async with Inbox(faults=faults) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, security="none"))
            done = []
            for now in moments:
                clock.set_virtual(now)
                done.append(
                    await mail_confirmations(
                        world.store, world.shelf, transport, KEYS, PUBLIC, KEY, now, returns=returns
                    )
                )
            await transport.close()
            return inbox.ledger, done

    with clock.virtual(START):
        return asyncio.run(go())


def message(received: Received) -> EmailMessage:
    parsed = message_from_bytes(received.raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def press(world: World, id: int, at: datetime) -> str | None:
    ground = Ground(at, world.programme.hash, KEY)
    return world.store.write_now(lambda c: confirming.confirm(c, id, "203.0.113.0/24", ground))


def asked(world: World) -> list[Any]:
    return world.rows(CONFIRMATIONS)


def reasons(world: World) -> Sequence[str]:
    return [row.said for row in asked(world)]


def unsubscribe(world: World, prospect: int, at: datetime, why: Any = None) -> None:
    body = why or f.Unsubscribed("all", "page")
    world.store.write_now(
        lambda c: silence(c, prospect, body, at, "", key=KEY, programme=world.programme.hash, now=at)
    )


# The mail -----------------------------------------------------------------------------------------------


def test_the_owner_of_the_address_is_asked_once(world: World) -> None:
    ada = send_form(world)
    ledger, done = mails(world, START, START + MINUTE, START + DAY)
    assert done == [1, 0, 0]
    (received,) = ledger
    assert received.recipient == ADA
    letter = message(received)
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe"] is None
    assert letter["Reply-To"] == "nora@matchlight.example"
    assert str(letter["Message-ID"]).startswith("<y1.")
    (row,) = asked(world)
    assert (row.prospect, row.mailed_at, row.mail_attempts) == (ada, START, 1)
    for kind in ("html", "plain"):
        part = letter.get_body((kind,))
        assert part is not None
        words = part.get_content()
        assert demo(world).consent in words
        assert "5 October 2026 at 10:00 (Europe/London)" in words  # when, where the company is
        assert "Matchlight Ltd" in words
        assert "19 October 2026" in words
        assert words.count(f"{PUBLIC}/y/") == 1
        token = words.partition(f"{PUBLIC}/y/")[2][:38]
        assert read(KEYS, "y", token) == Token(row.id, 0)


def test_nothing_that_was_typed_in_stands_in_it(world: World) -> None:
    """Or anybody could have us mail their words to anybody."""
    heard = FormHeard(
        ADA, f.Learned({"role": "other"}, ("first_name",), "form demo"), {"first_name": "Buy pills"},
        f.FormSent("demo", {"role": "other"}), True, False,
    )  # fmt: skip
    work = form_sent(demo(world), heard, START, world.programme, links_in=lambda *_: 0, suppression_key=KEY)
    world.store.write_now(work)
    ((received,), _) = mails(world, START)
    assert b"pills" not in received.raw


def test_until_a_server_has_taken_it_it_is_tried_again_under_the_same_id(world: World) -> None:
    send_form(world)
    late = [START, START + MINUTE, START + 5 * MINUTE, START + HOUR]
    ledger, done = mails(world, *late, faults={("MAIL", 1): Fault("451 4.3.0 later")})
    assert done == [0, 0, 1, 0]
    assert len(ledger) == 1
    (row,) = asked(world)
    assert (row.mailed_at, row.mail_attempts) == (START + 5 * MINUTE, 2)


def test_a_mailbox_that_does_not_exist_is_not_tried_again(world: World) -> None:
    send_form(world)
    faults = {("RCPT", 1): Fault("550 5.1.1 no such user <ada@mill.example>")}
    ledger, done = mails(world, START, START + HOUR, START + DAY, faults=faults)
    assert (ledger, done) == ([], [0, 0, 0])
    assert reasons(world)[0].startswith("given up: ")
    assert ADA not in reasons(world)[0]
    send_form(world, START + 2 * HOUR)
    assert reasons(world)[1] == "not asked: asked less than 24 hours before"


def test_a_mail_that_comes_back_names_the_person_who_is_not_asked_again(world: World) -> None:
    ada = send_form(world)
    ((received,), _) = mails(world, START, returns="back.example")
    assert received.sender.endswith("@back.example")
    bounce = Return("b1", "bounced", START + HOUR, (received.sender,), bounce="hard", status="5.1.1")
    ground = ReturnGround(START + HOUR, world.programme.hash, KEYS, KEY, lambda *_: 0)
    (taken,) = world.store.write_now(lambda c: take(c, [bounce], "mailbox", ground))
    assert taken.whose == Whose(ada, 0)
    assert world.facts(ada)[-1].body == f.Bounced(0, "hard")
    assert press(world, 1, START + DAY) == "barred"
    send_form(world, START + 2 * DAY)
    assert reasons(world)[1] == "not asked: the address is on the list, bounced"


def test_after_a_day_of_trying_it_is_given_up_and_that_is_seen(world: World) -> None:
    send_form(world)
    moments = [START + n * 8 * HOUR for n in range(12)]
    faults = {("MAIL", n): Fault("451 4.3.0 never") for n in range(1, 13)}
    assert mails(world, *moments, faults=faults)[1] == [0] * 12
    (row,) = asked(world)
    assert (row.mail_attempts, row.mail_due_at) == (8, None)
    assert row.said.startswith("given up: ")
    assert world.read(confirmations.count) == confirmations.Count(0, 0, 1)


def test_who_complains_before_it_leaves_is_not_asked_any_more(world: World) -> None:
    ada = send_form(world)
    unsubscribe(world, ada, START + MINUTE, f.Complained())
    ledger, done = mails(world, START + 2 * MINUTE, START + HOUR)
    assert (ledger, done) == ([], [0, 0])
    assert reasons(world) == ["given up: this address is not asked any more"]


# Who is asked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["complained", "erased", "bounced", "manual", "customer"])
def test_whom_nobody_mails_is_not_asked(world: World, reason: str) -> None:
    world.store.write_now(lambda c: suppressions.suppress(c, KEY, ADA, reason, START))
    ada = send_form(world)
    assert reasons(world) == [f"not asked: the address is on the list, {reason}"]
    assert mails(world, START)[0] == []
    assert world.told(ada) == ["Entered", "FormSent"]  # the form itself counts all the same


def test_nobody_is_asked_at_a_domain_that_is_never_mailed(world: World) -> None:
    world.store.write_now(lambda c: suppressions.suppress(c, KEY, "mill.example", "competitor", START))
    send_form(world)
    assert reasons(world) == ["not asked: the domain is never mailed"]
    assert mails(world, START)[0] == []


def test_once_in_a_day_and_three_times_in_all(world: World) -> None:
    for hours in (0, 1, 23, 24, 30, 48, 72, 24 * 60):
        send_form(world, START + hours * HOUR)
    day, enough = "not asked: asked less than 24 hours before", "not asked: 3 mails were not answered"
    assert reasons(world) == ["", day, day, "", day, "", enough, enough]
    ledger, _ = mails(world, *(START + n * DAY for n in range(4)))
    assert len(ledger) == 3
    assert len({received.message_id for received in ledger}) == 3
    assert world.read(confirmations.count) == confirmations.Count(0, 3, 5)


def test_whoever_has_consented_already_is_not_asked_again(world: World) -> None:
    send_form(world)
    assert press(world, 1, START + HOUR) == "open"
    send_form(world, START + 3 * DAY)
    assert reasons(world)[1] == "not asked: they have consented already"


# The button ---------------------------------------------------------------------------------------------


def test_the_consent_is_given_when_the_button_is_pressed(world: World) -> None:
    ada = send_form(world)
    world.wake_all(START)
    assert world.journey(ada).permission.basis == "none"
    assert world.touches(ada) == []
    at = START + 2 * DAY
    assert press(world, 1, at) == "open"
    assert world.facts(ada)[-1].body == f.Consented("consent")
    assert world.facts(ada)[-1].at == at
    (row,) = world.rows(CONSENTS)
    assert (row.prospect, row.kind, row.basis, row.source, row.way, row.at) == (
        ada, "given", "consent", "form demo", "confirmation", at,
    )  # fmt: skip
    for words in (
        demo(world).consent,
        "2026-10-05 09:00 UTC",
        "198.51.100.0/24",
        "2026-10-07 09:00 UTC",
        "203.0.113.0/24",
    ):
        assert words in row.evidence
    world.wake_all(at)
    assert world.journey(ada).permission.basis == "consent"
    assert press(world, 1, at + HOUR) == "confirmed"
    assert len(world.rows(CONSENTS)) == 1
    assert world.told(ada).count("Consented") == 1


def test_the_form_of_somebody_who_never_confirms_reaches_sales(world: World) -> None:
    ada = world.enter("ada", basis="none")
    send_form(world, address="ada@ada.example")
    world.wake_all(START)
    assert len(world.handoffs(ada)) == 1
    assert world.touches(ada) == []


def test_who_had_unsubscribed_may_change_their_mind(world: World) -> None:
    ada = send_form(world)
    press(world, 1, START + HOUR)
    unsubscribe(world, ada, START + DAY)
    send_form(world, START + 2 * DAY)
    assert len(mails(world, START + 2 * DAY)[0]) == 1
    assert len(world.rows(SUPPRESSIONS)) == 1
    assert press(world, 2, START + 3 * DAY) == "open"
    assert world.rows(SUPPRESSIONS) == []
    world.wake_all(START + 3 * DAY)
    assert world.journey(ada).permission.silence == ""


def test_a_link_from_before_the_unsubscribe_brings_nothing_back(world: World) -> None:
    ada = send_form(world)
    unsubscribe(world, ada, START + DAY)
    assert press(world, 1, START + 2 * DAY) == "over"
    assert len(world.rows(SUPPRESSIONS)) == 1
    assert "Consented" not in world.told(ada)


@pytest.mark.parametrize("reason", ["complained", "erased", "bounced", "manual"])
def test_a_link_lifts_no_other_suppression(world: World, reason: str) -> None:
    ada = send_form(world)
    world.store.write_now(lambda c: suppressions.suppress(c, KEY, ADA, reason, START + HOUR))
    assert press(world, 1, START + DAY) == "barred"
    assert len(world.rows(SUPPRESSIONS)) == 1
    assert "Consented" not in world.told(ada)


def test_the_link_works_for_fourteen_days(world: World) -> None:
    send_form(world)
    assert press(world, 1, START + 14 * DAY + MINUTE) == "over"
    assert world.rows(CONSENTS) == []
    assert press(world, 1, START + 14 * DAY) == "open"


def test_somebody_erased_and_a_link_that_names_nothing(world: World) -> None:
    ada = send_form(world)
    assert press(world, 99, START) is None
    world.store.write_now(
        lambda c: c.execute(update(PROSPECTS).where(PROSPECTS.c.id == ada).values(address=None))
    )
    assert press(world, 1, START + HOUR) == "barred"
    assert world.store.read(lambda c: consents.consents_of(c, ada)) == []
