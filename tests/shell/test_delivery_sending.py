"""The whole way, on both databases, over real sockets: the receiver's ledger against our outbox."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nurture.core.facts import Bounced, TouchEnded
from nurture.delivery.sending import Delivered, deliver
from nurture.delivery.tokens import message_id
from nurture.delivery.transports import Account, FolderTransport, SmtpTransport, Timeouts, Transport
from nurture.delivery.transports.seam import Mail
from nurture.rendering import CannotRender
from nurture.simulation.inbox import Fault, Inbox
from nurture.store import Store, is_suppressed
from nurture.store.claims import claim_touches
from nurture.store.outbox import end, fence
from nurture.store.overdue import expire, rescue
from nurture.store.touches import Claim, Ending
from tests.shell.outbox_world import HOUR, KEY, KEYS, NOW, change, compose, facts, queue, row, silence, states

QUICK = Timeouts(connect=0.4, command=0.4, data=0.4, answer=0.4, quit=0.2)


async def once(store: Store, transport: Transport, **more: Any) -> Delivered:
    values: dict[str, Any] = {"owner": "me", "key": KEY, "now": lambda: NOW, **more}
    return await deliver(store, transport, values.pop("compose", compose), **values)


def through(
    store: Store, faults: Mapping[tuple[str, int], Fault] | None = None, **more: Any
) -> tuple[Delivered, Inbox]:
    """One pass over one connection into an inbox with faults."""

    async def body() -> tuple[Delivered, Inbox]:
        async with Inbox(faults=faults, accounts=more.pop("accounts", None)) as inbox:
            account = Account(
                "127.0.0.1", inbox.port, "none", connections=more.pop("connections", 1), timeouts=QUICK
            )
            transport = SmtpTransport(account)
            delivered = await once(store, transport, **more)
            await transport.close()
            return delivered, inbox

    return asyncio.run(body())


def test_what_is_due_is_sent_once_each_and_ends(store: Store) -> None:
    touches = queue(store, 23)
    delivered, inbox = through(store, connections=4)
    assert delivered == Delivered(claimed=23, sent=23)
    assert states(store) == dict.fromkeys(touches, ("ended", "sent"))
    assert {each.message_id for each in inbox.ledger} == {
        message_id(KEYS, id, "example.com") for id in touches
    }
    assert inbox.duplicates() == 0 and len(inbox.ledger) == 23
    assert all(type(body) is TouchEnded for id in touches for body in facts(store, id))
    again, inbox = through(store)
    assert again == Delivered() and inbox.ledger == []


def test_somebody_not_to_be_mailed_is_not_even_composed(store: Store) -> None:
    """Case 46: none sent, and composing does not begin."""
    (touch,) = queue(store)
    silence(store, touch)
    composed: list[Claim] = []

    def watched(claim: Claim) -> Mail:
        composed.append(claim)
        return compose(claim)

    delivered, inbox = through(store, compose=watched)
    assert delivered == Delivered(claimed=1, refused=1)
    assert composed == [] and inbox.transactions == 0
    assert facts(store, touch) == [TouchEnded(1, "suppressed", "unsubscribed")]


def test_an_unsubscribe_between_claim_and_fence_wins(store: Store) -> None:
    """Case 47, against the real fence: the message is composed and 354 is given, and nothing leaves."""
    _, second, _ = queue(store, 3)

    def meanwhile(claim: Claim) -> Mail:
        if claim.touch == second:
            silence(store, second)
        return compose(claim)

    delivered, inbox = through(store, compose=meanwhile)
    assert delivered == Delivered(claimed=3, sent=2, refused=1)
    assert [each.recipient for each in inbox.ledger] == ["p0@d.example", "p2@d.example"]
    assert inbox.transactions == 3  # the server had said 354 to all three
    assert facts(store, second) == [TouchEnded(1, "suppressed", "unsubscribed")]


@pytest.mark.parametrize(
    ("changes", "end_state"),
    [
        ({"cancelled": True}, ("ended", "cancelled")),
        ({"closes": NOW}, ("queued", None)),
        ({"expires": NOW, "closes": NOW}, ("ended", "expired")),
        ({"epoch": 9}, ("claimed", None)),
    ],
)
def test_what_changes_before_the_fence_is_seen_by_it(
    store: Store, changes: dict[str, Any], end_state: tuple[str, str | None]
) -> None:
    one, two = queue(store, 2)

    def meanwhile(claim: Claim) -> Mail:
        if claim.touch == one:
            change(store, one, **changes)
        return compose(claim)

    _, inbox = through(store, compose=meanwhile)
    assert [each.recipient for each in inbox.ledger] == ["p1@d.example"]
    assert states(store) == {one: end_state, two: ("ended", "sent")}


def test_a_letter_that_cannot_be_written_fails_alone(store: Store) -> None:
    no_value, bug, bad, fine = queue(store, 4)

    def sometimes(claim: Claim) -> Mail:
        match claim.touch:
            case t if t == no_value:
                raise CannotRender("prospect.role is not known")
            case t if t == bug:
                raise ZeroDivisionError
            case t if t == bad:
                return compose(claim._replace(personal={"name": "Tom\r\nBcc: eve@evil.test"}))
        return compose(claim)

    delivered, inbox = through(store, compose=sometimes)
    assert delivered == Delivered(claimed=4, sent=1, failed=3)
    assert facts(store, no_value) == [
        TouchEnded(1, "failed", "cannot be written: prospect.role is not known")
    ]
    assert row(store, bug).words == "cannot be written: ZeroDivisionError, see the log"
    assert "evil" not in row(store, bad).words and "To holds" in row(store, bad).words
    assert [each.recipient for each in inbox.ledger] == ["p3@d.example"]
    assert states(store)[fine] == ("ended", "sent")


@pytest.mark.parametrize(
    ("reply", "end_state", "minutes"),
    [
        ("421 4.7.0 slow down", ("deferred", None), (4, 6)),
        ("450 4.2.1 busy", ("deferred", None), (4, 6)),
        ("450 4.7.1 greylisted", ("deferred", None), (5, 7)),
        ("451 4.7.1 try again in 40 minutes", ("deferred", None), (40, 40)),
        ("550 5.1.1 no such user", ("ended", "failed"), None),
        ("550 5.7.1 policy", ("ended", "failed"), None),
    ],
)
def test_a_refused_recipient_spoils_no_other(
    store: Store, reply: str, end_state: tuple[str, str | None], minutes: tuple[int, int] | None
) -> None:
    one, two, three = queue(store, 3)
    _, inbox = through(
        store, {("RCPT", 2): Fault(reply=reply, then="close" if reply.startswith("421") else "go")}
    )
    assert states(store) == {one: ("ended", "sent"), two: end_state, three: ("ended", "sent")}
    assert len(inbox.ledger) == 2 and reply[4:9] in row(store, two).words
    if minutes is not None:
        wait = row(store, two).due_at - NOW
        assert timedelta(minutes=minutes[0]) <= wait <= timedelta(minutes=minutes[1])
    assert store.read(lambda c: is_suppressed(c, KEY, "p1@d.example")) == ("5.1.1" in reply)


def test_a_hard_bounce_is_a_fact_and_a_policy_is_not_their_fault(store: Store) -> None:
    hard, policy = queue(store, 2)
    through(
        store, {("RCPT", 1): Fault(reply="550 5.1.1 no such user"), ("RCPT", 2): Fault(reply="550 5.7.1 no")}
    )
    assert facts(store, hard)[1:] == [Bounced(1, "hard")]
    assert facts(store, policy)[1:] == [Bounced(1, "block")]


def test_a_refusal_after_the_dot_is_clear_and_tried_again_with_the_same_id(store: Store) -> None:
    (touch,) = queue(store)
    _, first = through(store, {("dot", 1): Fault(reply="451 4.3.0 not now")})
    assert (states(store)[touch], first.ledger) == (("deferred", None), [])
    delivered, second = through(store, now=lambda: NOW + HOUR)
    assert delivered.sent == 1 and row(store, touch).attempts == 2
    assert second.ledger[0].message_id == message_id(KEYS, touch, "example.com")


def test_the_waits_grow_and_expires_wins(store: Store) -> None:
    (touch,) = queue(store, closes=NOW + 72 * HOUR)
    moment, waits = NOW, []
    for _ in range(40):
        delivered, _ = through(store, {("RCPT", 1): Fault(reply="450 4.2.1 busy")}, now=lambda: moment)  # noqa: B023
        if delivered.deferred == 0:
            break
        waits.append(row(store, touch).due_at - moment)
        moment = row(store, touch).due_at
    assert moment == NOW + 72 * HOUR
    for wait, planned in zip(waits, (5, 15, 30, 60, 120, 240, 480, 720), strict=False):
        assert 0.8 <= wait / timedelta(minutes=planned) <= 1.2
    assert store.write_now(lambda c: expire(c, moment, 10)) == 1
    (ended,) = facts(store, touch)
    assert ended == TouchEnded(1, "expired", "RCPT: 450 4.2.1 busy")


@pytest.mark.parametrize(
    "fault", [Fault(reply="", then="reset", accepts=True), Fault(reply="", then="hang", accepts=True)]
)
def test_doubt_is_never_sent_again(store: Store, fault: Fault) -> None:
    one, two = queue(store, 2)
    delivered, inbox = through(store, {("dot", 1): fault})
    assert delivered == Delivered(claimed=2, sent=1, in_doubt=1)
    assert states(store) == {one: ("ended", "in_doubt"), two: ("ended", "sent")}
    again, later = through(store, now=lambda: NOW + HOUR)
    assert again == Delivered() and later.ledger == [] and len(inbox.ledger) == 2


def test_a_server_that_is_down_burns_nobody_and_is_not_hammered(store: Store) -> None:
    touches = queue(store, 30)
    delivered, inbox = through(
        store, {("connect", k): Fault(reply="421 down", then="close") for k in range(1, 99)}, connections=3
    )
    assert delivered.sent == 0 and delivered.trouble
    assert inbox.connections <= 4  # where several were refused at one moment, one alone is tried
    for touch in touches:
        assert (row(store, touch).state, row(store, touch).attempts) == ("deferred", 0)
        assert row(store, touch).due_at > NOW
    assert through(store)[0] == Delivered()
    recovered, inbox = through(store, now=lambda: NOW + HOUR)
    assert recovered.sent == 30 and inbox.duplicates() == 0


def test_a_refused_sign_in_stops_the_account_and_burns_nobody(store: Store) -> None:
    touches = queue(store, 5)
    delivered, inbox = through(store, {("MAIL", 1): Fault(reply="535 5.7.8 who are you?")})
    assert delivered.trouble.startswith("MAIL: 535") and inbox.ledger == []
    assert {row(store, touch).attempts for touch in touches} == {0}
    assert {states(store)[touch] for touch in touches} == {("deferred", None)}


def test_killed_between_claim_and_fence_it_is_sent_once_afterwards(store: Store) -> None:
    (touch,) = queue(store)
    dead = timedelta(seconds=-1)
    lost = store.write_now(lambda c: claim_touches(c, NOW, 9, owner="dead", key=KEY, lease=dead)).ready
    assert through(store)[0] == Delivered()
    store.write_now(lambda c: rescue(c, NOW))
    delivered, inbox = through(store)
    assert delivered.sent == 1 and len(inbox.ledger) == 1
    assert store.write_now(lambda c: end(c, [Ending(lost[0], "failed")], NOW, key=KEY)) == set()
    assert facts(store, touch) == [TouchEnded(1, "sent", row(store, touch).words)]


def test_killed_after_the_fence_it_is_in_doubt_and_never_sent_again(store: Store) -> None:
    (touch,) = queue(store)
    dead = timedelta(seconds=-1)
    claims = store.write_now(lambda c: claim_touches(c, NOW, 9, owner="dead", key=KEY, lease=dead)).ready
    store.write_now(lambda c: fence(c, claims, NOW, key=KEY, lease=dead))
    store.write_now(lambda c: rescue(c, NOW))
    delivered, inbox = through(store, now=lambda: NOW + HOUR)
    assert delivered == Delivered() and inbox.ledger == []
    assert states(store) == {touch: ("ended", "in_doubt")}


def test_stopping_ends_what_is_on_its_way_and_begins_nothing(store: Store) -> None:
    queue(store, 40)

    async def body() -> tuple[Delivered, Inbox]:
        stop = asyncio.Event()
        async with Inbox(on_message=lambda received: stop.set()) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=3))
            delivered = await once(store, transport, stop=stop)
            await transport.close()
            return delivered, inbox

    delivered, inbox = asyncio.run(body())
    assert 1 <= len(inbox.ledger) == delivered.sent <= 6
    standing = list(states(store).values())
    assert standing.count(("ended", "sent")) == len(inbox.ledger)
    assert standing.count(("queued", None)) == 40 - len(inbox.ledger)
    rest, second = through(store)
    assert rest.sent == 40 - len(inbox.ledger) and inbox.duplicates() + second.duplicates() == 0


def test_several_senders_on_one_database_send_each_message_once(store: Store) -> None:
    touches = queue(store, 60)

    async def body() -> tuple[list[Delivered], Inbox]:
        async with Inbox() as inbox:
            senders = [
                SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=2)) for _ in range(3)
            ]
            done = await asyncio.gather(
                *(once(store, each, owner=f"sender {n}", limit=25) for n, each in enumerate(senders))
            )
            await asyncio.gather(*(each.close() for each in senders))
            return list(done), inbox

    done, inbox = asyncio.run(body())
    assert sum(each.sent for each in done) == len(inbox.ledger) == 60 and inbox.duplicates() == 0
    assert states(store) == dict.fromkeys(touches, ("ended", "sent"))


def test_a_folder_instead_of_a_server(store: Store, tmp_path: Path) -> None:
    touches = queue(store, 3)
    delivered = asyncio.run(once(store, FolderTransport(tmp_path / "outbox")))
    assert delivered.sent == 3
    names = {path.name for path in (tmp_path / "outbox").iterdir()}
    assert names == {f"{message_id(KEYS, id, 'x').strip('<').partition('@')[0]}.eml" for id in touches}


class _Failing:
    """A real store whose writing fails at some calls, as a full disk makes it."""

    def __init__(self, store: Store, failing: set[int]) -> None:
        self.store, self.failing, self.calls = store, failing, 0

    async def write(self, work: Any, urgent: bool = False) -> Any:
        self.calls += 1
        if self.calls in self.failing:
            raise OSError("disk full")
        return await self.store.write(work, urgent)


def test_what_cannot_be_fenced_is_not_sent(store: Store) -> None:
    touches = queue(store, 4)

    async def body() -> tuple[Delivered, Inbox]:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=1))
            full: Any = _Failing(store, {2})
            delivered = await once(full, transport)
            await transport.close()
            return delivered, inbox

    delivered, inbox = asyncio.run(body())
    assert inbox.ledger == [] and delivered.trouble == "the store: OSError"
    assert {states(store)[touch] for touch in touches} == {("deferred", None)}
    assert {row(store, touch).attempts for touch in touches} == {0}


def test_an_answer_that_cannot_be_recorded_is_tried_again_and_nothing_more_is_sent(store: Store) -> None:
    touches = queue(store, 4)

    async def body() -> tuple[Delivered, Inbox]:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=1))
            full: Any = _Failing(store, {3})
            delivered = await once(full, transport)
            await transport.close()
            return delivered, inbox

    delivered, inbox = asyncio.run(body())
    assert len(inbox.ledger) == 1 and delivered.sent == 1 and delivered.trouble
    assert states(store)[touches[0]] == ("ended", "sent")
    assert {states(store)[touch] for touch in touches[1:]} == {("deferred", None)}


def test_fences_of_waiting_connections_share_a_transaction(store: Store) -> None:
    queue(store, 40)

    async def body() -> int:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=10))
            counted: Any = _Failing(store, set())
            await once(counted, transport)
            await transport.close()
            return int(counted.calls)

    assert asyncio.run(body()) <= 2 + 40 / 2  # what came back rides with the next fence


def test_the_next_touches_are_claimed_while_the_last_are_on_their_way(store: Store) -> None:
    """Four claims of three; the server keeps the first message waiting until all others are through."""
    first, *_ = queue(store, 12)
    standing: list[str] = []

    def watched(claim: Claim) -> Mail:
        standing.append(states(store)[first][0])
        return compose(claim)

    delivered, inbox = through(
        store, {("dot", 1): Fault(reply="", then="hang", accepts=True)}, connections=2, limit=3,
        compose=watched,
    )  # fmt: skip
    assert delivered == Delivered(claimed=12, sent=11, in_doubt=1)
    assert standing[-8:] == ["fenced"] * 8  # it was still on its way when they were composed
    assert len(inbox.ledger) == 12 and inbox.duplicates() == 0


def test_a_pass_takes_what_becomes_due_while_it_runs(store: Store) -> None:
    queue(store, 3)

    def adding(claim: Claim) -> Mail:
        if claim.touch == earlier[-1]:
            queue(store, 2)
        return compose(claim)

    earlier = list(states(store))
    delivered, _ = through(store, compose=adding)
    assert delivered == Delivered(claimed=5, sent=5)


def test_a_server_that_keeps_one_message_waiting_keeps_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else was due when that message left; three are before its answer comes."""
    monkeypatch.setattr("nurture.delivery.sending.LOOK_AGAIN", 0.05)
    (slow,) = queue(store)
    standing: list[str] = []

    async def body() -> Delivered:
        async with Inbox(faults={("dot", 1): Fault(reply="250 at last", delay=1)}) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=2))
            passing = asyncio.create_task(once(store, transport))
            while row(store, slow).state != "fenced":
                await asyncio.sleep(0.01)
            later = queue(store, 3)
            while any(states(store)[touch] != ("ended", "sent") for touch in later):
                await asyncio.sleep(0.01)
            standing.append(row(store, slow).state)
            delivered = await passing
            await transport.close()
            return delivered

    assert asyncio.run(body()) == Delivered(claimed=4, sent=4)
    assert standing == ["fenced"]


def test_a_letter_that_nobody_can_write_gives_the_others_their_turn(store: Store) -> None:
    queue(store, 300)

    def never(claim: Claim) -> Mail:
        raise CannotRender("no")

    delivered, _ = through(store, compose=never, connections=3)
    assert delivered == Delivered(claimed=300, failed=300)
    assert set(states(store).values()) == {("ended", "failed")}


def test_the_time_of_the_fence_is_the_time_that_counts(store: Store) -> None:
    """A pass that takes long sends nothing after closing time."""
    queue(store, 2, closes=NOW + timedelta(minutes=1))
    moments = iter([NOW, NOW, NOW, NOW + HOUR])
    last: list[datetime] = [NOW]

    def now() -> datetime:
        last[0] = next(moments, last[0])
        return last[0]

    delivered, inbox = through(store, now=now)
    assert (delivered.sent, delivered.refused, len(inbox.ledger)) == (1, 1, 1)
    assert sorted(states(store).values(), key=str) == [("ended", "sent"), ("queued", None)]
