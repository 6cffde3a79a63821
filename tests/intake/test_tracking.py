"""Hits of one message: what is a machine's, what a person's, and what nobody can say."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.errors import Mistake
from nurture.intake.agents import is_program, short_agent
from nurture.intake.neighbours import Request, Stranger
from nurture.intake.networks import NO_NETWORKS, read_networks
from nurture.intake.tracking import (
    BARE,
    HEADLESS,
    MANNERS,
    RULES,
    Around,
    classify,
    fingerprint,
    is_prefetch,
    manner_of,
)

ACCEPTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
HOME, AWAY = "203.0.113.0/24", "198.51.100.0/24"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
MANUAL = Path(__file__).parents[2] / "docs" / "hits.md"


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


def test_prefetch_headers():
    assert is_prefetch(["prefetch"])
    assert is_prefetch(["", "prefetch;prerender"])
    assert not is_prefetch(["", "navigate"])


def test_an_agent_is_kept_short_and_printable():
    assert short_agent("a\x00b\r\n\x1b[31mc") == "ab[31mc"
    assert len(short_agent("x" * 10_000)) == 200


# Neighbours, networks, manner -------------------------------------------------------------------------


def judged(hits, links=5, around=None):
    found = classify(hits, ACCEPTED, links, around or Around(NO_NETWORKS, {}))
    return [(one.verdict, one.points) for one in found]


def test_the_manual_has_every_rule_with_its_weight():
    rows = re.findall(r"^\| ([a-z0-9 ]+?) \| (\d\.\d) \|", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(name, float(weight)) for name, weight in rows] == [(rule.name, rule.weight) for rule in RULES]


def test_three_links_in_a_hurry_are_unsure_where_a_browser_asks():
    hurried = [click(n, 1000 + 3 * n, link=n, manner=MANNERS) for n in (1, 2, 3)]
    assert judged(hurried, links=3) == [("unsure", 0.6)] * 3
    assert judged([hit._replace(manner="") for hit in hurried], links=3) == [("machine", 1.0)] * 3


def test_four_links_in_their_order_are_unsure_and_in_another_order_a_person():
    slow = [click(n, 1000 + 40 * n, link=n) for n in (1, 2, 3, 4)]
    assert judged(slow, links=4) == [("unsure", 0.6)] * 4
    assert judged([hit._replace(manner=BARE) for hit in slow], links=4) == [("machine", 1.0)] * 4
    mixed = [click(n, 1000 + 40 * n, link=link) for n, link in enumerate((1, 3, 2, 4))]
    assert judged(mixed, links=4) == [("human", 0.0)] * 4
    slower = [click(n, 1000 + 101 * n, link=n) for n in (1, 2, 3, 4)]
    assert judged(slower, links=4) == [("human", 0.0)] * 4


def test_whoever_asks_as_no_browser_does_is_a_person_all_the_same():
    assert judged([click(1, 1000, manner=BARE)]) == [("human", 0.4)]
    assert judged([click(1, 1, manner=BARE)]) == [("machine", 1.0)]


@pytest.mark.parametrize(
    ("headers", "manner"),
    [
        ({"accept": "text/html,*/*;q=0.8", "accept-language": "en-GB"}, MANNERS),
        ({"accept": "text/html"}, "page"),
        ({"accept": "*/*", "accept-language": "de"}, "language"),
        ({"accept": "*/*"}, BARE),
        ({}, BARE),
        ({"accept": "text/html", "accept-language": "en", "sec-ch-ua": '"HeadlessChrome";v="126"'}, HEADLESS),
    ],
)
def test_what_a_browser_says_of_itself(headers, manner):
    assert manner_of(headers) == manner


def test_a_browser_without_a_window_is_a_program():
    (judgement,) = classify([click(1, 1000, manner=HEADLESS)], ACCEPTED, 5)
    assert judgement.reasons == ("agent is a program",)


def test_the_earlier_of_two_from_elsewhere_is_unsure():
    first, second = click(1, 1000, network=AWAY), click(2, 1050, network=HOME, agent=IPHONE)
    assert judged([first, second]) == [("unsure", 0.5), ("human", 0.0)]
    assert judged([first, second._replace(network=AWAY)]) == [("human", 0.0)] * 2, "the same network"
    assert judged([first, second._replace(agent=FIREFOX)]) == [("human", 0.0)] * 2, "the same system"
    assert judged([first, second._replace(link=2)]) == [("human", 0.0)] * 2, "another link"
    later = click(2, 1061, network=HOME, agent=IPHONE)
    assert judged([first, later]) == [("human", 0.0)] * 2, "later"


def test_who_was_a_machine_before_is_unsure_hours_later():
    scan = [click(n, 5 + n / 4, link=n, network=AWAY) for n in (1, 2, 3)]
    again = click(4, 9000, network=AWAY)
    assert judged([*scan, again])[-1] == ("unsure", 0.6)
    assert judged([*scan, again._replace(agent=IPHONE)])[-1] == ("human", 0.0)
    assert judged([*scan, again._replace(network=HOME)])[-1] == ("human", 0.0)
    nowhere = [hit._replace(network="") for hit in (*scan, again)]
    assert judged(nowhere)[-1] == ("human", 0.0)


def beside(*seconds, people=None):
    strangers = [
        Stranger(ACCEPTED + timedelta(seconds=each), place if people is None else people)
        for place, each in enumerate(seconds)
    ]
    return Around(NO_NETWORKS, {AWAY: strangers})


@pytest.mark.parametrize(
    ("around", "bare", "manners"),
    [
        (beside(995, 996, 997, 998), 1.4, 1.0),
        (beside(941, 960, 980, 999), 1.4, 0.4),
        (beside(1001, 1020, 1040, 1060), 1.4, 0.4),
        (beside(941, 960, 1020, 1040), 0.4, 0.0),
        (beside(960, 980, 999), 0.4, 0.0),
        (beside(995, 996, 997, 998, people=7), 0.4, 0.0),
        (Around(NO_NETWORKS, {HOME: beside(995, 996, 997, 998).strangers[AWAY]}), 0.4, 0.0),
    ],
    ids=["ten seconds", "a minute", "a minute ahead", "99 s wide", "four people", "one person", "elsewhere"],
)
def test_five_people_from_one_network(around, bare, manners):
    hit = click(1, 1000, network=AWAY)
    assert judged([hit._replace(manner=BARE)], around=around)[0][1] == bare
    assert judged([hit._replace(manner=MANNERS)], around=around)[0][1] == manners


LIST = """\ufeff# made up
198.51.100.17   # an address is a network, too
192.0.2.0/25

