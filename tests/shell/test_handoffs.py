"""Handing over to sales: the packet, the mail, the answers and what they start."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from nurture import clock
from nurture.core import facts as f
from nurture.core.journey import ACCEPTED, CLOSED, LOST, NURTURING, OPPORTUNITY, RESTING, WON
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine.handing import mail_handoffs
from nurture.errors import Mistake
from nurture.simulation.inbox import Fault, Inbox, Received
from nurture.store import Store, handoffs
from nurture.store.tables import DEALS, PROSPECTS
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World, edited

KEYS = Keys("k1", {"k1": b"k" * 32})
SALES = "daniel@matchlight.example"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def evaluated(world: World, name: str = "ada", **more: Any) -> int:
    """Reads, compares, looks at prices twice: promoted by score on the fifth day."""
    ada = world.enter(name, **more)
    world.wake_all(START)
    world.sent(ada, START)
    for day, path in (
        (1, "/guides/exception-arithmetic"), (2, "/vs/spreadsheets"), (3, "/guides/four-ways"),
        (3, "/pricing"), (4, "/calculator"), (5, "/pricing"),
    ):  # fmt: skip
        at = START + day * DAY
        world.hear(ada, f.PageViewed(path), at=at)
        world.wake_all(at)
    return ada


def asked(world: World, name: str = "ada", **more: Any) -> int:
    """Asked for a demonstration as the first thing."""
    prospect = world.enter(name, f.FormSent("demo"), **more)
    world.wake_all(START)
    return prospect


def mail(
    world: World, moments: Sequence[datetime], faults: dict[tuple[str, int], Fault] | None = None
) -> tuple[list[Received], list[int]]:
    """Run the duty at these instants against a receiver; its ledger, and what each run said was done."""

    async def go() -> tuple[list[Received], list[int]]:
        async with Inbox(faults=faults) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, security="none"))
            done = []
            for now in moments:
                clock.set_virtual(now)
                done.append(await mail_handoffs(world.store, world.shelf, transport, KEYS, now))
            await transport.close()
            return inbox.ledger, done

    with clock.virtual(START):
        return asyncio.run(go())


def parsed(received: Received) -> EmailMessage:
    message = message_from_bytes(received.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def bodies(received: Received) -> tuple[str, str]:
    """HTML and text."""
    message = parsed(received)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert text is not None
    return html.get_content(), text.get_content()


# The packet ---------------------------------------------------------------------------------------------


def test_the_packet_of_a_lead_by_score(world: World) -> None:
    ada = evaluated(world, invoices=None)
    (handoff,) = world.handoffs(ada)
    packet = handoff.packet
    assert (handoff.lane, handoff.grade, packet["best_grade"]) == ("score", "A", "A")
    assert packet["intent"] == handoff.intent == round(handoff.intent, 1) >= 40
    assert round(sum(line["points"] for line in packet["lines"]), 1) == packet["intent"]
    assert len(packet["lines"]) == 4
    assert packet["lines"][0]["words"].startswith("pricing 2 times, last Sat 10 Oct 2026 10:00 BST")
    assert packet["why_now"] == [
        f"intent {packet['intent']} of 40.0",
        "grade A",
        "recent (did pricing, compare within 14 days)",
    ]
    assert packet["timing"].startswith("now: ")
    assert {line["criterion"]: line["holds"] for line in packet["fit"]} == {
        "employees": "yes", "role": "yes", "industry": "yes", "invoices": "unknown", "country": "yes",
    }  # fmt: skip
    assert sum(line["weight"] for line in packet["fit"]) == 100
    assert packet["questions"] == ["How many supplier invoices arrive in a month?"]
    assert [line["words"] for line in packet["stages"]] == ["early -> mid", "mid -> late"]
    assert packet["stage"] == "late"
    assert [line["piece"] for line in packet["read"]] == [
        "cost-calculator", "four-ways", "exception-arithmetic",
    ]  # fmt: skip
    assert packet["days"] == 5
    assert (packet["source"], packet["source_kind"]) == ("newsletter", "content")
    assert packet["opening"].startswith("They read “")
    assert "It answers: " in packet["opening"]
    assert packet["warnings"] == []
    assert packet["agreement"] == 3
    assert packet["journey"][0].startswith("day 0   entered")
    assert packet["journey"][-1].split()[:3] == ["day", "5", "promoted"]
    assert not packet["review_overdue"]
    assert packet["due"] == "Mon 12 Oct 2026 17:30 BST"


def test_the_packet_holds_nobodys_identity(world: World) -> None:
    ada = asked(world, "ada")
    text = str(world.handoffs(ada)[0].packet)
    assert "ada@" not in text
    assert "Ada" not in text


def test_the_packet_warns_of_an_answer_a_pause_and_an_absence(world: World) -> None:
    ada = world.enter("ada")
    world.hear(ada, f.Preferred(paused_until=START + 9 * DAY), f.Away(0, START + 4 * DAY), at=START)
    world.hear(ada, f.Replied(), f.Away(0, START + 5 * DAY), f.Held(), f.FormSent("demo"), at=START + HOUR)
    world.wake_all(START + HOUR)
    assert world.handoffs(ada)[0].packet["warnings"] == [
        "Held until released.",
        "They asked for a pause until Wed 14 Oct 2026 10:00 BST.",
        "They wrote to us on Mon 5 Oct 2026 11:00 BST: read it before you write or call.",
        "Away until Sat 10 Oct 2026 10:00 BST.",
    ]


def test_the_packet_warns_of_what_sales_must_know(world: World) -> None:
    ada = asked(world, "ada")
    world.wake_all(START + 3 * DAY)
    world.hear(ada, f.Unsubscribed(), f.FormSent("demo"), at=START + 4 * DAY)
    world.wake_all(START + 4 * DAY)
    first, second = world.handoffs(ada)
    assert (first.state, first.packet["warnings"]) == ("recalled", [])
    assert second.packet["warnings"] == [
        "May not be sent marketing mail: unsubscribed.",
        "Sales had this lead before, until Thu 8 Oct 2026 10:00 BST.",
    ]


# The mail -----------------------------------------------------------------------------------------------


def test_sales_gets_html_and_text(world: World) -> None:
    ada = evaluated(world)
    now = START + 5 * DAY
    ((received,), done) = mail(world, [now])
    assert done == [1]
    message, (html, text) = parsed(received), bodies(received)
    handoff = world.handoffs(ada)[0]
    assert (received.recipient, message["To"]) == (SALES, SALES)
    assert message["Subject"] == "For you: Ada (grade A), answer by Mon 12 Oct 2026 17:30 BST"
    assert message["Reply-To"] == "ada@ada.example"
    assert message["List-Unsubscribe"] is None
    assert message["Date"].datetime == now
    for body in (html, text):
        assert f"nurture handoff accept {handoff.id} --by YOU" in body
        assert f"nurture handoff reject {handoff.id} REASON" in body
        assert "ada@ada.example" in body
        assert handoff.packet["opening"] in body
        for line in handoff.packet["lines"]:
            assert line["words"] in body
        assert "early -&gt; mid" in body or "early -> mid" in body
    assert (handoff.mailed_at, handoff.mail_attempts) == (now, 1)
    assert handoff.words.startswith("2.0.0 taken") or "taken" in handoff.words


@pytest.mark.parametrize(
    "fault",
    [
        {("MAIL", 1): Fault("451 4.3.0 later")},
        {("RCPT", 1): Fault("550 5.1.1 nobody here")},
        {("DATA", 1): Fault("", "close")},
        {("dot", 1): Fault("451 4.3.0 later")},
        {("dot", 1): Fault("", "close", accepts=False)},
        {("connect", 1): Fault("421 4.3.2 not now", "close")},
    ],
)
def test_what_fails_is_mailed_again_under_the_same_id(
    world: World, fault: dict[tuple[str, int], Fault]
) -> None:
    ada = asked(world)
    moments = [START, START + MINUTE, START + 5 * MINUTE, START + 20 * MINUTE]
    ledger, done = mail(world, moments, fault)
    assert done == [0, 0, 1, 0]
    assert len(ledger) == 1
    (handoff,) = world.handoffs(ada)
    assert (handoff.mail_attempts, handoff.mailed_at) == (2, START + 5 * MINUTE)


def test_what_may_have_arrived_is_mailed_again_under_the_same_id(world: World) -> None:
    asked(world)
    ledger, done = mail(world, [START, START + 5 * MINUTE], {("dot", 1): Fault("", "close", accepts=True)})
    assert done == [0, 1]
    assert len(ledger) == 2
    assert len({received.message_id for received in ledger}) == 1


def test_why_it_was_not_taken_is_kept(world: World) -> None:
    ada = asked(world)
    mail(world, [START], {("RCPT", 1): Fault("550 5.1.1 daniel@matchlight.example is nobody")})
    (handoff,) = world.handoffs(ada)
    assert handoff.mailed_at is None
    assert "is nobody" in handoff.words
    assert "daniel@" not in handoff.words


def test_each_colleague_gets_one_of_their_own(store: Store) -> None:
    two = edited("nurture.toml", f'"{SALES}"', f'"{SALES}", "eve@matchlight.example"')
    world = World(store, two)
    asked(world)
    ledger, done = mail(world, [START])
    assert done == [1]
    assert [received.recipient for received in ledger] == [SALES, "eve@matchlight.example"]
    assert len({received.message_id for received in ledger}) == 2
    ledger, done = mail(world, [START + DAY])
    assert (ledger, done) == ([], [0])


@pytest.mark.parametrize(
    "name",
    ["Ada\r\nBcc: everybody@else.example", "A" * 5000, "{{ 7*7 }}", "<b>Ada</b>"],
)
def test_no_name_keeps_the_next_lead_from_sales(world: World, name: str) -> None:
    """Whatever somebody typed into a form: the mails of others go out, and no header is made of it."""
    ada, _ = asked(world, "ada"), asked(world, "bo")
    world.change(PROSPECTS, PROSPECTS.c.id == ada, personal={"first_name": name})
    ledger, _ = mail(world, [START, START + 6 * MINUTE])
    replies = [str(parsed(received)["Reply-To"]) for received in ledger]
    assert "bo@bo.example" in replies
    for received in ledger:
        message = parsed(received)
        assert message["Bcc"] is None
        assert "49" not in str(message["Subject"]).replace("2026", "")
        assert "<b>" not in bodies(received)[0]


def test_a_lead_that_fell_before_the_mail_left_is_not_mailed(world: World) -> None:
    ada = asked(world)
    world.hear(ada, f.Unsubscribed(), at=START + MINUTE)
    world.wake_all(START + MINUTE)
    assert [one.state for one in world.handoffs(ada)] == ["withdrawn"]
    assert world.read(handoffs.next_mail) is None
    assert mail(world, [START + MINUTE]) == ([], [0])


def test_twenty_five_leads_reach_sales_once_each(world: World) -> None:
    for i in range(25):
        asked(world, f"p{i}")
    ledger, done = mail(world, [START, START, START])
    assert done == [20, 5, 0]
    assert len({received.message_id for received in ledger}) == len(ledger) == 25


# Answers ------------------------------------------------------------------------------------------------


def answer(world: World, handoff: int, given: str, now: datetime, **more: Any) -> None:
    programme = world.programme
    world.store.write_now(
        lambda c: handoffs.answer(c, handoff, given, programme=programme, now=now, by="tom", **more)
    )
    world.wake_all(now)


def test_from_accepted_to_won(world: World) -> None:
    ada = asked(world)
    id = world.handoffs(ada)[0].id
    answer(world, id, "accepted", START + HOUR)
    assert world.row(ada).lifecycle == ACCEPTED
    assert world.row(ada).wake_at is None
    answer(world, id, "opportunity", START + 2 * DAY, amount=900_000, currency="GBP")
    assert world.row(ada).lifecycle == OPPORTUNITY
    (deal,) = world.rows(DEALS)
    assert (deal.status, deal.amount, deal.opened_on, deal.closed_on) == (
        "open", 900_000, (START + 2 * DAY).date(), None,
    )  # fmt: skip
    answer(world, id, "won", START + 30 * DAY, amount=1_250_000, currency="GBP")
    (deal,) = world.rows(DEALS)
    assert (deal.prospect, deal.status, deal.amount, deal.currency, deal.closed_on) == (
        ada, "won", 1_250_000, "GBP", (START + 30 * DAY).date(),
    )  # fmt: skip
    assert world.row(ada).lifecycle == WON
    (handoff,) = world.handoffs(ada)
    assert (handoff.state, handoff.by, handoff.answered_at) == ("won", "tom", START + 30 * DAY)
    told = [fact.body for fact in world.facts(ada) if isinstance(fact.body, f.Answered | f.DealChanged)]
    assert [getattr(body, "answer", None) or body.status for body in told] == [
        "accepted", "opportunity", "open", "won", "won",
    ]  # fmt: skip


def test_lost_without_an_amount_and_recycled(world: World) -> None:
    ada = asked(world)
    id = world.handoffs(ada)[0].id
    answer(world, id, "accepted", START + HOUR)
    answer(world, id, "lost", START + DAY)
    assert [(deal.status, deal.amount) for deal in world.rows(DEALS)] == [("lost", None)]
    assert world.row(ada).lifecycle == LOST
    answer(world, id, "recycled", START + 2 * DAY, reason="not_now")
    assert world.row(ada).lifecycle == RESTING


@pytest.mark.parametrize(("reason", "state"), [("not_icp", CLOSED), ("bad_data", NURTURING)])
def test_rejected(world: World, reason: str, state: str) -> None:
    ada = asked(world)
    answer(world, world.handoffs(ada)[0].id, "rejected", START + HOUR, reason=reason)
    assert world.row(ada).lifecycle == state
    assert [(one.state, one.reason) for one in world.handoffs(ada)] == [("rejected", reason)]


def test_recycled_rests_until_the_agreed_day_and_begins_again_at_the_agreed_stage(world: World) -> None:
    ada = asked(world)
    id = world.handoffs(ada)[0].id
    answer(world, id, "accepted", START + HOUR)
    answer(world, id, "recycled", START + 2 * DAY, reason="no_response")
    until = START + 32 * DAY
    assert (world.row(ada).lifecycle, world.row(ada).stage) == (RESTING, "mid")
    world.hear(ada, f.PageViewed("/pricing"), at=START + 20 * DAY)
    now = START + 20 * DAY
    while now < until:
        world.wake_all(now)
        assert world.row(ada).lifecycle == RESTING
        now = world.row(ada).wake_at
    assert now == until
    world.wake_all(until)
    assert world.row(ada).lifecycle == NURTURING
    assert world.row(ada).stage == "mid"


@pytest.mark.parametrize(
    ("before", "given", "reason", "sentence"),
    [
        ((), "won", "", r"handoff \d+ is open: won follows accepted, opportunity"),
        ((), "recycled", "not_now", r"is open: recycled follows accepted, opportunity, lost"),
        (("accepted",), "accepted", "", "is accepted: accepted follows open"),
        (("accepted",), "rejected", "not_icp", "is accepted: rejected follows open"),
        (("accepted", "won"), "lost", "", "is won: lost follows accepted, opportunity"),
        ((), "rejected", "no_idea", '"no_idea" is no reason for rejected; the agreement knows not_icp, '),
        ((), "rejected", "", '"" is no reason for rejected'),
        (("accepted",), "recycled", "not_icp", "is no reason for recycled; the agreement knows not_now, "),
    ],
)
def test_an_answer_that_does_not_follow_changes_nothing(
    world: World, before: tuple[str, ...], given: str, reason: str, sentence: str
) -> None:
    ada = asked(world)
    id = world.handoffs(ada)[0].id
    for one in before:
        answer(world, id, one, START + HOUR)
    told, state = world.told(ada), world.handoffs(ada)[0]
    with pytest.raises(Mistake, match=sentence):
        answer(world, id, given, START + DAY, reason=reason)
    assert world.told(ada) == told
    assert world.handoffs(ada)[0] == state


def test_a_recalled_lead_cannot_be_accepted_any_more(world: World) -> None:
    ada = asked(world)
    world.wake_all(START + 3 * DAY)
    with pytest.raises(Mistake, match="is recalled: accepted follows open"):
        answer(world, world.handoffs(ada)[0].id, "accepted", START + 3 * DAY)


def test_there_is_no_such_handoff(world: World) -> None:
    with pytest.raises(Mistake, match="there is no handoff 7"):
        answer(world, 7, "accepted", START)


def test_of_two_answers_at_once_one_counts(world: World) -> None:
    people = [asked(world, f"p{i}") for i in range(8)]
    programme, refused = world.programme, []

    def give(id: int, given: str, reason: str) -> None:
        try:
            world.store.write_now(
                lambda c: handoffs.answer(c, id, given, programme=programme, now=START, reason=reason)
            )
        except Mistake as late:
            refused.append(str(late))

    threads = [
        threading.Thread(target=give, args=(world.handoffs(ada)[0].id, *given))
        for ada in people
        for given in (("accepted", ""), ("rejected", "bad_data"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 8
    assert [world.told(ada).count("Answered") for ada in people] == [1] * 8
    world.wake_all(START)
    for ada in people:
        expected = {"accepted": ACCEPTED, "rejected": NURTURING}[world.handoffs(ada)[0].state]
        assert world.row(ada).lifecycle == expected


def test_the_newest_stand_first_and_a_state_narrows(world: World) -> None:
    ada, bo = asked(world, "ada"), world.enter("bo", f.FormSent("demo"), at=START + HOUR)
    world.wake_all(START + HOUR)
    answer(world, world.handoffs(ada)[0].id, "accepted", START + HOUR)
    listed = world.read(handoffs.list_handoffs)
    assert [(one.prospect, one.address) for one in listed] == [
        (bo, "bo@bo.example"), (ada, "ada@ada.example"),
    ]  # fmt: skip
    accepted = world.read(lambda c: handoffs.list_handoffs(c, state="accepted"))
    assert [one.prospect for one in accepted] == [ada]
