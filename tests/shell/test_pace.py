"""Pace: no minute holds more than its limit, nobody starves, and a claim's work grows with what may leave."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from nurture.store import UNLIMITED, Limits, Store, WarmUp, minutes
from nurture.store.breakers import Standing, resume, returned, standing
from nurture.store.claims import Claimed, claim_touches
from nurture.store.limits import is_provider, receiver_of
from nurture.store.outbox import turn
from nurture.store.overdue import expire, next_due, reopen
from nurture.store.tables import PACES, PROSPECTS, TALLIES, TOUCHES
from nurture.store.tallies import ACCOUNT
from nurture.store.touches import Claim, Deferral, Ending
from tests.shell.outbox_world import HOUR, KEY, NOW, change, queue, row

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LIMITS = Limits()


def queue_at(store: Store, domain: str, count: int = 1, **changes: Any) -> list[int]:
    """Touches to people at a domain, one second apart: the first is due the longest."""
    touches = queue(store, count, **changes)

    def work(connection: Connection) -> None:
        for number, touch in enumerate(touches):
            person = {"address": f"p{touch}@{domain}"}
            connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == touch >> 20).values(**person))
            due = changes.get("due_at", NOW - HOUR) + number * SECOND
            connection.execute(update(TOUCHES).where(TOUCHES.c.id == touch).values(due_at=due))

    store.write_now(work)
    return touches


def claim(store: Store, now: datetime = NOW, most: int = 200, limits: Limits = LIMITS) -> Claimed:
    return store.write_now(lambda c: claim_touches(c, now, most, owner="me", key=KEY, limits=limits))


def ready(store: Store, now: datetime = NOW, most: int = 200, limits: Limits = LIMITS) -> list[int]:
    return [each.touch for each in claim(store, now, most, limits).ready]


def say(store: Store, now: datetime, *results: Ending | Deferral) -> None:
    store.write_now(lambda c: turn(c, results, (), now, key=KEY))


def stands(store: Store, receiver: str = "", now: datetime = NOW) -> Standing | None:
    found = {each.receiver: each for each in store.read(lambda c: standing(c, now))}
    return found.get(receiver)


def fullest_minute(seconds: Iterable[float]) -> int:
    """The most that left in any minute, both of its ends counted."""
    gone = sorted(seconds)
    return max((sum(start <= each <= start + 60 for each in gone) for start in gone), default=0)


# Receivers and the log of a minute ---------------------------------------------------------------------


def test_a_provider_is_one_receiver_and_any_other_domain_is_its_own() -> None:
    assert {receiver_of(f"a@{domain}") for domain in ("gmail.com", "googlemail.com")} == {"google"}
    assert {receiver_of(f"a@{domain}") for domain in ("hotmail.fr", "live.de", "msn.com")} == {"microsoft"}
    assert {receiver_of(f"a@{domain}") for domain in ("yahoo.co.jp", "aol.com", "ymail.com")} == {"yahoo"}
    assert {receiver_of(f"a@{domain}") for domain in ("gmx.at", "web.de")} == {"gmx"}
    assert {receiver_of(f"a@{domain}") for domain in ("icloud.com", "me.com")} == {"apple"}
    assert receiver_of("a@live.company.example") == "live.company.example"
    assert receiver_of("a@mail.ru") == "mail.ru"
    assert (LIMITS.rate("google"), LIMITS.rate("mail.ru"), LIMITS.rate("company.example")) == (20, 20, 60)
    assert is_provider("apple") and not is_provider("company.example")


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 70), st.integers(1, 12), st.sampled_from([0, 0, 0, 1, 40, 90, 3600]))),
)
def test_no_minute_holds_more_however_often_the_clock_is_set_back(
    rate: int, tries: list[tuple[int, int, int]]
) -> None:
    log: list[int] = []
    gone: list[float] = []
    really, behind = 1_000_000, 0
    for pause, wanted, back in tries:
        really, behind = really + pause, behind + back
        log = minutes.recent(log, really - behind)
        take = min(minutes.left(log, rate), wanted)
        if take:
            minutes.note(log, really - behind, take)
        gone += [really] * take
    assert fullest_minute(gone) <= rate


@given(st.lists(st.tuples(st.integers(0, 70), st.booleans()), min_size=1), st.integers(1, 9))
def test_who_comes_when_the_log_says_so_may_go(tries: list[tuple[int, bool]], rate: int) -> None:
    log: list[int] = []
    now = 1_000_000
    for pause, all_at_once in tries:
        now += pause
        log = minutes.recent(log, now)
        if left := minutes.left(log, rate):
            minutes.note(log, now, left if all_at_once else 1)
        free = max(minutes.free_at(log, rate), now)
        assert minutes.left(minutes.recent(log, free), rate) > 0
        assert free == now or minutes.left(minutes.recent(log, free - 1), rate) == 0


# Lines -------------------------------------------------------------------------------------------------


def test_no_minute_holds_more_than_the_limit_and_the_longest_due_goes_first(store: Store) -> None:
    google, company = queue_at(store, "gmail.com", 90), queue_at(store, "mill.example", 90)
    gone: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for second in range(320):
        for claimed in claim(store, NOW + second * SECOND).ready:
            gone[receiver_of(claimed.address)].append((second, claimed.touch))
    assert [touch for _, touch in gone["google"]] == google
    assert [touch for _, touch in gone["mill.example"]] == company
    assert fullest_minute(second for second, _ in gone["google"]) == 20
    assert fullest_minute(second for second, _ in gone["mill.example"]) == 60
    assert gone["google"][-1][0] == 4 * 61 and gone["mill.example"][-1][0] == 61
    assert row(store, google[-1]).due_at == NOW - HOUR + 89 * SECOND


def test_one_full_receiver_holds_up_nobody_else(store: Store) -> None:
    google = queue_at(store, "gmail.com", 300)
    late = {"due_at": NOW - MINUTE}
    others = [queue_at(store, f"c{number}.example", **late)[0] for number in range(5)]
    claimed = claim(store, most=50)
    assert [each.touch for each in claimed.ready] == [*google[:20], *others]
    assert claimed.lined_up == 280
    again = claim(store, most=50)
    assert (again.ready, again.lined_up) == ([], 0)


def test_who_comes_later_does_not_pass_the_line(store: Store) -> None:
    first = queue_at(store, "gmail.com", 45)
    assert ready(store) == first[:20]
    late = queue_at(store, "gmail.com", 5, due_at=NOW + 60 * SECOND)
    assert ready(store, NOW + 61 * SECOND) == first[20:40]
    assert ready(store, NOW + 122 * SECOND) == [*first[40:], *late]


def test_a_claims_work_does_not_grow_with_what_waits(sqlite_database: str) -> None:
    def steps(waiting: int, store: Store) -> int:
        queue_many(store, "gmail.com", waiting)
        while claim(store).lined_up:
            pass
        return store.write_now(_steps_of_a_claim)

    with Store(sqlite_database) as store:
        few = steps(100, store)
        many = steps(5000, store)
    assert many < 2 * few + 50


def queue_many(store: Store, domain: str, count: int) -> None:
    touches = queue(store, count)
    local = PROSPECTS.c.id.in_([touch >> 20 for touch in touches])
    store.write_now(
        lambda c: (
            [
                c.execute(update(PROSPECTS).where(PROSPECTS.c.id == id).values(address=f"p{id}@{domain}"))
                for id in c.scalars(select(PROSPECTS.c.id).where(local)).all()
            ]
            and None
        )
    )


def _steps_of_a_claim(connection: Connection) -> int:
    """Hundreds of SQLite's own steps that a claim and a look at what is due take."""
    driver: Any = connection.connection.driver_connection
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    driver.set_progress_handler(count, 10)
    claim_touches(connection, NOW, 200, owner="me", key=KEY, limits=LIMITS)
    next_due(connection)
    expire(connection, NOW, 200)
    driver.set_progress_handler(None, 0)
    return steps


