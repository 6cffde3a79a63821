"""What came back, in words: every reason not to write, and every line of a journey."""

from datetime import datetime

import pytest

from nurture.core import facts as f
from nurture.core.answers import Reason
from nurture.telling import show, tell, why, words
from tests.core.build import DAY, GOOD, START, Person, days, demo, programme, sequence

UNTIL = START + 20 * DAY


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason("unwanted topic", {"topic": "cost"}), "they want nothing about cost"),
        (
            Reason("gap asked for", {"days": 10.0, "until": UNTIL}),
            "they asked for 10 days between messages, until Sun 22 Mar 2026 09:00 GMT",
        ),
        (Reason("not before", {"until": UNTIL}), "they said: not before Sun 22 Mar 2026 09:00 GMT"),
        (Reason("declined"), "they said that this is not for them; only asking for sales opens it again"),
        (Reason("unsubscribed from", {"sequence": "news"}), "they unsubscribed from news"),
        (Reason("paused", {"until": UNTIL}), "they asked for a pause until Sun 22 Mar 2026 09:00 GMT"),
        (Reason("away", {"until": UNTIL}), "away until Sun 22 Mar 2026 09:00 GMT"),
        (
            Reason("replied", {"until": UNTIL}),
            "they replied: a colleague has the word until Sun 22 Mar 2026 09:00 GMT, or releases them",
        ),
        (
            Reason("soft bounces", {"count": 5, "since": START, "until": UNTIL}),
            "5 soft bounces since Mon 2 Mar 2026 09:00 GMT: silent until Sun 22 Mar 2026 09:00 GMT",
        ),
        (
            Reason("consent over", {"at": UNTIL, "basis": "soft_opt_in", "given": START, "months": 6}),
            "may not be mailed: soft opt-in ended Sun 22 Mar 2026 09:00 GMT, "
            "6 months after Mon 2 Mar 2026 09:00 GMT, as the law there says",
        ),
        (
            Reason("consent over", {"at": UNTIL, "basis": "consent"}),
            "may not be mailed: consent ended Sun 22 Mar 2026 09:00 GMT",
        ),
        (
            Reason("no longer stands", {"why": "declined"}),
            "what it rested on no longer stands (not for them)",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Reason) else "",
)
def test_a_reason_in_words(reason: Reason, said: str):
    assert words(reason, "Europe/London") == said


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (f.Away(1, UNTIL), "away         until Sun 22 Mar 2026 09:00 GMT"),
        (f.Away(1), "away         no date named"),
        (f.Contacted("tom@x.example"), "contacted    by a colleague tom@x.example"),
        (f.Preferred(("cost", "fit")), "preferred    nothing about cost, nothing about fit"),
        (f.Preferred(gap=1), "preferred    1 day apart at least"),
        (f.Preferred(paused_until=UNTIL), "preferred    nothing until Sun 22 Mar 2026 09:00 GMT"),
        (f.Preferred(), "preferred    as usual, nothing asked"),
        (f.Declined(), "declined     not for them by page"),
        (f.Declined(UNTIL, "reply"), "declined     not before Sun 22 Mar 2026 09:00 GMT by reply"),
        (f.Reconsidered(), "reconsidered it is for them after all"),
        (f.Unsubscribed("main", "one_click"), "unsubscribed from main only by one click"),
        (f.Unsubscribed(), "unsubscribed from everything by page"),
        (f.Consented("consent", "main"), "consented    to main again"),
        (f.Consented("consent", "all", UNTIL), "consented    consent until Sun 22 Mar 2026 09:00 GMT"),
    ],
    ids=str,
)
def test_a_fact_as_a_line(body: f.Body, line: str):
    person = Person().enter()
    person.hear(body)
    last = list(show(tell(1, person.facts, person.plan), START, "Europe/London"))[-1]
    assert " ".join(last.split()) == " ".join(("day 0 " + line).split())


def verdict(person: Person, now: datetime) -> tuple[str, str]:
    answer = why(person.journey, person.plan, now)
    return answer.verdict, answer.because[0]


def test_why_shows_what_stands_against_a_message_longest():
    person = Person().enter()
    person.live(START + DAY)
    person.hear(f.Away(1, START + 9 * DAY))
    person.hear(f.Preferred(paused_until=UNTIL))
    said = ("wait: Sun 22 Mar 2026 09:00 GMT", "they asked for a pause until Sun 22 Mar 2026 09:00 GMT")
    assert verdict(person, person.now) == said


def test_the_journey_shows_what_a_retraction_did():
    """A machine's hit: the lead is taken back, and the message chosen meanwhile is stopped."""
    person = Person(outcome=None).enter(GOOD)
    raised = person.hear(demo())
    person.wake()
    person.after(DAY).hear(f.Retracted(raised.n, "a machine"))
    person.wake()
    told = [f"{line.verb} {line.what} {line.why}" for line in tell(1, person.facts, person.plan)]
    assert f"retracted fact {raised.n} a machine" in told
    assert "withdrawn from sales what it rested on no longer stands (retracted)" in told
    chosen = next(fact for fact in reversed(person.facts) if isinstance(fact.body, f.Chosen))
    person.hear(f.Retracted(2))
    person.wake()
    told = [f"{line.verb} {line.what} {line.why}" for line in tell(1, person.facts, person.plan)]
    assert f"cancelled early/{chosen.body.piece} a fact it rested on was retracted" in told  # type: ignore[union-attr]


def test_an_accepted_lead_stays_with_sales_and_the_retraction_is_noted():
    person = Person().enter(GOOD)
    raised = person.hear(demo())
    (promoted,) = person.wake()
    person.hear(f.Answered(promoted.number, "accepted"))
    person.hear(f.Retracted(raised.n, "a machine"))
    assert person.wake() == []
    assert person.state == "accepted"
    last = list(tell(1, person.facts, person.plan))[-1]
    assert (last.verb, last.why) == ("retracted", "a machine")


def test_an_unsubscribe_from_one_sequence_tells_where_it_leads():
    person = Person(programme(sequences=(sequence(again=days(1)),))).enter()
    person.wake()
    person.hear(f.Unsubscribed("main"))
    person.wake()
    lines = [f"{line.verb} {line.what} {line.why}" for line in tell(1, person.facts, person.plan)]
    assert "left main they unsubscribed from main; rests until Sun 31 May 2026 10:00 BST" in lines
