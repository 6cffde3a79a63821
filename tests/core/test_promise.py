"""`until` is a promise: inside every wait, nothing has become possible.

Random prospects live 90 days under random programmes. Each wake settles and waits; at six random
instants inside the wait the same journey is settled again, and must decide nothing. The wait ends at its
`until`, or earlier if something is heard. NURTURE_SOAK=300 runs as many prospects with a seed of its own
(NURTURE_SEED repeats one); the usual run is short and always the same.
"""

import os
import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.decide import Settled, Verdict, decide, settle
from nurture.core.journey import LEGAL, NURTURING
from nurture.core.weighing import begin, evolve, refold
from tests.core.build import SECOND, days, snapshot
from tests.core.world import LIFE, answer, begins, entry, observed, random_programme

SOAK = int(os.environ.get("NURTURE_SOAK", "0"))
PROSPECTS = SOAK or 120
SEED = int(os.environ.get("NURTURE_SEED") or (random.SystemRandom().randrange(10**6) if SOAK else 2026))
POLLS = 6


class Life:
    """One random prospect from entry to the ninetieth day, with what was seen on the way."""

    def __init__(self, number: int) -> None:
        self.rng = random.Random(f"{SEED}/{number}")
        self.start = self.now = begins(self.rng)
        self.plan = random_programme(self.rng, self.start)
        self.number = number
        self.journey = begin(number, self.plan)
        self.facts: list[f.Fact] = []
        self.quiet = self.rng.choice((2, 5, 15))  # days between news, about
        self.full = self.quiet == 15 and self.rng.random() < 0.6  # their mailbox
        self.seen: Counter[str] = Counter()
        self.ends: datetime | None = None  # of the touch that is on its way

    def run(self) -> None:
        for body in entry(self.rng, self.start):
            self.hear(body, self.now)
        news = self.next_news()
        by_time = False
        while self.now < self.start + LIFE:
            before = len(self.facts)
            wait = self.wake()
            self.seen["woken for nothing"] += by_time and len(self.facts) == before
            self.poll(wait)
            moment = min(wait.until, news, self.ending(), self.start + LIFE)
            by_time = moment == wait.until < min(news, self.ending(), self.start + LIFE)
            self.seen["woken by time"] += by_time
            self.now = moment
            if moment == self.ends and self.journey.live is not None:
                touch, outcome = self.journey.live.number, self.outcome()
                self.hear(f.TouchEnded(touch, outcome), moment)
                if self.full and outcome == "sent":
                    self.hear(f.Bounced(touch, "soft"), moment)
            if moment == news:
                self.listen()
                news = self.next_news()

    def hear(self, body: f.Body, at: datetime) -> None:
        fact = f.Fact(self.number, self.journey.n + 1, at, self.now, "random", body)
        self.journey = evolve(self.journey, fact, self.plan)
        self.facts.append(fact)

    def wake(self) -> Verdict:
        settled = settle(self.journey, self.plan, self.now)
        self.seen["rounds", len(settled.facts)] += 1
        self.decides_alike(settled)
        for fact in settled.facts:
            self.seen[type(fact.body).__name__] += 1
        self.journey = settled.journey
        self.facts += settled.facts
        assert settled.wait.until > self.now, self.told(settled.wait)
        assert settled.wait.because, self.told(settled.wait)
        reasons = [*settled.wait.because, *(reason for _, reason in settled.wait.passed_over)]
        self.seen.update({f"because {reason.code}": 1 for reason in reasons})
        return settled.wait

    def decides_alike(self, settled: Settled) -> None:
        """The rounds of a settle share answers; asked afresh in every round they are the same."""
        journey = self.journey
        for fact in settled.facts:
            assert decide(journey, self.plan, self.now).action == fact.body
            journey = evolve(journey, fact, self.plan)
        assert decide(journey, self.plan, self.now) == settled.wait
        assert journey == settled.journey

    def poll(self, wait: Verdict) -> None:
        """Six instants before `until` (a random one is the last second): the same wait."""
        self.seen["waits"] += 1
        horizon = min(wait.until, self.now + days(120))
        seconds = -((self.now - horizon) // SECOND) - 1
        if seconds < 1:
            return
        if self.rng.random() < 0.5:  # most of what can go wrong goes wrong soon, or just before the end
            seconds = min(seconds, self.rng.choice((3600, 86400, 7 * 86400)))
        instants = [self.rng.randint(1, seconds) for _ in range(POLLS - 1)] + [seconds]
        for instant in instants:
            then = self.now + instant * SECOND
            self.seen["instants"] += 1
            settled = settle(self.journey, self.plan, then)
            assert settled.facts == (), f"{self.told(wait)}\nat {then}: {settled.facts}"

    def told(self, wait: Verdict) -> str:
        return f"seed {SEED} prospect {self.number} at {self.now}, until {wait.until}: {wait.because}"

    def ending(self) -> datetime:
        """When the message on its way ends: soon; a cancelled one at once."""
        live = self.journey.live
        if live is None:
            self.ends = None
            return FOREVER
        if live.cancelled:
            self.ends = self.now + SECOND
        elif self.ends is None:
            self.ends = self.now + timedelta(seconds=self.rng.choice((30, 3600, 5 * 86400)))
        return self.ends

    def outcome(self) -> str:
        live = self.journey.live
        self.ends = None
        if live is not None and live.cancelled:
            return self.rng.choice(("cancelled", "cancelled", "sent"))
        return self.rng.choice(("sent",) * 12 + ("failed", "expired", "suppressed", "in_doubt"))

    def next_news(self) -> datetime:
        return self.now + timedelta(seconds=1 + int(self.rng.expovariate(1 / (self.quiet * 86400))))

    def listen(self) -> None:
        """One to four facts at once; sales answers what it has; sometimes a second sequence begins."""
        with_sales = self.journey.lifecycle in ("promoted", "accepted", "opportunity", "lost")
        if with_sales and self.rng.random() < 0.4:
            self.hear(answer(self.rng, self.journey, self.now), self.now)
        if self.journey.lifecycle == NURTURING and self.rng.random() < 0.08:
            another = self.rng.choice(self.plan.sequences).id
            self.hear(f.Enrolled(self.journey.decisions + 1, another), self.now)
        if self.journey.doubtful and self.rng.random() < 0.5:
            touch = self.journey.doubtful[0][0]
            self.hear(f.TouchEnded(touch, self.rng.choice(("sent", "failed"))), self.now)
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            self.hear(*observed(self.rng, self.journey, self.start, self.now))

    def refolds(self) -> None:
        """The laws that any history must keep: fold equals refold, from nothing and from any snapshot."""
        assert refold(self.number, self.facts, self.plan) == self.journey
        cut = self.rng.randrange(len(self.facts))
        halfway = snapshot(refold(self.number, self.facts[:cut], self.plan))
        for fact in self.facts[cut:]:
            halfway = evolve(halfway, fact, self.plan)
        assert halfway == self.journey


@pytest.fixture(scope="module")
def lives() -> Counter[str]:
    """All of them, once."""
    print(f"seed {SEED}, {PROSPECTS} prospects")
    seen: Counter[str] = Counter()
    for number in range(PROSPECTS):
        life = Life(number)
        life.run()
        life.refolds()
        seen += life.seen
    return seen


def test_nothing_becomes_possible_inside_a_wait(lives: Counter[str]):
    print(sorted(lives.items(), key=str))
    assert lives["waits"] > 25 * PROSPECTS
    assert lives["instants"] > 4 * lives["waits"]


@pytest.mark.parametrize("kind", [kind.__name__ for kind in LEGAL])
def test_the_random_lives_decide_everything_there_is(lives: Counter[str], kind: str):
    assert lives[kind] > 0


@pytest.mark.parametrize(
    "code",
    [
        *("paused", "away", "replied", "soft bounces", "consent over", "silent", "held"),
        *("gap asked for", "unwanted topic", "not before", "declined", "unsubscribed from"),
    ],
)
def test_the_random_lives_wait_for_every_reason_not_to_write(lives: Counter[str], code: str):
    assert lives[f"because {code}"] > 0


def test_waking_for_nothing_is_the_exception(lives: Counter[str]):
    """A promise may be shorter than it need be, so some wakes by time decide nothing: fewer than half."""
    assert lives["woken by time"] > 2 * PROSPECTS
    assert lives["woken for nothing"] < lives["woken by time"] / 2


def test_deciding_is_deterministic():
    """The same journey, programme and instant: the same verdict, from equal values of other identity."""
    for number in range(3):
        life = Life(number)
        life.run()
        for now in (life.now, life.now + days(3)):
            assert settle(life.journey, life.plan, now) == settle(snapshot(life.journey), life.plan, now)
