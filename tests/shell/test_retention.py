"""What is known of who asked goes after a week, what strangers read after ninety days; verdicts stay."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from nurture.core import facts as f
from nurture.engine import retention
from nurture.engine.duties import next_moment, run_all
from nurture.engine.incoming import forget_agents
from nurture.engine.settling import JUDGED_AGAIN_FOR, is_stale
from nurture.intake.agents import is_picture_proxy, is_program, loads_ahead, system_of
from nurture.intake.families import family_of
from nurture.intake.networks import NO_NETWORKS
from nurture.intake.tracking import MANNERS
from nurture.store.hits import Seen, keep_view
from nurture.store.tables import HITS
from tests.machines import behaviours
from tests.machines.behaviours import FIREFOX
from tests.shell.engine_world import DAY, HOUR, MINUTE, START
from tests.shell.test_judged_again import HOME, Hall

AGENTS = (
    *sorted({one for one in vars(behaviours).values() if isinstance(one, str) and "/" in one}),
    "", "curl/8.5.0", "python-requests/2.32", "Mozilla/5.0", "Mozilla/5.0 (compatible; somebot/1.0)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com", "Mozilla/5.0 (X11; SunOS sun4u; rv:1.9) Gecko/2008 Firefox/3.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1) AppleWebKit/537.36 Edge/15.15254",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
)  # fmt: skip
WEEK = JUDGED_AGAIN_FOR


@pytest.fixture
def hall(store: Any) -> Hall:
    return Hall(store)


def stranger(hall: Hall, at: datetime, visitor: str | None = None) -> None:
    seen = Seen("page", "/pricing", at, agent=FIREFOX, visitor=visitor)
    hall.store.write_now(lambda c: keep_view(c, seen))


def forget(hall: Hall, now: datetime) -> int:
    return hall.store.write_now(lambda c: retention.forget(c, now))


@pytest.mark.parametrize("agent", AGENTS)
def test_a_family_is_judged_as_the_agent_was_and_says_little(agent: str) -> None:
    family = family_of(agent)
    for asks in (is_program, is_picture_proxy, loads_ahead):
        assert asks(family) == asks(agent), (asks, family)
    if not (is_program(agent) or is_picture_proxy(agent) or loads_ahead(agent)):
        assert system_of(family) == system_of(agent)
    if not loads_ahead(agent):  # which is the same for everybody
        assert len(family) < 60
        assert family != family_of(agent + "x")


def test_a_weeks_old_agent_becomes_its_family_and_the_verdict_stays(hall: Hall, tmp_path: Path) -> None:
    ada = hall.enter("ada")
    hall.hit(ada, START + DAY, kind="click", link=1, network=HOME)
    hall.hit(ada, START + 2 * DAY, kind="click", link=2, network=HOME)
    hall.settle(START + 3 * DAY)
    assert forget(hall, START + DAY + WEEK) == 0
    assert forget(hall, START + DAY + WEEK + MINUTE) == 1
    old, new = hall.hits()
    assert (old.agent, old.verdict, old.fact) == (family_of(FIREFOX), "human", hall.hits()[0].fact)
    assert new.agent == FIREFOX and new.forgotten_at is None
    assert forget(hall, START + DAY + WEEK + MINUTE) == 0
    hall.age()
    hall.again(START + DAY + WEEK + HOUR)
    assert [hit.verdict for hit in hall.hits()] == ["human", "human"]
    assert hall.hits()[0].rules == "an older set"
    assert not hall.store.read(lambda c: is_stale(c, START + 3 * WEEK, NO_NETWORKS))


def test_a_page_read_weeks_later_still_follows_the_click_of_a_person(hall: Hall) -> None:
    ada = hall.enter("ada")
    hall.hit(ada, START + DAY, kind="click", link=1, network=HOME)
    hall.settle(START + 2 * DAY)
    later = START + 4 * WEEK
    assert forget(hall, later) == 1
    hall.hit(ada, later, "/pricing", manner=MANNERS)
    hall.settle(later + HOUR)
    assert [hit.verdict for hit in hall.hits()] == ["human", "human"]
    assert hall.hits()[0].agent == family_of(FIREFOX)
    assert any(isinstance(fact.body, f.PageViewed) for fact in hall.world.facts(ada))


def test_what_strangers_read_goes_after_ninety_days(hall: Hall) -> None:
    ada = hall.enter("ada")
    stranger(hall, START)
    stranger(hall, START, "A" * 22)
    stranger(hall, START + DAY)
    hall.hit(ada, START + HOUR)
    assert forget(hall, START + 90 * DAY) == 3  # agents alone
    forget(hall, START + 90 * DAY + MINUTE)
    assert [hit.at for hit in hall.hits()] == [START + DAY, START + HOUR]


def test_the_duty_does_all_that_is_due_and_the_next_moment_does_not_spin(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_A_TIME", 2)
    for n in range(5):
        stranger(hall, START + n * HOUR)
    engine = hall.world.engine(tmp_path)
    now = START + WEEK + DAY
    assert asyncio.run(forget_agents(engine, now)) == 5
    assert asyncio.run(forget_agents(engine, now)) == 0
    asyncio.run(run_all(engine, now + 120 * DAY))
    assert hall.hits() == []
    moment = hall.store.read(next_moment)
    assert moment is None or moment > now


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_looking_reads_what_is_due_and_no_more(hall: Hall) -> None:
    rows: list[dict[str, Any]] = [
        {"kind": "page", "at": START + timedelta(seconds=n), "agent": FIREFOX, "settled_at": START,
         "verdict": "unsure", "reasons": [], "rules": "", "prospect": None, "forgotten_at": START}
        for n in range(2_000)
    ]  # fmt: skip
    hall.store.write_now(lambda c: c.execute(HITS.insert(), rows))
    hall.store.write_now(lambda c: c.exec_driver_sql("ANALYZE"))
    asked: list[tuple[str, Any]] = []

    def plans(connection: Any) -> list[tuple[str, list[str]]]:
        event.listen(
            connection, "before_cursor_execute", lambda c, cursor, sql, given, *_: asked.append((sql, given))
        )
        retention.is_due(connection, START + DAY)
        retention.forget(connection, START + DAY)
        return [
            (sql, [row.detail for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, given)])
            for sql, given in list(asked)
        ]

    for sql, details in hall.store.write_now(plans):
        assert any("ix_hits_" in detail for detail in details), (sql, details)
        assert not any(detail.startswith("SCAN") for detail in details), (sql, details)
