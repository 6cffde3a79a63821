"""The one decision, on one page; and `settle`, which repeats it until there is nothing to do but wait.

Pure: no clock, no store, no randomness. Every verdict says why. Before a verdict's `until` the same
question gets the same verdict, if no fact arrives; so a prospect is looked at again only then.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from nurture.core import facts as f
from nurture.core.answers import FOREVER, Answer, Reason, first_moment
from nurture.core.choosing import Choice, choose, unwanted_topic
from nurture.core.conditions import Condition, Fit, ask
from nurture.core.enrolling import audience, leave, silence, unsubscribe
from nurture.core.fit import fit as judge_fit
from nurture.core.journey import CLOSED, NURTURING, OPEN, PROMOTED, Journey, Touch, quarantined
from nurture.core.permission import may_we_write
from nurture.core.programme import Programme, Sequence
from nurture.core.promotion import Lead, asks_for_sales, disqualified, fallen, is_lead, overdue
from nurture.core.stages import Turn, where_to
from nurture.core.timing import crowded, may_write, zone_for
from nurture.core.weighing import evolve

MOST_ROUNDS = 8

_NO_NEWS = ("not disqualified", "stands", "nothing asked", "no hand raised", "stays")


class Verdict(NamedTuple):
    """What to do (None: wait until `until`), why, and which pieces were passed over."""

    action: f.Decided | None
    because: tuple[Reason, ...]
    until: datetime = FOREVER
    passed_over: f.PassedOver = ()


class Settled(NamedTuple):
    """The decided facts of one wake, the journey after them, and the wait that follows."""

    facts: tuple[f.Fact, ...]
    journey: Journey
    wait: Verdict


class DoesNotSettle(Exception):
    """Eight decisions and no wait: a bug of ours; the prospect is quarantined."""


def settle(journey: Journey, programme: Programme, now: datetime) -> Settled:
    """Decide and fold until only waiting is left; numbers the facts. Raises DoesNotSettle."""
    facts: list[f.Fact] = []
    found = _Found(journey, programme, now)
    for _ in range(MOST_ROUNDS):
        verdict = _decide(journey, programme, now, found)
        if verdict.action is None:
            return Settled(tuple(facts), journey, verdict)
        fact = f.Fact(journey.prospect, journey.n + 1, now, now, programme.hash, verdict.action)
        facts.append(fact)
        journey = evolve(journey, fact, programme)
        found.look(journey)
    raise DoesNotSettle(f"prospect {journey.prospect}: {[type(fact.body).__name__ for fact in facts]}")


def decide(journey: Journey, programme: Programme, now: datetime) -> Verdict:
    """What to do for this prospect now."""
    return _decide(journey, programme, now, _Found(journey, programme, now))


class _Found:
    """Answers about one prospect at one instant, each asked once for all rounds of a settle.

    A decided fact changes no evidence, so what rests on that alone stands: fit, disqualifiers, exits. Two
    answers read a little of the journey besides, and are asked again when a decided fact has changed it.
    """

    __slots__ = ("_journey", "_lead", "_leaving", "_now", "_out", "_programme", "_turn", "fit", "permission")

    def __init__(self, journey: Journey, programme: Programme, now: datetime) -> None:
        self._journey, self._programme, self._now = journey, programme, now
        self.fit = judge_fit(journey.evidence, programme.agreement, now)
        self.permission = _may_we_write(journey, now)
        self._out: Answer | None = None
        self._lead: Lead | None = None
        self._turn: Turn | None = None
        self._leaving: dict[str, Answer] = {}

    def look(self, journey: Journey) -> None:
        """The journey after one more decided fact."""
        before, self._journey = self._journey, journey
        if _read_by_lead(before) != _read_by_lead(journey):
            self._lead = None
        if _read_by_turn(before) != _read_by_turn(journey):
            self._turn = None

    @property
    def out(self) -> Answer:
        """Does a disqualifier hold?"""
        if self._out is None:
            self._out = disqualified(self._journey.evidence, self._programme.agreement, self._now, self.fit)
        return self._out

    @property
    def lead(self) -> Lead:
        """Is this a lead? Who is closed comes back only by asking for sales."""
        if self._lead is None:
            ask_for = asks_for_sales if self._journey.lifecycle == CLOSED else is_lead
            self._lead = ask_for(self._journey, self.fit, self._programme.agreement, self._now)
        return self._lead

    @property
    def turn(self) -> Turn:
        """Has the buyer moved?"""
        if self._turn is None:
            self._turn = where_to(self._journey, self._programme.stages, self._now)
        return self._turn

    def leaves(self, sequence: Sequence, when: Condition) -> Answer:
        """Does the condition to leave a sequence hold?"""
        answer = self._leaving.get(sequence.id)
        if answer is None:
            answer = ask(when, self._journey.evidence, self._now, self.fit)
            self._leaving[sequence.id] = answer
        return answer


def _read_by_lead(journey: Journey) -> tuple[object, ...]:
    return journey.lifecycle == CLOSED, journey.came_back, journey.spent


def _read_by_turn(journey: Journey) -> tuple[object, ...]:
    return journey.stage, journey.stage_since, journey.came_back


def _decide(journey: Journey, programme: Programme, now: datetime, found: _Found) -> Verdict:
    agreement, state, number = programme.agreement, journey.lifecycle, journey.decisions + 1
    fit, permission = found.fit, found.permission

    stop = _stops(journey, permission, programme, now)  # a message on its way that must not leave
    if stop is not None and journey.live is not None:
        return Verdict(f.Cancelled(number, journey.live.number, (stop,)), (stop,))

    if state == PROMOTED:  # sales has them, and has not answered
        gone, late = fallen(journey, fit, agreement, now), overdue(journey, agreement, now)
        if gone.holds:
            return Verdict(f.Withdrawn(number, (gone.because,)), (gone.because,))
        if late.holds:
            return Verdict(f.Recalled(number, (late.because,)), (late.because,))
        return _wait(late, gone)
    if state not in OPEN and state != CLOSED:  # sales owns them, or it is over
        return _wait(Answer(False, Reason(state)))

    out = found.out
    if out.holds and state == CLOSED:
        return _wait(out._replace(holds=False))
    if out.holds:
        only = next(iter(journey.enrolled), "") if len(journey.enrolled) == 1 else ""
        return Verdict(f.Left(number, only, CLOSED, None, (out.because,)), (out.because,))

    lead = found.lead  # a lead?
    if lead.answer.holds:
        because = (lead.answer.because, *(reason for reason in lead.because if reason != lead.answer.because))
        return Verdict(f.Promoted(number, lead.lane, fit.grade, lead.rested_on, because), because)
    waits = [lead.answer, out]
    if state == CLOSED:
        return _wait(Answer(False, _closed(journey)), *waits)

    stage, turned = found.turn  # has the buyer moved?
    if turned.holds:
        return Verdict(f.Moved(number, journey.stage, stage, (turned.because,)), (turned.because,))
    waits.append(turned)

    leaving = _leaving(journey, programme, now, found, waits)
    if leaving is not None:  # who must go, goes before anything is said, and before it leaves
        return leaving
    if journey.live is not None:  # one message at a time
        return _wait(Answer(False, Reason("on its way", {"piece": journey.live.piece})), permission, *waits)
    if not permission.holds:  # may we write at all?
        return _wait(permission, *waits)
    waits.append(permission)
    if state != NURTURING or not journey.enrolled:  # whom do we take in, and where?
        sequence, welcome = audience(journey, programme, now, fit)
        if welcome.holds and sequence is not None:
            return Verdict(f.Enrolled(number, sequence.id, (welcome.because,)), (welcome.because,))
        return _wait(welcome, *waits)
    return _speak(journey, programme, now, fit, waits)


def _leaving(
    journey: Journey, programme: Programme, now: datetime, found: _Found, waits: list[Answer]
) -> Verdict | None:
    """The exit of a sequence whose `leave_when` holds, with a message on its way or without."""
    if journey.lifecycle != NURTURING:
        return None
    for sequence in _running(journey, programme):
        if sequence.id in journey.permission.unwanted:
            left = unsubscribe(journey.decisions + 1, sequence, now)
            return Verdict(left, left.because)
        if sequence.leave_when is not None:
            leaves = found.leaves(sequence, sequence.leave_when)
            if leaves.holds:
                reason = Reason(
                    "exit", {**leaves.because.figures, "sequence": sequence.id, "why": leaves.because.code}
                )
                return Verdict(leave(journey.decisions + 1, sequence, now, reason), (reason,))
            waits.append(Answer(leaves.holds, Reason("stays", {"sequence": sequence.id}), leaves.until))
    return None


def _speak(journey: Journey, programme: Programme, now: datetime, fit: Fit, waits: list[Answer]) -> Verdict:
    """The first sequence that has something to say, and may; one that is spent is left."""
    number = journey.decisions + 1
    speech: list[tuple[Answer, Choice]] = []
    for sequence in _running(journey, programme):
        choice = choose(journey, sequence, programme, now, fit)
        if choice.piece is not None:
            clear = first_moment(may_write(journey, sequence, programme), now)
            if clear.holds:
                return _chosen(journey, sequence, choice, programme, now, clear.until)
            clear = clear._replace(until=min(clear.until, choice.until))
        else:
            clear = silence(journey, sequence, choice, programme, now)
            if clear.holds:
                return Verdict(
                    leave(number, sequence, now, clear.because),
                    (clear.because,),
                    passed_over=choice.passed_over,
                )
        speech.append((clear, choice))
    if not speech:  # in sequences the programme does not know any more: apply refuses to make this so
        return _wait(Answer(False, Reason("unknown sequence")), *waits)
    soonest, choice = min(speech, key=lambda pair: pair[0].until)
    next_up = (
        Reason("next", {"piece": choice.piece.id, "stage": choice.piece.stage}) if choice.piece else None
    )
    verdict = _wait(soonest, *waits)
    because = (next_up, *verdict.because) if next_up else verdict.because
    return verdict._replace(because=because, passed_over=choice.passed_over)


def _running(journey: Journey, programme: Programme) -> list[Sequence]:
    return [sequence for sequence in programme.sequences if sequence.id in journey.enrolled]


def _may_we_write(journey: Journey, now: datetime) -> Answer:
    """The person's permission, where nothing is wrong with our sending to them."""
    country = journey.evidence.attributes.get("country")
    permission = may_we_write(journey.permission, country and country.value, now)
    if permission.holds and quarantined(journey):
        return Answer(False, Reason("quarantined", {"failures": journey.failures}))
    return permission