def test_the_next_moment_is_when_a_line_moves_on(store: Store) -> None:
    queue_at(store, "gmail.com", 30)
    claim(store)
    assert store.read(next_due) == NOW + 61 * SECOND


def test_whose_opening_closes_in_line_gets_the_next_one_and_expires_with_a_reason(store: Store) -> None:
    touches = queue_at(store, "gmail.com", 41, closes=NOW + 30 * SECOND, expires=NOW + 30 * HOUR)
    assert ready(store) == touches[:20]
    late = NOW + 30 * SECOND
    moved = store.write_now(
        lambda c: reopen(c, late, 100, lambda late, moment: (moment + 24 * HOUR, moment + 24 * HOUR + MINUTE))
    )
    assert moved == 21
    assert ready(store, NOW + 61 * SECOND) == []
    assert ready(store, late + 24 * HOUR) == touches[20:40]
    assert store.write_now(lambda c: expire(c, NOW + 30 * HOUR, 100)) == 1
    assert row(store, touches[40]).words == "its turn at google did not come: 20 a minute"


def test_without_limits_all_may_go(store: Store) -> None:
    touches = queue_at(store, "gmail.com", 70)
    assert ready(store, limits=UNLIMITED) == touches


def test_whoever_must_not_be_mailed_uses_up_no_pace(store: Store) -> None:
    touches = queue_at(store, "gmail.com", 25)
    for touch in touches[:5]:
        change(store, touch, cancelled=True)
    claimed = claim(store)
    assert [each.touch for each in claimed.ready] == touches[5:]
    assert len(claimed.barred) == 5


