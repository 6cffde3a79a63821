"""The preference centre: every choice is one fact, committed before the answer, and can be taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from nurture import clock
from nurture.core.facts import Complained, Consented, Declined, Entered, Preferred, Reconsidered, Unsubscribed
from nurture.core.programme import Form, Piece, Programme
from nurture.engine.silencing import silence
from nurture.engine.unsubscribing import KIND, Unsubscribe, journal_entry, taker
from nurture.store import Store
from nurture.store.consents import consents_of
from nurture.store.facts import note
from nurture.store.suppressions import suppress
from nurture.store.tables import CONFIRMATIONS, FACTS, PROSPECTS, TOUCHES, touch_id
from tests.web.conftest import NOON, PROGRAMME, SENT, World, browser, fill, make_needs
from tests.web.pages import forms_of, press, visit, words_of

DAY = timedelta(days=1)
APRIL = datetime(2026, 4, 2, 23, 0, tzinfo=UTC)
"""Midnight of 3 April where the sender is: summer time has begun there."""


class _Series:
    """A sequence as the pages need it."""

    def __init__(self, id: str) -> None:
        self.id = id


PIECES = {
    "guide": Piece("guide", "early", "Guide", ("cost", "month-end")),
    "pilot": Piece("pilot", "late", "Pilot", ("control",)),
    "hello": Piece("hello", "early", "Hello"),
}
OFFERS: Programme = replace(PROGRAMME, pieces=PIECES, sequences=(_Series("s"),))


@pytest.fixture
def database(sqlite_database):
    """SQLite; one test goes through everything on PostgreSQL."""
    return sqlite_database


@pytest.fixture
def world(store, tmp_path, noon):
    store.write_now(fill)
    needs = make_needs(store, tmp_path, programme=lambda: OFFERS)
    return World(needs, browser(needs))


def centre(world, prospect=1):
    return visit(world, prospect=prospect, centre=True)


def cancelled(world, prospect=3):
    query = select(TOUCHES.c.cancelled).where(TOUCHES.c.prospect == prospect)
    return world.needs.store.read(lambda c: c.scalar(query))


def ledger(world, prospect=1):
    rows = world.needs.store.read(lambda c: consents_of(c, prospect))
    return [(row.kind, row.basis, row.scope, row.way) for row in rows]


def later(time):
    clock.set_virtual(clock.now() + time)


def test_the_page_says_what_holds_and_changes_nothing(world):
    page = centre(world)
    assert page.status_code == 200
    assert "You get our e-mail as usual." in words_of(page.text)
    first = forms_of(page.text)[0]
    assert [value for name, value in first.fields if name == "topic"] == ["cost", "month-end", "control"]
    assert ("gap", "0") in first.fields
    assert world.client.head(str(page.url)).content == b""
    assert world.facts(1) == [] and world.suppressions() == []


def test_topics_frequency_and_a_pause_are_one_fact(world):
    answer = press(world, centre(world), "save", topic=["control"], gap="7", pause="2026-04-03")
    assert answer.status_code == 200
    assert world.facts(1) == [Preferred(("cost", "month-end"), 7, APRIL)]
    says = words_of(answer.text)
    assert "We write nothing about: Cost, Month end." in says
    assert "We write at most once a week." in says
    assert "We write nothing before 3 April 2026." in says
    assert "You can undo this until 12:00 on 3 March 2026 (Europe/London)." in says
    assert world.person("ada@a.example").wake_at == clock.now()
    first = forms_of(centre(world).text)[1]
    assert {"control"} == {value for name, value in first.fields if name == "topic"}
    assert ("gap", "7") in first.fields and ("pause", "2026-04-03") in first.fields


def test_saving_what_holds_already_is_no_fact(world):
    press(world, centre(world), "save", gap="30")
    press(world, centre(world), "save")
    assert world.facts(1) == [Preferred((), 30)]


def test_a_topic_that_the_page_does_not_show_stays_unwanted(world):
    before = {1: [(Preferred(("retired",), 0), NOON)]}
    world.needs.store.write_now(lambda c: note(c, before, known=NOON, programme="p1"))
    press(world, centre(world), "save", topic=["cost", "control"])
    assert world.facts(1)[-1] == Preferred(("month-end", "retired"))


def test_a_pause_that_is_over_stands_in_nobodys_way(world):
    press(world, centre(world), "save", gap="7", pause="2026-03-05")
    later(4 * DAY)
    page = centre(world)
    assert "5 March" not in page.text and "2026-03-05" not in page.text
    assert press(world, page, "save", gap="30").status_code == 200
    assert world.facts(1)[-1] == Preferred((), 30)


def test_a_frequency_that_the_page_does_not_show_stays(world):
    before = {1: [(Preferred((), 14), NOON)]}
    world.needs.store.write_now(lambda c: note(c, before, known=NOON, programme="p1"))
    page = centre(world)
    assert "We write every 14 days." in words_of(page.text)
    press(world, page, "save", topic=["cost", "month-end"])
    assert world.facts(1)[-1] == Preferred(("control",), 14)


@pytest.mark.parametrize(
    ("field", "button", "day", "says"),
    [
        ("pause", "save", "soon", "This is not a day"),
        ("pause", "save", "2026-03-02", "That day is over"),
        ("pause", "save", "2031-01-01", "more than three years"),
        ("not-now", "not-now", "", "Which day?"),
        ("not-now", "not-now", "2026-02-30", "This is not a day"),
        ("not-now", "not-now", "9999-12-31", "more than three years"),
    ],
)
def test_a_day_that_cannot_be_taken_is_said_and_the_rest_is_kept(world, field, button, day, says):
    answer = press(world, centre(world), button, gap="7", topic=["cost"], **{field: day})
    assert answer.status_code == 422
    assert says in answer.text and 'aria-invalid="true"' in answer.text
    assert world.facts(1) == []
    if button == "save":
        assert [pair for pair in forms_of(answer.text)[0].fields if pair[0] in ("topic", "gap")] == [
            ("topic", "cost"),
            ("gap", "7"),
        ]


def test_not_for_us(world):
    answer = press(world, centre(world, 3), "not-for-us")
    assert answer.status_code == 200
    assert world.facts(3) == [Declined(None, "page")]
    assert cancelled(world)
    press(world, centre(world, 3), "not-for-us")
    assert len(world.facts(3)) == 1
    press(world, answer, "undo")
    assert world.facts(3) == [Declined(None, "page"), Reconsidered("page")]


def test_not_now_until_a_day(world):
    answer = press(world, centre(world, 3), "not-now", not_now="2026-04-03")
    assert world.facts(3) == [Declined(APRIL, "page")]
    assert cancelled(world)
    assert "before 3 April 2026" in words_of(answer.text)
    assert world.suppressions() == []


def test_this_series_only(world):
    """Suppressed for the sequence alone: the address may be mailed."""
    answer = press(world, centre(world, 3), "stop-series")
    assert "You get no more of this series" in words_of(answer.text)
    assert world.facts(3) == [Unsubscribed("s", "page")]
    assert cancelled(world)
    assert [(one.reason, one.scope) for one in world.suppressions()] == [("unsubscribed", "s")]
    assert ledger(world, 3) == [("withdrawn", "", "s", "page")]
    assert "stop-series" not in centre(world, 3).text
    press(world, answer, "undo")
    assert world.facts(3)[-1] == Consented("consent", "s", given=SENT)
    assert world.suppressions() == []


def test_a_message_of_another_series_goes_on(world):
    other = update(TOUCHES).where(TOUCHES.c.prospect == 3).values(sequence="other")
    page = centre(world, 3)
    world.needs.store.write_now(lambda c: c.execute(other) and None)
    press(world, page, "stop-series")
    assert world.facts(3) == [Unsubscribed("s", "page")]
    assert not cancelled(world)


def test_a_series_that_nobody_knows_is_not_stopped(world):
    answer = press(world, centre(world), "stop-series", series="../etc")
    assert "You get our e-mail as usual." in words_of(answer.text)
    assert world.facts(1) == []


@pytest.mark.parametrize(
    ("choice", "stops"),
    [
        ({"topic": ["control"]}, True),
        ({"topic": ["cost", "month-end"]}, False),
        ({"gap": "7"}, False),
        ({"pause": "2026-03-03"}, True),
    ],
    ids=["its topic", "another topic", "never sent before", "a pause"],
)
def test_a_message_on_its_way_is_cancelled_where_the_choice_forbids_it(world, choice, stops):
    press(world, centre(world, 3), "save", **choice)
    assert cancelled(world) is stops


def test_a_message_that_comes_too_soon_after_the_last_one_is_cancelled(world):
    def work(connection):
        row = {"id": touch_id(3, 2), "decision": 2, "state": "ended", "outcome": "sent", "ended_at": SENT}
        before = connection.execute(select(TOUCHES).where(TOUCHES.c.prospect == 3)).one()._asdict()
        connection.execute(insert(TOUCHES).values(**before | row | {"piece": "hello"}))

    world.needs.store.write_now(work)
    press(world, centre(world, 3), "save", gap="7")
    assert cancelled(world)


def test_undo_brings_back_what_was_asked_before(world):
    press(world, centre(world), "save", gap="7")
    later(DAY * 2)
    answer = press(world, centre(world), "save", gap="30", topic=["cost"])
    press(world, answer, "undo")
    assert world.facts(1)[-1] == Preferred((), 7)


def test_undo_of_an_unsubscribe_lifts_it_with_evidence(world):
    """The way back is a fact, a line in the ledger that says who pressed, and no suppression."""
    stopped = press(world, visit(world), "stop")
    assert ledger(world) == [("withdrawn", "", "all", "page")]
    answer = press(world, stopped, "undo")
    assert words_of(answer.text).startswith("Undone")
    assert world.facts(1) == [Unsubscribed("all", "page"), Consented("consent", given=SENT)]
    assert world.suppressions() == []
    rows = world.needs.store.read(lambda c: consents_of(c, 1))
    assert (rows[-1].kind, rows[-1].basis, rows[-1].way) == ("given", "consent", "page")
    assert f"touch {touch_id(1, 1)}" in rows[-1].evidence and "192.0.2.0/24" in rows[-1].evidence


def test_undo_gives_the_ground_that_stood_before(world):
    until = NOON + 90 * DAY
    given = {1: [(Consented("soft_opt_in", "all", until), SENT)]}
    world.needs.store.write_now(lambda c: note(c, given, known=SENT, programme="p1"))
    press(world, press(world, visit(world), "stop"), "undo")
    assert world.facts(1)[-1] == Consented("soft_opt_in", "all", until, SENT)


def test_pressing_undo_twice_is_as_once(world):
    saved = press(world, centre(world), "save", gap="7")
    assert words_of(press(world, saved, "undo").text).startswith("Undone")
    assert words_of(press(world, saved, "undo").text).startswith("There is nothing to undo")
    assert world.facts(1) == [Preferred((), 7), Preferred()]


def test_what_the_journal_brings_late_does_not_undo_the_undo(world):
    """The store took it after all, just when the page had lost patience and written it down, too."""
    needs = world.needs
    stopped = press(world, visit(world), "stop")
    needs.journal.append(journal_entry(Unsubscribe(touch_id(1, 1), "page", clock.now())))
    assert press(world, stopped, "undo").status_code == 503
    takers = {KIND: taker(needs.store, needs.suppression_key, lambda: "p1", clock.now)}
    assert needs.journal.replay(takers) == 1
    assert world.kinds(1) == ["Unsubscribed"]
    assert press(world, stopped, "undo").status_code == 200
    assert world.kinds(1) == ["Unsubscribed", "Consented"]
    assert world.suppressions() == []


@pytest.mark.parametrize("reason", ["competitor", "manual", "bounced", "unsubscribed"])
def test_undo_lifts_nothing_that_stood_before_the_word(world, reason):
    """Whom the company, their server or they themselves had silenced already stays silenced."""
    key = world.needs.suppression_key
    world.needs.store.write_now(lambda c: suppress(c, key, "ada@a.example", reason, SENT, "a list"))
    stopped = press(world, visit(world), "stop")
    assert not any(("do", "undo") in form.buttons for form in forms_of(stopped.text))
    number = len(world.facts(1)) + 1
    answer = world.client.post(
        f"/u/{world.sign('u')}/preferences", data={"shown": "1", "do": "undo", "of": str(number)}
    )
    assert words_of(answer.text).startswith("There is nothing to undo")
    (row,) = world.suppressions()
    assert (row.reason, row.at) == ("unsubscribed", SENT)
    assert "Consented" not in world.kinds(1)


def test_undo_is_no_consent_where_none_stood(world):
    """Somebody an event told of, who had a link mailed to them."""
    entered = {1: [(Entered("events", "unknown"), NOON)]}
    world.needs.store.write_now(lambda c: c.execute(delete(FACTS).where(FACTS.c.prospect == 1)))
    world.needs.store.write_now(lambda c: note(c, entered, known=NOON, programme="p1"))
    stopped = press(world, visit(world), "stop")
    assert not any(("do", "undo") in form.buttons for form in forms_of(stopped.text))
    assert world.kinds(1) == ["Entered", "Unsubscribed"]


def test_a_day_later_there_is_nothing_to_undo(world):
    stopped = press(world, visit(world), "stop")
    later(DAY - timedelta(seconds=10))
    assert any(("do", "undo") in form.buttons for form in forms_of(centre(world).text))
    later(timedelta(seconds=10))
    assert not any(("do", "undo") in form.buttons for form in forms_of(centre(world).text))
    assert words_of(press(world, stopped, "undo").text).startswith("There is nothing to undo")
    assert world.facts(1) == [Unsubscribed("all", "page")]
    assert len(world.suppressions()) == 1


def one_click(world):
    world.client.post(f"/u/{world.sign('u')}", data={"List-Unsubscribe": "One-Click"})


def complain(world):
    world.needs.store.write_now(
        lambda c: silence(c, 1, Complained(1), NOON, "r", key=b"s" * 32, programme="p1", now=NOON)
    )


@pytest.mark.parametrize(("how", "way_back"), [(one_click, "../../f/demo"), (complain, "nora@mail")])
def test_one_click_and_complaint_need_a_new_consent(world, how, way_back):
    stopped = press(world, visit(world), "stop")
    how(world)
    page = centre(world)
    assert [form for form in forms_of(page.text) if form.buttons] == []
    assert way_back in page.text
    assert words_of(press(world, stopped, "undo").text).startswith("There is nothing to undo")
    assert len(world.suppressions()) == 1


def test_after_unsubscribing_from_all_every_topic_is_off(world):
    """Behaviour case 52."""
    press(world, centre(world), "save", topic=["cost"])
    press(world, centre(world), "stop")
    page = centre(world)
    assert "topic" not in page.text.partition("<main>")[2]
    assert "no more e-mail of this kind" in words_of(page.text)
    press(world, page, "undo")
    assert {"cost"} == {value for name, value in forms_of(centre(world).text)[-5].fields if name == "topic"}


@pytest.mark.parametrize("button", ["save", "not-for-us", "stop-series", "stop"])
def test_what_no_person_pressed_changes_nothing(world, button):
    """Scanner behaviours: at once, by a script, by a program, ahead of a reader."""
    page = centre(world)
    for wait, headers in [
        (timedelta(), None),
        (DAY, {"sec-fetch-mode": "navigate"}),
        (DAY, {"user-agent": "curl/8.5"}),
        (DAY, {"purpose": "prefetch"}),
    ]:
        answer = press(world, page, button, wait=wait, headers=headers, gap="7")
        assert answer.status_code == 422
        assert "press once more" in answer.text
    assert world.facts(1) == [] and world.suppressions() == []
    assert press(world, answer, button, gap="7").status_code == 200
    assert len(world.facts(1)) == 1


def test_undo_by_a_program_changes_nothing(world):
    stopped = press(world, visit(world), "stop")
    assert press(world, stopped, "undo", wait=timedelta()).status_code == 422
    assert world.facts(1) == [Unsubscribed("all", "page")]


def test_of_somebody_erased_nothing_is_known(world):
    page = centre(world)
    world.needs.store.write_now(
        lambda c: c.execute(update(PROSPECTS).where(PROSPECTS.c.id == 1).values(address=None)) and None
    )
    for answer in (centre(world), press(world, page, "save", gap="7"), press(world, page, "not-for-us")):
        assert "Nothing about you is kept here" in words_of(answer.text)
    assert world.facts(1) == []


def test_two_words_at_the_same_time_are_both_kept(world):
    first, second = centre(world), centre(world)
    press(world, first, "save", gap="7")
    press(world, second, "stop")
    assert world.kinds(1) == ["Preferred", "Unsubscribed"]


def due(world):
    query = select(CONFIRMATIONS.c.prospect, CONFIRMATIONS.c.mail_due_at)
    return world.needs.store.read(lambda c: [tuple(row) for row in c.execute(query)])


def test_a_link_that_is_cut_is_mailed_anew_to_the_address(world):
    lost = world.client.get("/u/nonsense")
    assert lost.status_code == 404
    for address in (" Ada@A.example", "nobody@d.example", "ada@a.example"):
        answer = press(world, lost, "send", email=address)
        assert answer.status_code == 200
        assert "Look into your mailbox" in answer.text and address.strip() not in answer.text
    assert due(world) == [(1, NOON + timedelta(seconds=2))]
    later(DAY)
    press(world, world.client.get("/u/nonsense/preferences"), "send", email="ada@a.example")
    assert len(due(world)) == 2
    assert world.facts(1) == [] and world.suppressions() == []


def test_who_gets_no_mail_is_mailed_no_link_either(world):
    one_click(world)
    press(world, world.client.get("/u/x"), "send", email="ada@a.example")
    press(world, world.client.get("/u/x"), "send", email="bo@b.example", homepage="https://spam.example")
    assert due(world) == []


def test_five_addresses_a_minute_from_one_network(world):
    lost = world.client.get("/u/x")
    codes = [
        press(world, lost, "send", email="ada@a.example", wait=timedelta()).status_code for _ in range(7)
    ]
    assert codes == [200] * 5 + [429] * 2
    assert press(world, lost, "send", email="not an address", wait=timedelta(minutes=2)).status_code == 404


def test_the_way_back_is_a_form_that_asks_for_consent(world):
    silent = replace(OFFERS, forms={"guide": Form("guide", "guide", "content", {})})
    bare = world.again(programme=lambda: silent)
    one_click(bare)
    assert "write to nora@mail.matchlight.example" in words_of(centre(bare).text)


@pytest.mark.postgres
def test_every_button_and_its_undo_on_postgres(postgres_database, tmp_path, noon):
    with Store(postgres_database) as store:
        store.write_now(fill)
        needs = make_needs(store, tmp_path, programme=lambda: OFFERS)
        world = World(needs, browser(needs))
        for button, typed in [
            ("save", {"gap": "7"}),
            ("not-now", {"not_now": "2026-04-03"}),
            ("not-for-us", {}),
            ("stop-series", {}),
            ("stop", {}),
        ]:
            answer = press(world, centre(world, 3), button, **typed)
            assert answer.status_code == 200
            assert words_of(press(world, answer, "undo").text).startswith("Undone")
        assert world.kinds(3) == [
            "Preferred", "Preferred", "Declined", "Reconsidered", "Declined", "Reconsidered",
            "Unsubscribed", "Consented", "Unsubscribed", "Consented",
        ]  # fmt: skip
        assert world.suppressions() == [] and cancelled(world)
        press(world, world.client.get("/u/x"), "send", email="bo@b.example")
        assert [prospect for prospect, _ in due(world)] == [2]