def _stops(journey: Journey, permission: Answer, programme: Programme, now: datetime) -> Reason | None:
    """Why the message on its way must not leave; None: it may, or it is cancelled already."""
    live = journey.live
    if live is None or live.cancelled:
        return None
    if journey.lifecycle == CLOSED:
        return _closed(journey)
    if journey.lifecycle not in OPEN:
        return Reason(journey.lifecycle)
    if not permission.holds:
        return permission.because
    if journey.declined is not None:
        return Reason("not before", {"until": journey.rest_until})
    if live.questioned:
        return Reason("retracted")
    if live.sequence not in journey.enrolled:
        return Reason("left", {"sequence": live.sequence})
    if live.crossed or journey.preferred is not None:
        return _stops_by_wish(journey, live, programme, now)
    return None


def _stops_by_wish(journey: Journey, live: Touch, programme: Programme, now: datetime) -> Reason | None:
    """What the person asked, or a colleague wrote, since it was chosen."""
    piece, sequence = programme.pieces.get(live.piece), programme.sequence(live.sequence)
    if piece is not None and journey.preferred is not None:
        topic = unwanted_topic(piece, journey.preferred)
        if topic:
            return Reason("unwanted topic", {"topic": topic})
    if live.again or sequence is None:
        return None
    too_much = crowded(journey, sequence, programme, now)
    return too_much.because if too_much is not None else None