def test_the_accounts_own_limit_holds_over_all_receivers(store: Store) -> None:
    limits = Limits(per_minute=30)
    google, company = queue_at(store, "gmail.com", 25), queue_at(store, "mill.example", 25)
    gone: list[tuple[int, int]] = []
    for second in range(200):
        gone += [(second, touch) for touch in ready(store, NOW + second * SECOND, limits=limits)]
    assert sorted(touch for _, touch in gone) == sorted([*google, *company])
    assert fullest_minute(second for second, _ in gone) <= 30
    assert gone[-1][0] <= 2 * 61


@pytest.mark.parametrize("step", [SECOND, HOUR, DAY, 400 * DAY])
def test_a_clock_set_back_refills_nothing_and_keeps_nobody_waiting_for_long(
    store: Store, step: timedelta
) -> None:
    touches = queue_at(
        store, "gmail.com", 60, opens=NOW - 500 * DAY, due_at=NOW - 500 * DAY, closes=NOW + 500 * DAY,
        expires=NOW + 500 * DAY,
    )  # fmt: skip
    assert ready(store) == touches[:20]
    assert ready(store, NOW - step) == []
    assert ready(store, NOW - step + 60 * SECOND) == []
    assert ready(store, NOW - step + 122 * SECOND) == touches[20:40]


@pytest.mark.parametrize("step", [HOUR, DAY, 400 * DAY])
def test_a_clock_set_forward_gives_one_bucket(store: Store, step: timedelta) -> None:
    touches = queue_at(store, "gmail.com", 90, closes=NOW + 500 * DAY, expires=NOW + 500 * DAY)
    assert ready(store) == touches[:20]
    assert ready(store, NOW + step) == touches[20:40]
    assert ready(store, NOW + step) == []
    assert ready(store, NOW) == []  # and back again
    assert ready(store, NOW + 60 * SECOND) == []


