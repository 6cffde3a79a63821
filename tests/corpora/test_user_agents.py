"""Programs that say what they are, and browsers that are none: real lists, and agents put together here."""

import gzip
import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from nurture.intake.agents import is_picture_proxy, is_program, loads_ahead, system_of
from nurture.intake.tracking import Request, classify
from tests.machines.behaviours import ACCEPTED

AGENTS = Path(__file__).parents[2].parent / "shared" / "data" / "user_agents"
CRAWLERS, MAIL = AGENTS / "crawler_user_agents.json.gz", AGENTS / "mail_relevant.txt"
PRETEND = {
    "GoogleImageProxy", "AP3A\\.240617\\.008", "MetaIAB Facebook", "Fluid", "Code\\/1\\.", "Trae\\/",
}  # fmt: skip
"""Listed as crawlers, and telephones, editors and browsers that people use."""

LIKE = "(KHTML, like Gecko)"
WEBKIT = f"AppleWebKit/537.36 {LIKE}"


def parts() -> dict[str, list[str]]:
    """The sections of browsers.txt; a dash stands for nothing."""
    found: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "browsers.txt").read_text(encoding="utf-8").splitlines():
        if section := re.fullmatch(r"\[(\w+)\]", line):
            lines = found[section[1]] = []
        elif line and not line.startswith("#"):
            lines.append("" if line == "-" else line)
    return found


def browsers() -> Iterator[str]:
    """Browsers on desktops, phones and tablets, inside apps, televisions, consoles, and old ones."""
    told = parts()
    for desktop, version, fork in product(told["desktops"], ("126.0.0.0", "87.0.4280.88"), told["forks"]):
        yield f"Mozilla/5.0 ({desktop}) {WEBKIT} Chrome/{version} Safari/537.36 {fork}".strip()
    for desktop, version in product(told["desktops"], range(60, 131, 10)):
        yield f"Mozilla/5.0 ({desktop}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    for phone, app, view in product(
        told["phones"], told["apps"], ("", "Version/4.0 ", "SamsungBrowser/25.0 ")
    ):
        yield f"Mozilla/5.0 ({phone}) {WEBKIT} {view}Chrome/126.0.6478.122 Mobile Safari/537.36 {app}".strip()
    for apple, app in product(told["apples"], told["apple_apps"]):
        yield f"Mozilla/5.0 ({apple}) AppleWebKit/605.1.15 {LIKE} {app}"
    yield from told["others"]


@pytest.fixture(scope="module")
def crawlers() -> list[tuple[str, str]]:
    """Pattern and agent."""
    if not CRAWLERS.exists():
        pytest.skip("../shared/data/user_agents is not on this machine")
    listed = json.loads(gzip.decompress(CRAWLERS.read_bytes()))
    return [(crawler["pattern"], agent) for crawler in listed for agent in crawler["instances"]]


def test_crawlers_that_say_so_are_known(crawlers: list[tuple[str, str]]) -> None:
    agents = [agent for pattern, agent in crawlers if pattern not in PRETEND]
    missed = [agent for agent in agents if not is_program(agent)]
    print(f"{len(agents)} agents, {len(missed)} missed:", *missed, sep="\n  ")
    assert len(agents) > 2_000
    assert len(missed) / len(agents) < 0.02


def test_and_no_list_of_names_is_behind_it(crawlers: list[tuple[str, str]]) -> None:
    """With the crawlers' own names taken out, most still say what they are."""
    named = [(pattern.strip("^$\\/ ").partition("\\")[0], agent) for pattern, agent in crawlers]
    blank = [agent.replace(name, "Quux") for name, agent in named if len(name) > 3 and name in agent]
    assert len(blank) > 1_000
    assert sum(map(is_program, blank)) / len(blank) > 0.9


def test_what_comes_with_mail_is_known_and_the_picture_proxies_are_people() -> None:
    if not MAIL.exists():
        pytest.skip("../shared/data/user_agents is not on this machine")
    agents = MAIL.read_text(encoding="utf-8").splitlines()
    assert len(agents) > 50
    assert [agent for agent in agents if not is_program(agent)] == []
    proxies = [agent for agent in agents if is_picture_proxy(agent)]
    assert len(proxies) == 2
    later = ACCEPTED.replace(hour=15)
    for agent in proxies:
        (opened,) = classify([Request(1, "open", 0, later, agent=agent)], ACCEPTED, 3)
        (clicked,) = classify([Request(1, "click", 1, later, agent=agent)], ACCEPTED, 3)
        assert (opened.verdict, clicked.verdict) == ("human", "machine"), "they load pictures, never links"


def test_browsers_are_no_programs() -> None:
    agents = list(browsers())
    wrong = [agent for agent in agents if is_program(agent)]
    assert len(agents) > 700
    assert wrong == []


@pytest.mark.parametrize(
    ("agent", "ahead"),
    [
        ("Mozilla/5.0", True),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
            True,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246",
            False,
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", False),
    ],
)
def test_mailboxes_that_load_ahead(agent: str, ahead: bool) -> None:
    assert (loads_ahead(agent), is_program(agent)) == (ahead, ahead)


@pytest.mark.parametrize(
    ("platform", "system"),
    [
        ("Windows NT 10.0; Win64; x64", "windows"),
        ("Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950", "phone"),
        ("Macintosh; Intel Mac OS X 10_15_7", "mac"),
        ("iPhone; CPU iPhone OS 17_5 like Mac OS X", "ios"),
        ("Linux; Android 14; Pixel 8", "android"),
        ("X11; CrOS x86_64 14541.0.0", "chromeos"),
        ("X11; Linux x86_64", "linux"),
        ("PlayStation 4 11.00", ""),
    ],
)
def test_the_system_of_an_agent(platform: str, system: str) -> None:
    assert system_of(f"Mozilla/5.0 ({platform}) {WEBKIT}") == system