def _closed(journey: Journey) -> Reason:
    return Reason(CLOSED if journey.declined is None else "declined")


def _chosen(
    journey: Journey,
    sequence: Sequence,
    choice: Choice,
    programme: Programme,
    now: datetime,
    closes: datetime,
) -> Verdict:
    piece = choice.piece
    assert piece is not None
    calendar = sequence.calendar or programme.calendar
    pace = sequence.pace or programme.pace
    chosen = f.Chosen(
        number=journey.decisions + 1,
        piece=piece.id,
        occurrence=journey.occurrences.get(piece.id, 0) + 1,
        sequence=sequence.id,
        opens=now,
        closes=closes,
        expires=now + pace.expires_after,
        zone=zone_for(calendar, journey.evidence, programme),
        because=(choice.because,),
        passed_over=choice.passed_over,
    )
    return Verdict(chosen, (choice.because,), passed_over=choice.passed_over)


def _wait(*answers: Answer) -> Verdict:
    """Wait until the first of these may change; the first is the main reason."""
    return Verdict(None, tuple(_reasons(answers)), min(answer.until for answer in answers))


def _reasons(answers: tuple[Answer, ...]) -> Iterator[Reason]:
    first, *others = answers
    yield first.because
    for answer in others:
        if not answer.holds and answer.because.code not in _NO_NEWS:
            yield answer.because