@pytest.mark.postgres
def test_three_daemons_together_hold_the_limits(postgres_database: str) -> None:
    stores = [Store(postgres_database) for _ in range(3)]
    queue_at(stores[0], "gmail.com", 130)
    queue_at(stores[0], "mill.example", 150)

    together = Barrier(3, timeout=30)

    def work(number: int) -> list[tuple[int, str, int]]:
        """Their clocks run together, a second or two apart, and they claim at the same time."""
        gone: list[tuple[int, str, int]] = []
        for second in range(0, 260, 2):
            together.wait()
            now = NOW + (second + number) * SECOND
            taken = stores[number].write_now(
                lambda c: claim_touches(c, now, 15, owner=f"d{number}", key=KEY, limits=LIMITS)  # noqa: B023
            )
            gone += [(second + number, receiver_of(each.address), each.touch) for each in taken.ready]
        return gone

    with ThreadPoolExecutor(3) as pool:
        gone = [each for some in pool.map(work, range(3)) for each in some]
    for store in stores:
        store.close()
    touches = Counter(touch for _, _, touch in gone)
    assert set(touches.values()) == {1}
    by_receiver: dict[str, list[int]] = defaultdict(list)
    for second, receiver, _ in gone:
        by_receiver[receiver].append(second)
    assert fullest_minute(by_receiver["google"]) <= 20 and len(by_receiver["google"]) >= 60
    assert fullest_minute(by_receiver["mill.example"]) <= 60 and len(by_receiver["mill.example"]) == 150


# Warming up --------------------------------------------------------------------------------------------

RAMP = WarmUp(date(2026, 3, 2), first_day=4, grow=1.5, target=10, zone="Europe/London")


def test_a_new_sender_sends_a_little_more_each_day() -> None:
    first = RAMP.begins.toordinal()
    assert [RAMP.allowance(first + day) for day in range(-1, 5)] == [0, 4, 6, 9, 10, 10]
    assert RAMP.allowance(first + 3, drops=2) == 6
    assert RAMP.allowance(first + 4000) == 10
    assert RAMP.start(date(2026, 3, 30).toordinal()) == datetime(2026, 3, 29, 23, tzinfo=UTC)


def test_a_days_mail_ends_with_its_allowance(store: Store) -> None:
    limits = Limits(warm_up=RAMP)
    touches = queue_at(store, "mill.example", 20, closes=NOW + 9 * DAY, expires=NOW + 9 * DAY)
    claims = claim(store, limits=limits).ready
    assert [each.touch for each in claims] == touches[:4]
    assert store.read(next_due) == datetime(2026, 3, 3, tzinfo=UTC)
    assert ready(store, NOW - HOUR, limits=limits) == []
    assert ready(store, NOW + 8 * HOUR, limits=limits) == []
    say(store, NOW + 8 * HOUR, Deferral(claims[0], NOW + 8 * HOUR))  # never tried: another may go today
    assert len(ready(store, NOW + 9 * HOUR, limits=limits)) == 1
    assert len(ready(store, NOW + DAY, limits=limits)) == 6


def test_what_was_sent_before_a_ramp_is_no_part_of_it(store: Store) -> None:
    queue_at(store, "mill.example", 20)
    assert len(ready(store, most=9)) == 9
    assert len(ready(store, limits=Limits(warm_up=RAMP))) == 4


def test_a_bad_day_sets_the_ramp_back(store: Store) -> None:
    limits = Limits(warm_up=RAMP)
    queue_at(store, "mill.example", 40, closes=NOW + 9 * DAY, expires=NOW + 9 * DAY)
    assert len(ready(store, limits=limits)) == 4
    assert len(ready(store, NOW + DAY, limits=limits)) == 6
    tally(store, NOW + DAY, accepted=94, deferred=6)
    assert len(ready(store, NOW + 2 * DAY, limits=limits)) == 4
    assert len(ready(store, NOW + 4 * DAY, limits=limits)) == 9


# Breakers ----------------------------------------------------------------------------------------------


