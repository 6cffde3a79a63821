"""Mail that comes back: whose it is, what follows, and that nothing of it is lost or counted twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text

from nurture import clock
from nurture.core import facts as f
from nurture.delivery.tokens import copies_to
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine.fetching import Taking, fetch
from nurture.engine.mailboxes import Letter
from nurture.engine.relaying import relay_answers
from nurture.simulation.inbox import Inbox
from nurture.store import Store, returns
from nurture.store.hits import Seen, keep_hit
from nurture.store.suppressions import is_suppressed
from nurture.store.tables import TALLIES, TOUCHES
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World
from tests.shell.mailbox_world import (
    BACK,
    KEYS,
    SENDER,
    Box,
    bodies,
    bounce,
    kept,
    letter,
    our_id,
    parsed,
    reply,
    stranger_touch,
    take,
    taking,
    to_us,
    written,
)  # fmt: skip

LATER = START + 2 * HOUR
QUOTED = "\n\nOn Mon, 5 Oct 2026 at 09:00, Nora Haddow wrote:\n> Hello Ada\n>\n> unsubscribe: https://x.example/u/y\n"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def suppressed(world: World, address: str) -> bool:
    return bool(world.read(lambda c: is_suppressed(c, b"s" * 32, address)))


def relayed(world: World, *moments: object) -> list[EmailMessage]:
    """What colleagues are sent, at these instants."""

    async def go() -> list[EmailMessage]:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, security="none"))
            for now in moments or (LATER,):
                await relay_answers(world.store, world.shelf, transport, KEYS, now)  # type: ignore[arg-type]
            await transport.close()
            return [parsed(each.raw) for each in inbox.ledger]

    with clock.virtual(START):
        return asyncio.run(go())


def words_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# Whose it is ------------------------------------------------------------------------------------------


def test_a_hard_bounce_to_our_signed_address_ends_all_mail_once(world: World) -> None:
    ada, touch = written(world)
    raw = bounce("ada@ada.example", to_us("b", touch), START)
    for _ in range(2):
        (heard,) = take(world, raw, raw, now=LATER)[:1]
    assert heard.taken[0].known and heard.taken[0].whose == (ada, touch), "and still told whose it is"
    assert bodies(world, ada, f.Bounced) == [f.Bounced(touch & 0xFFFFF, "hard")]
    assert suppressed(world, "ada@ada.example")
    assert [(row.kind, row.bounce, row.status, row.prospect, row.touch) for row in kept(world)] == [
        ("bounced", "hard", "5.1.1", ada, touch)
    ]


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.7.1", "550 5.7.1 blocked by policy", "block"),
        ("4.2.2", "452 4.2.2 mailbox full", "soft"),
        ("5.3.4", "552 5.3.4 message too big", "content"),
    ],
)
def test_no_other_bounce_suppresses_anybody(world: World, status: str, words: str, kind: str) -> None:
    ada, touch = written(world)
    take(world, bounce("ada@ada.example", to_us("b", touch), START, status, words), now=LATER)
    assert bodies(world, ada, f.Bounced) == [f.Bounced(touch & 0xFFFFF, kind)]
    assert not suppressed(world, "ada@ada.example")


def test_a_bounce_that_only_names_an_address_or_forges_the_signature_is_nobodys(world: World) -> None:
    ada, touch = written(world)
    address = to_us("b", touch)
    forged = address[: -len(BACK) - 2] + ("a" if address[-len(BACK) - 2] != "a" else "b") + f"@{BACK}"
    assert forged != address
    raws = [
        bounce("ada@ada.example", SENDER, START),
        bounce("ada@ada.example", forged, START),
        bounce("ada@ada.example", SENDER, START, id=f"<n1.{'a' * 32}@mail.matchlight.example>"),
        bounce("ada@ada.example", to_us("b", stranger_touch()), START),
    ]  # fmt: skip
    assert [heard.taken[0].whose for heard in take(world, *raws, now=LATER)] == [None] * 4
    assert bodies(world, ada, f.Bounced) == []
    assert not suppressed(world, "ada@ada.example")
    assert len(kept(world)) == 4, "kept all the same"


@pytest.mark.parametrize("head", ["Received", "Bcc"])
def test_the_address_that_only_a_server_or_the_hidden_recipient_names_is_enough(
    world: World, head: str
) -> None:
    ada, touch = written(world)
    to = to_us("u", touch)
    named = f"from mx.else.example by mx.back.example for <{to}>; Mon, 5 Oct 2026 10:00:00 +0000"
    value = named if head == "Received" else to
    (heard,) = take(
        world, letter("", START, From="a@b.example", To="x@y.example", **{head: value}), now=LATER
    )
    assert heard.taken[0].whose == (ada, touch)
    assert suppressed(world, "ada@ada.example")


def test_our_message_id_in_what_was_returned_is_enough_with_the_address(world: World) -> None:
    ada, touch = written(world)
    bo, _ = written(world, "bo")
    take(world, bounce("bo@bo.example", SENDER, START, id=our_id(touch)), now=LATER)
    assert bodies(world, ada, f.Bounced) == bodies(world, bo, f.Bounced) == [], "another person's message"
    take(world, bounce("ada@ada.example", SENDER, START, id=our_id(touch)), now=LATER)
    assert bodies(world, ada, f.Bounced) == [f.Bounced(touch & 0xFFFFF, "hard")]


def test_what_a_colleague_answers_to_all_is_none_of_the_persons(world: World) -> None:
    """Their mail went to our address too, as an answer to all does; it counts as ours."""
    ada, touch = written(world)
    daniel, nora = "Daniel <daniel@matchlight.example>", "Nora <nora@mail.matchlight.example>"
    raws = [
        reply(touch, "Ada, shall we say Tuesday?", START + HOUR, daniel),
        reply(touch, "I am away until Friday.", START + HOUR, nora, Auto_Submitted="auto-replied"),
    ]
    kinds = [heard.taken[0].kind for heard in take(world, *raws, now=LATER)]
    assert kinds == ["contacted", "other"] == [row.kind for row in kept(world)]
    assert bodies(world, ada, f.Replied) == bodies(world, ada, f.Away) == []
    assert bodies(world, ada, f.Contacted) == [f.Contacted("daniel@matchlight.example")]
    assert relayed(world) == []


@pytest.mark.parametrize(("status", "counted"), [("5.1.1", "hard"), ("5.7.1", "blocked")])
def test_a_message_that_comes_back_twice_counts_once_against_us(
    world: World, status: str, counted: str
) -> None:
    """By two servers on its way; or by mail and by a webhook."""
    _, touch = written(world)
    words = f"550 {status} blocked by policy" if status == "5.7.1" else f"550 {status} no such user"
    raws = [bounce("ada@ada.example", to_us("b", touch), START, status, words) for _ in range(2)]
    take(world, *raws, now=LATER)
    assert len(kept(world)) == 2
    assert [getattr(row, counted) for row in world.rows(TALLIES) if not row.receiver] == [1]


def test_a_bounce_and_an_answer_settle_a_doubt(world: World) -> None:
    for name, raw_of, outcome in (
        ("ada", lambda touch: bounce("ada@ada.example", to_us("b", touch), START), "failed"),
        ("bo", lambda touch: reply(touch, "Thank you, yes", START, "bo@bo.example"), "sent"),
    ):
        _, touch = written(world, name)
        world.change(TOUCHES, TOUCHES.c.id == touch, outcome="in_doubt")
        take(world, raw_of(touch), now=LATER)
        (row,) = (row for row in world.rows(TOUCHES) if row.id == touch)
        assert row.outcome == outcome


# Answers ----------------------------------------------------------------------------------------------


def test_an_answer_stops_what_is_on_its_way_and_the_owner_is_told(world: World) -> None:
    ada, touch = written(world)
    world.wake_all(START + 4 * DAY)
    assert world.journey(ada).live is not None, "the next message is chosen"
    at = START + 4 * DAY + MINUTE
    take(world, reply(touch, "Sounds good.\n\nCan we talk on Tuesday?\n\nBest,\nAda" + QUOTED, at), now=at)
    assert bodies(world, ada, f.Replied) == [f.Replied(touch & 0xFFFFF)]
    assert world.touches(ada)[-1].cancelled
    (row,) = kept(world)
    assert row.text == "Sounds good.\n\nCan we talk on Tuesday?"
    (told,) = relayed(world, at, at + MINUTE, at + HOUR)
    assert (told["To"], told["Reply-To"]) == ("nora@matchlight.example", "ada@ada.example")
    assert "Ada" in told["Subject"] and "your note" in told["Subject"]
    assert "Sounds good.\n\nCan we talk on Tuesday?" in words_of(told)
    assert "nurture journey ada@ada.example" in words_of(told) and "written by" not in words_of(told)
    assert world.touches(ada)[0].piece in words_of(told)
    assert world.read(returns.next_mail) is None


def test_sales_are_told_of_whoever_is_theirs(world: World) -> None:
    ada = world.enter("ada", f.FormSent("demo"))
    world.wake_all(START)
    assert world.row(ada).lifecycle == "promoted"
    _, touch = written(world, "bo")
    take(
        world,
        reply(touch, "Yes please", LATER, "bo@bo.example"),
        now=LATER,
    )
    world.hear(touch >> 20, f.FormSent("demo"), at=LATER)
    world.wake_all(LATER)
    (told,) = relayed(world)
    assert told["To"] == "daniel@matchlight.example"


def test_an_answer_from_another_address_says_whose_it_is_and_who_wrote(world: World) -> None:
    ada, touch = written(world)
    take(world, reply(touch, "I answer for Ada", LATER, "Bob <bob@ada.example>"), now=LATER)
    assert bodies(world, ada, f.Replied) == [f.Replied(touch & 0xFFFFF)]
    (told,) = relayed(world)
    assert told["Reply-To"] == "ada@ada.example" and "written by bob@ada.example" in words_of(told)


def test_who_complained_is_told_of_and_is_not_to_be_answered(world: World) -> None:
    ada, touch = written(world)
    body = (
        "--b\nContent-Type: text/plain\n\nA complaint.\n--b\nContent-Type: message/feedback-report\n\n"
        "Feedback-Type: abuse\nUser-Agent: x\nVersion: 1\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nReturn-Path: <{to_us('b', touch)}>\n\n--b--\n"
    )
    kind = 'multipart/report; report-type=feedback-report; boundary="b"'
    raw = letter(body, LATER, From="fbl@else.example", To=f"fbl@{BACK}", Subject="FW", Content_Type=kind)
    take(world, raw, now=LATER)
    assert bodies(world, ada, f.Complained) == [f.Complained(touch & 0xFFFFF)]
    assert suppressed(world, "ada@ada.example")
    (told,) = relayed(world)
    assert told["Reply-To"] is None and "your answer goes to" not in words_of(told)


def test_what_a_stranger_writes_cannot_break_the_mail_that_tells_of_it(world: World) -> None:
    _, touch = written(world)
    hostile = (
        "{{ packet.email }} <script>alert(1)</script> =?utf-8?q?a=0D=0ABcc:_x@x.example?= \x00\x1b[2J\n.\n"
    )
    subject = "=?utf-8?q?Re=0D=0ABcc:_eve=40evil.example?="
    take(world, reply(touch, hostile, LATER, Subject=subject), now=LATER)
    (told,) = relayed(world)
    assert told["Bcc"] is None and told["To"] == "nora@matchlight.example"
    assert "{{ packet.email }} <script>alert(1)</script>" in words_of(told)
    html = told.get_body(("html",))
    assert html is not None and "<script>" not in html.get_content()


def test_an_answer_without_our_address_is_known_by_message_id_and_sender(world: World) -> None:
    ada, touch = written(world)
    given = {"To": "nora@matchlight.example", "In_Reply_To": our_id(touch)}
    take(world, reply(touch, "Who is this?", LATER, "eve@evil.example", **given), now=LATER)
    assert bodies(world, ada, f.Replied) == []
    take(world, reply(touch, "Hello", LATER, "ada@ada.example", To=given["To"]), now=LATER)
    assert bodies(world, ada, f.Replied) == [], "an address alone is nobody"
    take(world, reply(touch, "Hello", LATER, "ada@ada.example", **given), now=LATER)
    assert bodies(world, ada, f.Replied) == [f.Replied(touch & 0xFFFFF)]


def test_an_absence_with_a_date_shifts_the_clock_and_is_no_answer(world: World) -> None:
    ada, touch = written(world)
    raw = letter(
        "I am out of the office until 19 October 2026.", LATER,
        From="ada@ada.example", To=to_us("b", touch), Subject="Out of office", Auto_Submitted="auto-replied",
    )  # fmt: skip
    take(world, raw, now=LATER)
    (away,) = bodies(world, ada, f.Away)
    assert isinstance(away, f.Away) and away.until is not None and away.until.day in (19, 20)
    assert bodies(world, ada, f.Replied) == []
    for day in range(1, 12):
        world.wake_all(START + day * DAY)
    assert len(world.touches(ada)) == 1
    assert relayed(world) == []


# No more ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["unsubscribe", "STOP.", "Please remove me", "Bitte abmelden!", "désabonner"]
)
def test_a_first_line_that_says_only_stop_unsubscribes(world: World, said: str) -> None:
    ada, touch = written(world)
    take(world, reply(touch, f"{said}\n\nAda{QUOTED}", LATER), now=LATER)
    assert bodies(world, ada, f.Unsubscribed) == [f.Unsubscribed("all", "reply")]
    assert suppressed(world, "ada@ada.example")


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ("Interesting, tell me more", False),
        ("How do I unsubscribe from the old system?", True),
        ("Do not stop now, this helps", False),
    ],
)
def test_our_own_footer_or_a_mention_unsubscribes_nobody(world: World, said: str, note: bool) -> None:
    ada, touch = written(world)
    take(world, reply(touch, said + QUOTED, LATER), now=LATER)
    assert bodies(world, ada, f.Unsubscribed) == []
    assert bodies(world, ada, f.Replied) == [f.Replied(touch & 0xFFFFF)]
    assert kept(world)[0].words.startswith("may ask for no more mail") is note


def test_mail_to_the_unsubscribe_address_unsubscribes_whatever_it_says(world: World) -> None:
    ada, touch = written(world)
    forged = to_us("u", touch).replace("u+", "u+a", 1)
    for to in (forged, to_us("u", touch)):
        assert bodies(world, ada, f.Unsubscribed) == []
        take(world, letter("", LATER, From="somebody@else.example", To=to, Subject="unsubscribe"), now=LATER)
    assert bodies(world, ada, f.Unsubscribed) == [f.Unsubscribed("all", "mailto")]


# Copies of what colleagues write ----------------------------------------------------------------------


def copy(by: str, to: str, at: object = LATER, secret: str = "") -> bytes:
    hidden = f"{secret or copies_to(KEYS)}@{BACK}"
    return letter("Shall we talk?", LATER, From=by, To=to, Delivered_To=hidden, Subject="A talk")


def test_what_sales_write_counts_like_our_own(world: World) -> None:
    ada = world.enter("ada")
    take(world, copy("Daniel <daniel@matchlight.example>", "ada@ada.example, eve@nobody.example"), now=LATER)
    assert bodies(world, ada, f.Contacted) == [f.Contacted("daniel@matchlight.example")]
    assert sorted((row.kind, row.prospect) for row in kept(world)) == [("contacted", ada), ("other", None)]
    world.wake_all(LATER)
    assert world.touches(ada) == [], "the gap of the programme counts from it"
    world.wake_all(LATER + 7 * DAY)
    assert len(world.touches(ada)) == 1


def test_copies_from_strangers_or_to_a_guessed_address_count_for_nothing(world: World) -> None:
    ada = world.enter("ada")
    raws = (
        copy("eve@evil.example", "ada@ada.example"),
        copy("daniel@matchlight.example", "ada@ada.example", secret="s+aaaaaaaaaaaaaaaa"),
    )
    take(world, *raws, now=LATER)
    assert bodies(world, ada, f.Contacted) == []
    assert [row.kind for row in kept(world)] == ["other", "other"]


# Nothing is lost --------------------------------------------------------------------------------------


def test_a_maildir_is_read_and_marked_and_read_again_changes_nothing(world: World, tmp_path: Path) -> None:
    ada, touch = written(world)
    box = Box(tmp_path / "box")
    raw = reply(touch, "Yes", LATER)
    for each in (raw, b"\xff\xfe no mail at all", b""):
        box.add(each)
    assert fetch(box.place, taking(world), LATER) == 3
    assert box.names("new") == []
    assert [name.partition(":")[2] for name in box.names("cur")] == ["2,S"] * 3
    box.add(raw)
    assert fetch(box.place, taking(world), LATER) == 1
    assert bodies(world, ada, f.Replied) == [f.Replied(touch & 0xFFFFF)]
    assert [row.kind for row in kept(world)] == ["replied", "other", "other"]


def test_a_store_that_cannot_write_leaves_the_letters_where_they_are(world: World, tmp_path: Path) -> None:
    _, touch = written(world)
    box = Box(tmp_path / "box")
    box.add(reply(touch, "Yes", LATER))
    world.store.write_now(lambda c: c.execute(text("ALTER TABLE returns RENAME TO away_for_now")) and None)
    with pytest.raises(Exception, match="returns"):
        fetch(box.place, taking(world), LATER)
    assert len(box.names("new")) == 1 and box.names("cur") == []
    world.store.write_now(lambda c: c.execute(text("ALTER TABLE away_for_now RENAME TO returns")) and None)
    assert fetch(box.place, taking(world), LATER) == 1
    assert box.names("new") == []


def test_one_letter_that_cannot_be_taken_keeps_nobody_waiting(world: World, tmp_path: Path) -> None:
    """Made so by a snapshot of the hits that cannot be judged: their programme is not in the store."""
    people = [written(world, name) for name in ("ada", "bo", "cy")]
    poisoned = people[1][1]
    world.change(TOUCHES, TOUCHES.c.id == poisoned, programme="nowhere")
    seen = Seen("click", "https://www.matchlight.example/", START, link=1)
    world.store.write_now(lambda c: keep_hit(c, poisoned, seen))
    raws = [
        reply(touch, "Yes", LATER, f"{name}@{name}.example")
        for (_, touch), name in zip(people, ("ada", "bo", "cy"), strict=True)
    ]
    box = Box(tmp_path / "box")
    for raw in raws:
        box.add(raw)
    assert fetch(box.place, taking(world), LATER) == 3
    assert [len(bodies(world, who, f.Replied)) for who, _ in people] == [1, 0, 1]
    assert any(row.kind == "other" and row.words.startswith("could not be taken") for row in kept(world))
    assert box.names("new") == []


def test_texts_that_no_database_keeps_are_kept_without_them(world: World) -> None:
    ada, touch = written(world)
    raw = reply(touch, "a\x00b \ud83d".encode("utf-8", "surrogatepass").decode("latin-1"), LATER)
    take(world, raw, now=LATER)
    assert "\x00" not in kept(world)[0].text
    assert len(bodies(world, ada, f.Replied)) == 1


def test_a_letter_from_the_future_or_from_before_its_message_is_put_in_between(world: World) -> None:
    ada, touch = written(world)
    take(world, reply(touch, "Early", START - 400 * DAY), reply(touch, "Late", LATER + 400 * DAY), now=LATER)
    times = [fact.at for fact in world.facts(ada) if isinstance(fact.body, f.Replied)]
    assert len(times) == 2
    assert all(START - timedelta(minutes=1) <= at <= LATER for at in times)


def test_two_who_read_one_mailbox_count_nothing_twice(postgres_database: str) -> None:
    """The same letters, in other orders, and some of them nobody's."""
    with Store(postgres_database) as store:
        world = World(store)
        people = [written(world, f"p{number}") for number in range(12)]
        raws = [bounce(f"p{n}@p{n}.example", to_us("b", touch), START) for n, (_, touch) in enumerate(people)]
        raws += [reply(touch, "Yes", START, f"p{n}@p{n}.example") for n, (_, touch) in enumerate(people)]
        raws += [letter(f"{number}", START, From="x@y.example") for number in range(12)]
        both = Barrier(2, timeout=20)

        def go(letters: list[bytes]) -> int:
            with Store(postgres_database) as own:
                reader = Taking(own, world.shelf, KEYS, b"s" * 32)
                both.wait()
                heard = []
                for first in range(0, len(letters), 9):
                    some = [Letter("", raw, None) for raw in letters[first : first + 9]]
                    heard += reader.take(some, LATER)
                return sum(not each.taken[0].known for each in heard)

        with ThreadPoolExecutor(2) as threads:
            assert sum(threads.map(go, (raws, raws[::-1]))) == len(raws) == len(kept(world))
        for prospect, _ in people:
            told = [type(fact.body) for fact in world.facts(prospect)]
            assert (told.count(f.Bounced), told.count(f.Replied)) == (1, 1)
        assert sum(row.hard for row in world.rows(TALLIES) if not row.receiver) == 12
