"""Hits of one message: what is a machine's, what a person's, and what nobody can say."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.intake.agents import is_program, short_agent
from nurture.intake.neighbours import Request
from nurture.intake.tracking import RULES, classify, is_prefetch

ACCEPTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
AGENTS = Path(__file__).parents[2].parent / "shared" / "data" / "user_agents"


def click(id, seconds, link=1, **more):
    return Request(id, "click", link, ACCEPTED + timedelta(seconds=seconds), **{"agent": FIREFOX, **more})


def page(id, seconds, **more):
    return Request(id, "page", 0, ACCEPTED + timedelta(seconds=seconds), **{"agent": FIREFOX, **more})


def verdicts(hits, accepted_at=ACCEPTED, links=5):
    return [judgement.verdict for judgement in classify(hits, accepted_at, links)]


def test_a_click_an_hour_later_is_a_person():
    (judgement,) = classify([click(1, 3600)], ACCEPTED, 5)
    assert judgement == (1, "human", (), 0)


@pytest.mark.parametrize(
    ("hit", "reason"),
    [
        (click(1, 3600, method="HEAD"), "asks for headers only"),
        (click(1, 3600, method="OPTIONS"), "asks for headers only"),
        (click(1, 3600, prefetch=True), "prefetch"),
        (click(1, -0.001), "before acceptance"),
        (click(1, 3600, agent=""), "agent is a program"),
        (click(1, 3600, agent="curl/8.5.0"), "agent is a program"),
    ],
)
def test_one_point_is_a_machine(hit, reason):
    (judgement,) = classify([hit], ACCEPTED, 5)
    assert judgement.verdict == "machine"
    assert judgement.reasons == (reason,)


def test_before_the_relay_has_answered_every_hit_is_a_machine():
    assert verdicts([click(1, 3600)], accepted_at=None) == ["machine"]


@pytest.mark.parametrize(
    ("seconds", "verdict", "points"),
    [(0, "unsure", 0.6), (1.999, "unsure", 0.6), (2, "human", 0.4), (9.999, "human", 0.4), (10, "human", 0)],
)
def test_soon_after_acceptance_weighs_by_its_seconds(seconds, verdict, points):
    (judgement,) = classify([click(1, seconds)], ACCEPTED, 5)
    assert (judgement.verdict, judgement.points) == (verdict, points)


def test_two_different_links_within_two_seconds_are_a_machine_and_a_later_click_is_not():
    hits = [click(1, 100, link=1), click(2, 102, link=2), click(3, 4000, link=1)]
    assert verdicts(hits) == ["machine", "machine", "human"]


def test_the_same_link_twice_is_a_person_who_clicks_twice():
    assert verdicts([click(1, 100), click(2, 100.3)]) == ["human", "human"]


def test_two_links_in_two_seconds_and_a_bit_are_a_person():
    assert verdicts([click(1, 100, link=1), click(2, 102.001, link=2)]) == ["human", "human"]


def test_all_links_within_ten_seconds_are_a_machine_if_there_are_three():
    slow = [click(1, 100, link=1), click(2, 104, link=2), click(3, 110, link=3)]
    assert verdicts(slow, links=3) == ["machine"] * 3
    assert verdicts(slow, links=4) == ["human"] * 3
    assert verdicts([click(1, 100, link=1), click(2, 105, link=2)], links=2) == ["human"] * 2


def test_more_than_sixty_a_minute_of_one_link_are_a_replay():
    judged = verdicts([click(n, 1000 + n / 2) for n in range(100)])
    assert Counter(judged) == {"human": 60, "machine": 40}
    assert judged[:60] == ["human"] * 60


def test_a_page_view_gets_the_verdict_of_the_click_that_led_to_it():
    hits = [click(1, 3, link=1), click(2, 3.5, link=2), page(3, 5), click(4, 9000), page(5, 9003)]
    judged = classify(hits, ACCEPTED, 5)
    assert [one.verdict for one in judged] == ["machine", "machine", "machine", "human", "human"]
    assert judged[4].reasons == ("follows the click",)


def test_a_page_view_proves_nothing_about_a_click():
    assert verdicts([click(1, 1), page(2, 30)]) == ["unsure", "unsure"]


def test_a_page_view_without_a_click_is_unsure_and_one_by_a_program_a_machine():
    assert verdicts([page(1, 500), page(2, 600, agent="python-requests/2.31")]) == ["unsure", "machine"]


def test_every_rule_has_a_name_of_its_own_and_a_weight_that_counts():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(0 < rule.weight <= 1 for rule in RULES)


hits_of_a_message = st.lists(
    st.builds(
        lambda kind, link, tenths: (kind, link, tenths),
        st.sampled_from(["click", "page", "open"]),
        st.integers(1, 4),
        st.integers(-50, 400),
    ),
    max_size=25,
)


@given(hits_of_a_message, st.integers(0, 5), st.randoms())
def test_the_order_of_arrival_does_not_matter_and_windows_match_a_plain_count(raw, links, random):
    hits = [
        Request(
            n, kind, link if kind == "click" else 0, ACCEPTED + timedelta(seconds=tenths / 10), "GET", FIREFOX
        )
        for n, (kind, link, tenths) in enumerate(raw)
    ]
    judged = classify(hits, ACCEPTED, links)
    assert [one.id for one in judged] == [hit.id for hit in hits]
    mixed = hits[:]
    random.shuffle(mixed)
    assert sorted(classify(mixed, ACCEPTED, links)) == sorted(judged)
    clicks = [hit for hit in hits if hit.kind == "click"]
    for hit, one in zip(hits, judged, strict=True):
        if hit.kind != "click":
            continue
        paired = any(
            other.link != hit.link and abs(other.at - hit.at) <= timedelta(seconds=2) for other in clicks
        )
        assert ("two links within 2 s" in one.reasons) == paired
        swept = links >= 3 and any(
            len({x.link for x in clicks if start.at <= x.at <= start.at + timedelta(seconds=10)}) >= links
            and start.at <= hit.at <= start.at + timedelta(seconds=10)
            for start in clicks
        )
        assert ("all links within 10 s" in one.reasons) == swept


def test_a_hundred_thousand_hits_are_judged_in_a_moment():
    hits = [click(n, n / 50, link=n % 7 + 1) for n in range(100_000)]
    assert set(verdicts(hits)) == {"machine"}


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
        "Safari/537.36 Edg/126.0.0.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 "
        "Mobile Safari/537.36",
        "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
    ],
)
def test_browsers_are_not_programs(agent):
    assert not is_program(agent)


def test_most_crawlers_that_say_so_are_known():
    source = AGENTS / "crawler_user_agents.json.gz"
    if not source.exists():
        pytest.skip("../shared/data/user_agents is not on this machine")
    crawlers = json.loads(gzip.decompress(source.read_bytes()))
    agents = [agent for crawler in crawlers for agent in crawler["instances"]]
    known = sum(map(is_program, agents))
    assert len(agents) > 1000
    assert known / len(agents) > 0.95


def test_prefetch_headers():
    assert is_prefetch(["prefetch"])
    assert is_prefetch(["", "prefetch;prerender"])
    assert not is_prefetch(["", "navigate"])


def test_an_agent_is_kept_short_and_printable():
    assert short_agent("a\x00b\r\n\x1b[31mc") == "ab[31mc"
    assert len(short_agent("x" * 10_000)) == 200