192.0.2.128/25
2001:db8::/32
"""


@pytest.mark.parametrize(
    ("network", "listed"),
    [
        (AWAY, True), (HOME, False), ("192.0.2.0/24", True), ("192.0.3.0/24", False), ("", False),
        ("2001:db8:7::/48", True), ("2001:db9::/48", False), ("0.0.0.0/24", False),
    ],
)  # fmt: skip
def test_the_operators_list_speaks_of_every_network_it_touches(network, listed):
    networks = read_networks(LIST.removeprefix("\ufeff").splitlines(), "networks.txt")
    assert networks.touch(network) is listed
    assert not NO_NETWORKS.touch(network)
    points = judged([click(1, 1000, network=network)], around=Around(networks, {}))
    assert points == [("unsure", 0.6) if listed else ("human", 0.0)]


def test_a_wide_line_covers_the_narrow_ones_inside_it():
    networks = read_networks(["10.0.0.0/8", "10.1.0.0/16", "10.255.255.0/24"], "n")
    assert networks.four == ((10 << 24, (11 << 24) - 1),)
    assert networks.touch("10.200.3.0/24")


def test_a_line_that_is_no_network_is_named():
    with pytest.raises(Mistake, match=r"networks\.txt:2: 10\.0\.0\.300 is no network"):
        read_networks(["10.0.0.1", "10.0.0.300"], "networks.txt")


def test_the_fingerprint_changes_with_the_list_and_not_with_how_it_is_written():
    one = read_networks(["10.0.0.0/9", "10.128.0.0/9"], "n")
    assert fingerprint(one) == fingerprint(read_networks(["10.0.0.0/8  # all"], "n"))
    assert len({fingerprint(), fingerprint(one), fingerprint(read_networks(["11.0.0.0/8"], "n"))}) == 3


AHEAD = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)


@pytest.mark.parametrize("agent", ["Mozilla/5.0", AHEAD])
def test_pictures_loaded_ahead_are_machines(agent):
    (judgement,) = classify([Request(1, "open", 0, ACCEPTED + timedelta(hours=1), agent=agent)], ACCEPTED, 5)
    assert (judgement.verdict, judgement.reasons) == ("machine", ("mailbox loads ahead",))