def tally(store: Store, now: datetime, **counts: int) -> None:
    values = {"account": ACCOUNT, "receiver": "", "hour": int(now.timestamp()) // 3600, "part": 99, **counts}
    store.write_now(lambda c: c.execute(insert(TALLIES).values(**values)) and None)


def fails(claimed: Claim, words: str, now: datetime, whose: Any) -> Deferral:
    return Deferral(claimed, now + HOUR, words, whose == "domain", whose)


def test_a_receiver_that_wants_less_gets_half_after_a_pause_and_all_after_a_success(store: Store) -> None:
    queue_at(store, "gmail.com", 200, closes=NOW + 9 * DAY, expires=NOW + 9 * DAY)
    first, second, *_ = claim(store).ready
    say(store, NOW, fails(first, "RCPT: 421 4.7.0 slow down", NOW, "domain"))
    say(store, NOW + SECOND, fails(second, "RCPT: 421 4.7.0 slow down", NOW, "domain"))
    told = stands(store, "google")
    assert told is not None
    assert (told.state, told.reason, told.since, told.until) == (
        "paused", "RCPT: 421 4.7.0 slow down", NOW, NOW + 15 * MINUTE,
    )  # fmt: skip
    assert told.counts["deferred"] == 2 and told.counts["waiting"] == 180
    assert ready(store, NOW + 14 * MINUTE) == []
    then = NOW + 15 * MINUTE
    again = claim(store, then).ready
    assert len(again) == 10
    say(store, then, fails(again[0], "421 4.7.0 slow down", then, "domain"))
    assert ready(store, then + 29 * MINUTE) == []
    third = claim(store, then + 30 * MINUTE).ready
    assert len(third) == 5
    then += 30 * MINUTE
    say(store, then, Ending(third[0], "sent", "250 ok"))
    assert stands(store, "google", then).state == "ok"  # type: ignore[union-attr]
    assert len(ready(store, then + 61 * SECOND)) == 20


def test_pauses_double_up_to_four_hours(store: Store) -> None:
    queue_at(store, "mill.example", 200, closes=NOW + 9 * DAY, expires=NOW + 9 * DAY)
    now, pauses = NOW, []
    for _ in range(7):
        (claimed, *_) = claim(store, now).ready
        say(store, now, fails(claimed, "451 4.7.5 no", now, "domain"))
        until = stands(store, "mill.example", now).until  # type: ignore[union-attr]
        assert until is not None
        pauses.append((until - now) / MINUTE)
        now = until
    assert pauses == [15, 30, 60, 120, 240, 240, 240]


def test_an_account_that_is_not_let_in_tries_one_message_after_a_pause(store: Store) -> None:
    touches = queue_at(store, "mill.example", 30, closes=NOW + 9 * DAY, expires=NOW + 9 * DAY)
    (claimed, *_) = claim(store, most=3).ready
    say(store, NOW, fails(claimed, "AUTH: 535 no", NOW, "account"))
    assert ready(store) == []
    told = stands(store)
    assert told is not None and (told.state, told.reason, told.until) == (
        "paused", "AUTH: 535 no", NOW + 15 * MINUTE,
    )  # fmt: skip
    assert store.read(next_due) == NOW + 15 * MINUTE
    assert row(store, touches[5]).attempts == 0
    then = NOW + 15 * MINUTE
    (probe,) = claim(store, then).ready
    assert ready(store, then + SECOND) == []
    assert stands(store, now=then).state == "trying"  # type: ignore[union-attr]
    say(store, then + SECOND, Ending(probe, "sent", "250 ok"))
    assert len(ready(store, then + 62 * SECOND)) == 26


def test_hard_bounces_stop_the_account_until_a_person_resumes_it(store: Store) -> None:
    queue_at(store, "mill.example", 30, closes=NOW + 9 * DAY, expires=NOW + 9 * DAY)
    claims = claim(store, most=3).ready
    tally(store, NOW, accepted=96, hard=1)
    say(store, NOW, Ending(claims[0], "failed", "550 5.1.1 nobody", "hard"))
    assert stands(store).state == "ok"  # type: ignore[union-attr]  # 98 answers say nothing yet
    tally(store, NOW - HOUR, accepted=10)
    say(store, NOW, Ending(claims[1], "failed", "550 5.1.1 nobody", "hard"))
    told = stands(store)
    assert told is not None and (told.state, told.reason) == ("warned", "3 hard bounces of 109 in 24 hours")
    assert len(ready(store, most=2)) == 2
    tally(store, NOW - 2 * HOUR, hard=10)
    say(store, NOW, Ending(claims[2], "failed", "550 5.1.1 nobody", "hard"))
    told = stands(store)
    assert told is not None and (told.state, told.reason) == ("stopped", "14 hard bounces of 120 in 24 hours")
    assert ready(store) == [] and ready(store, NOW + 5 * DAY) == []
    assert store.write_now(lambda c: resume(c, ACCOUNT, ""))
    assert not store.write_now(lambda c: resume(c, ACCOUNT, ""))
    assert len(ready(store, NOW + 5 * DAY)) == 25


def test_complaints_warn_and_stop(store: Store) -> None:
    queue_at(store, "mill.example", 3)
    tally(store, NOW - HOUR, accepted=999)
    store.write_now(lambda c: returned(c, "a@gmail.com", "", "", NOW))
    assert stands(store).state == "warned"  # type: ignore[union-attr]
    assert stands(store, "google").counts["complaints"] == 1  # type: ignore[union-attr]
    store.write_now(lambda c: returned(c, "b@gmail.com", "", "", NOW))
    store.write_now(lambda c: returned(c, "c@gmail.com", "", "", NOW))
    told = stands(store)
    assert told is not None and (told.state, told.reason) == ("stopped", "3 complaints of 999 in 24 hours")
    assert ready(store) == []


def test_old_hours_are_forgotten(store: Store) -> None:
    tally(store, NOW - 60 * HOUR, accepted=5)
    tally(store, NOW - 30 * HOUR, accepted=5)
    queue_at(store, "mill.example")
    claim(store)
    assert store.read(lambda c: len(c.execute(select(TALLIES)).all())) == 1


def test_receivers_nobody_mails_are_forgotten_but_not_their_lines_and_breakers(store: Store) -> None:
    queue_at(store, "quiet.example")
    queue_at(store, "full.example", 2)
    (late,) = queue_at(store, "paused.example", due_at=NOW)
    one_each = Limits(other=1)
    (paused,) = [each for each in claim(store, limits=one_each).ready if each.touch == late]
    say(store, NOW, Deferral(paused, NOW + HOUR, "421 slow down", whose="domain"))

    def receivers() -> set[str]:
        return set(store.read(lambda c: c.scalars(select(PACES.c.receiver)).all()))

    mailed = {"", "quiet.example", "full.example", "paused.example"}
    assert receivers() == mailed
    queue_at(store, "new.example", due_at=NOW)
    none_leave = Limits(per_minute=0)
    claim(store, NOW + HOUR, 200, none_leave)
    assert receivers() == mailed  # a whole hour has not passed yet
    claim(store, NOW + 2 * HOUR, 200, none_leave)
    assert receivers() == mailed - {"quiet.example"}


def test_a_row_for_each_receiver_and_the_account(store: Store) -> None:
    queue_at(store, "gmail.com", 3)
    queue_at(store, "mill.example", 2)
    claim(store)
    query = select(PACES.c.receiver, PACES.c.log).order_by(PACES.c.receiver)
    rows = store.read(lambda c: c.execute(query).all())
    second = int(NOW.timestamp())
    assert [tuple(each) for each in rows] == [
        ("", "[]"), ("google", f"[{second},3]"), ("mill.example", f"[{second},2]"),
    ]  # fmt: skip
