"""How machines and people ask for the links of a message: made up from what is written about them.

None of this was recorded. Each behaviour follows traits that vendors, issue threads and standards name;
times are jittered, links and agents drawn. The rules stood before the first trace was drawn, and the test
beside this file holds them to it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from nurture.intake.neighbours import Request
from nurture.intake.tracking import BARE, HEADLESS, MANNERS

ACCEPTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_LIKE = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_LIKE} Chrome/{{}} Safari/537.36"
EDGE = CHROME + " Edg/{}"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
PIXEL = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_LIKE} Chrome/{{}} Mobile Safari/537.36"
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Safari/605.1.15"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
OLD = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"
LINKEDIN = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 [LinkedInApp]/9.29.7"
)
FACEBOOK = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/21F79 [FBAN/FBIOS;FBAV/466.0;FBBV/601;FBDV/iPhone15,2;FBSN/iOS;FBSV/17.5;FBCR/Telekom.de]"
)
LYNX = "Lynx/2.9.0dev.10 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.1"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
GMAIL_AHEAD = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)


class Hit(NamedTuple):
    """A request, to which message of the trace, and whether the behaviour is about it."""

    message: int
    request: Request
    subject: bool


@dataclass
class Trace:
    """Messages to different people, and what was asked of them. Seconds count from the acceptance."""

    random: Random
    links: int = 0
    hits: list[Hit] = field(default_factory=list)
    bystander: bool = False
    """While it is set, what is asked for is not what the behaviour is about."""

    def __post_init__(self) -> None:
        self.links = self.links or self.random.choices(range(1, 9), (4, 8, 18, 25, 20, 12, 8, 5))[0]

    def click(self, seconds: float, link: int = 1, message: int = 0, **more: Any) -> None:
        """Somebody asks for a link."""
        self._ask("click", seconds, min(link, self.links), message, **more)

    def open(self, seconds: float, **more: Any) -> None:
        """Somebody loads the picture."""
        self._ask("open", seconds, 0, 0, **more)

    def page(self, seconds: float, **more: Any) -> None:
        """A script says that a page of ours was read."""
        self._ask("page", seconds, 0, 0, **{"method": "POST", **more})

    def all_links(self) -> range:
        """The numbers of the links."""
        return range(1, self.links + 1)

    def _ask(self, kind: str, seconds: float, link: int, message: int, **more: Any) -> None:
        at = ACCEPTED + timedelta(seconds=seconds)
        given = {"agent": CHROME.format("126.0.0.0"), "manner": MANNERS if kind == "click" else BARE, **more}
        self.hits.append(
            Hit(message, Request(len(self.hits) + 1, kind, link, at, **given), not self.bystander)
        )


def network(random: Random) -> str:
    """Somebody's network, cut as ours are."""
    return f"{random.randint(11, 126)}.{random.randint(0, 255)}.{random.randint(0, 255)}.0/24"


def browser(random: Random) -> str:
    """What many people read with."""
    version = f"{random.randint(118, 131)}.0.0.0"
    some = (CHROME, EDGE, PIXEL, IPHONE, MAC, FIREFOX, LINKEDIN, FACEBOOK, OLD)
    return random.choices(some, (30, 15, 15, 20, 8, 5, 3, 3, 1))[0].format(version, version)


# Machines ---------------------------------------------------------------------------------------------


def safe_links(trace: Trace, random: Random) -> None:
    """At delivery, sometimes before our relay has answered: every link, nearly at once."""
    start, here = random.uniform(-1.0, 8.0), network(random)
    manner, agent = random.choice((BARE, MANNERS)), CHROME.format("109.0.0.0")
    for link in trace.all_links():
        trace.click(start + random.uniform(0, 1.8), link, network=here, agent=agent, manner=manner)


def detonation(trace: Trace, random: Random) -> None:
    """A real browser in a data centre opens all links side by side and runs the scripts of the pages."""
    start, here = random.uniform(15, 300), network(random)
    for link in trace.all_links():
        at = start + random.uniform(0, 1.6)
        trace.click(at, link, network=here, agent=EDGE.format("125.0.0.0", "125.0.0.0"))
        trace.page(at + random.uniform(0.5, 4), network=here, agent=EDGE.format("125.0.0.0", "125.0.0.0"))


def proofpoint(trace: Trace, random: Random) -> None:
    """All links from several networks, with agents that change."""
    start, here = random.uniform(0.5, 30), [network(random) for _ in range(3)]
    for place, link in enumerate(trace.all_links()):
        agent = random.choice((CHROME.format("100.0.4896.127"), MAC, FIREFOX))
        at = start + place * random.uniform(0.1, 0.9)
        trace.click(at, link, network=random.choice(here), agent=agent, manner=BARE)


def mimecast(trace: Trace, random: Random) -> None:
    """HEAD, then GET, link after link."""
    at, here = random.uniform(1, 60), network(random)
    for link in trace.all_links():
        for method in ("HEAD", "GET"):
            trace.click(at, link, network=here, agent=CHROME.format("99.0"), manner=BARE, method=method)
            at += random.uniform(0.1, 1.5)


def barracuda(trace: Trace, random: Random) -> None:
    """Link after link in their order, a second or two apart."""
    at, here = random.uniform(3, 90), network(random)
    for link in trace.all_links():
        trace.click(at, link, network=here, agent=OLD, manner=BARE)
        at += random.uniform(0.3, 2.4)


def apple_privacy(trace: Trace, random: Random) -> None:
    """Apple's mail loads every picture through its proxies, whether anybody reads or not."""
    trace.open(random.uniform(1, 7200), agent="Mozilla/5.0", network=network(random))


def gmail_prefetch(trace: Trace, random: Random) -> None:
    """Gmail loads pictures ahead, under an agent of its own."""
    trace.open(random.uniform(0.5, 30), agent=GMAIL_AHEAD, network=network(random))


def unfurl(trace: Trace, random: Random) -> None:
    """A link is pasted into a chat, which shows what stands behind it."""
    agents = (
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "WhatsApp/2.23.20.0", "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    )  # fmt: skip
    link = random.choice(trace.all_links())
    trace.click(random.uniform(300, 90_000), link, agent=random.choice(agents), manner=BARE)


def monitor(trace: Trace, random: Random) -> None:
    """A command line tool, or a service that looks whether the page is up, for hours."""
    agents = (
        "curl/8.5.0",
        "Wget/1.21.4",
        "python-requests/2.32.3",
        "Go-http-client/2.0",
        "okhttp/4.12.0",
        "",
    )
    agent, here, at = random.choice(agents), network(random), random.uniform(60, 80_000)
    for _ in range(random.randint(1, 12)):
        trace.click(at, agent=agent, network=here, manner=BARE)
        at += 300 + random.uniform(-1, 1)


def prefetching(trace: Trace, random: Random) -> None:
    """A mail program or an extension fetches links ahead, and says so."""
    at, here = random.uniform(5, 5_000), network(random)
    for link in random.sample(trace.all_links(), random.randint(1, trace.links)):
        trace.click(at, link, network=here, prefetch=True)
        at += random.uniform(0.05, 3)


def windowless(trace: Trace, random: Random) -> None:
    """A browser without a window, under a borrowed agent, hours later; its client hints tell."""
    link = random.choice(trace.all_links())
    trace.click(random.uniform(300, 90_000), link, network=network(random), manner=HEADLESS)


def looked_at_again(trace: Trace, random: Random) -> None:
    """Everything at delivery, and one link again hours later, when the reputation of pages is looked up."""
    here, agent = network(random), CHROME.format("109.0.0.0")
    start, later = random.uniform(1, 20), random.uniform(1_800, 40_000)
    for link in trace.all_links():
        trace.click(start + random.uniform(0, 1.8), link, network=here, agent=agent, manner=BARE)
    trace.click(later, random.choice(trace.all_links()), network=here, agent=agent, manner=BARE)


def scanned_late(trace: Trace, random: Random) -> None:
    """Nothing at delivery; all links hours later, within seconds."""
    start, here = random.uniform(1_800, 90_000), network(random)
    for link in trace.all_links():
        at = start + random.uniform(0, 1.9)
        trace.click(
            at, link, network=here, agent=CHROME.format("120.0.0.0"), manner=random.choice((BARE, MANNERS))
        )


def one_link_each(trace: Trace, random: Random) -> None:
    """A gateway looks at one link in the message of each of several colleagues."""
    start, here = random.uniform(5, 600), network(random)
    for message in range(random.randint(5, 12)):
        at = start + random.uniform(0, 40)
        trace.click(at, 1, message, network=here, agent=CHROME.format("109.0.0.0"), manner=BARE)


def slow_round(trace: Trace, random: Random) -> None:
    """A script with a borrowed agent goes through all links in order, some seconds apart."""
    trace.links = max(trace.links, 4)
    at, here = random.uniform(60, 5_000), network(random)
    for link in trace.all_links():
        trace.click(at, link, network=here, agent=CHROME.format("118.0.0.0"), manner=BARE)
        at += random.uniform(3, 25)


def sandbox(trace: Trace, random: Random) -> None:
    """A sandbox with a real browser follows two links, a minute apart, as a person might."""
    at, here = random.uniform(60, 5_000), network(random)
    for link in random.sample(trace.all_links(), min(2, trace.links)):
        trace.click(at, link, network=here)
        at += random.uniform(20, 90)


def one_late_look(trace: Trace, random: Random) -> None:
    """One link, hours later, by a real browser that hides nothing."""
    trace.click(random.uniform(600, 90_000), random.choice(trace.all_links()), network=network(random))


# People -----------------------------------------------------------------------------------------------


def one_click(trace: Trace, random: Random) -> None:
    """Reads, follows a link, reads the page."""
    at, here, agent = random.uniform(60, 200_000), network(random), browser(random)
    trace.click(at, random.choice(trace.all_links()), network=here, agent=agent)
    trace.page(at + random.uniform(0.5, 5), network=here, agent=agent)


def fast_reader(trace: Trace, random: Random) -> None:
    """Sits in front of the mailbox when the message comes."""
    at = random.uniform(7, 60)
    trace.click(at, random.choice(trace.all_links()), network=network(random), agent=browser(random))


def two_tabs(trace: Trace, random: Random) -> None:
    """Opens two links in tabs, one after the other."""
    at, here, agent = random.uniform(60, 50_000), network(random), browser(random)
    for link in random.sample(trace.all_links(), min(2, trace.links)):
        trace.click(at, link, network=here, agent=agent)
        at += max(1.2, random.lognormvariate(1.6, 0.5))


def impatient(trace: Trace, random: Random) -> None:
    """Three links in about eight seconds."""
    at, here, agent = random.uniform(60, 50_000), network(random), browser(random)
    for link in random.sample(trace.all_links(), min(3, trace.links)):
        trace.click(at, link, network=here, agent=agent)
        at += random.uniform(2.1, 4.2)


def double_click(trace: Trace, random: Random) -> None:
    """Clicks twice, as on a folder."""
    at, here, agent = random.uniform(60, 50_000), network(random), browser(random)
    link = random.choice(trace.all_links())
    for _ in range(random.randint(2, 4)):
        trace.click(at, link, network=here, agent=agent)
        at += random.uniform(0.1, 0.6)


def phone_then_desktop(trace: Trace, random: Random) -> None:
    """The same link on the phone, and again where the screen is larger."""
    at, link = random.uniform(120, 50_000), random.choice(trace.all_links())
    trace.click(at, link, network=network(random), agent=IPHONE)
    trace.click(
        at + random.uniform(25, 7_000), link, network=network(random), agent=CHROME.format("126.0.0.0")
    )


def forwarded(trace: Trace, random: Random) -> None:
    """Sends it on to a colleague, who follows the same link."""
    link, at = random.choice(trace.all_links()), random.uniform(60, 50_000)
    trace.click(at, link, network=network(random), agent=browser(random))
    for _ in range(random.randint(1, 3)):
        at += random.uniform(90, 40_000)
        trace.click(at, link, network=network(random), agent=browser(random))


def office(trace: Trace, random: Random) -> None:
    """Five and more colleagues behind one address follow a link within a minute: the boss said so."""
    here, start = network(random), random.uniform(300, 50_000)
    managed = browser(random) if random.random() < 0.5 else ""
    for message in range(random.randint(5, 8)):
        at = start + (message + random.random()) * 60 / 8
        trace.click(at, 1, message, network=here, agent=managed or browser(random))


def company_network(trace: Trace, random: Random) -> None:
    """People of many companies leave through the same exit of a company network; some at the same time."""
    here = network(random)
    for message in range(random.randint(6, 15)):
        trace.click(random.uniform(300, 900), 1, message, network=here, agent=browser(random))


def private(trace: Trace, random: Random) -> None:
    """A browser that gives away as little as it can, or a proxy that takes headers away."""
    at, here, agent = random.uniform(60, 90_000), network(random), browser(random)
    for link in random.sample(trace.all_links(), random.randint(1, min(2, trace.links))):
        trace.click(at, link, network=here, agent=agent, manner=BARE)
        at += random.uniform(10, 600)


def reads_with_gmail(trace: Trace, random: Random) -> None:
    """Gmail's or Yahoo's proxy loads the picture when the person opens the message; then a click."""
    at, agent = random.uniform(60, 90_000), random.choice((GMAIL, YAHOO))
    trace.open(at, network="66.249.84.0/24", agent=agent)
    trace.click(at + random.uniform(5, 90), network=network(random), agent=browser(random))


def screen_reader(trace: Trace, random: Random) -> None:
    """Goes through the links in their order, listening to each page, with a text browser or another."""
    at, here = random.uniform(60, 50_000), network(random)
    agent = random.choice((LYNX, CHROME.format("126.0.0.0")))
    for link in trace.all_links():
        trace.click(at, link, network=here, agent=agent)
        at += random.uniform(40, 400)


def behind_a_gateway(trace: Trace, random: Random) -> None:
    """A gateway has looked at everything; then the person comes."""
    trace.bystander = True
    random.choice((safe_links, proofpoint, barracuda, mimecast))(trace, random)
    trace.bystander = False
    at, here, agent = random.uniform(130, 90_000), network(random), browser(random)
    for link in random.sample(trace.all_links(), random.randint(1, min(3, trace.links))):
        trace.click(at, link, network=here, agent=agent)
        trace.page(at + random.uniform(0.5, 3), network=here, agent=agent)
        at += random.uniform(8, 300)


def comes_back(trace: Trace, random: Random) -> None:
    """Uses the mail as a bookmark, for days."""
    link, here, agent = random.choice(trace.all_links()), network(random), browser(random)
    at = random.uniform(60, 5_000)
    for _ in range(random.randint(4, 25)):
        trace.click(at, link, network=here, agent=agent)
        at += random.uniform(3, 20_000)


Behaviour = Callable[[Trace, Random], None]

MACHINES: dict[Behaviour, float] = {
    safe_links: 6, detonation: 6, proofpoint: 6, mimecast: 6, barracuda: 6, apple_privacy: 6,
    gmail_prefetch: 6, unfurl: 6, monitor: 6, prefetching: 6, windowless: 6, looked_at_again: 6,
    scanned_late: 6, one_link_each: 6, slow_round: 6, sandbox: 1, one_late_look: 1,
}  # fmt: skip
"""Each with its share. The two last cannot be told from people; how many of all scans they are, nobody
publishes: 2 in 92 is an assumption, and the table shows them by name."""

PEOPLE: dict[Behaviour, float] = dict.fromkeys(
    (one_click, fast_reader, two_tabs, impatient, double_click, phone_then_desktop, forwarded, office,
     company_network, private, reads_with_gmail, screen_reader, behind_a_gateway, comes_back), 1.0,
)  # fmt: skip
"""All as often as each other: the odd ones far more often than in life."""


def draw(behaviours: dict[Behaviour, float], many: int, seed: int) -> Iterator[tuple[Behaviour, Trace]]:
    """So many traces by their shares, each behaviour at least once; the same ones for the same seed."""
    whole = sum(behaviours.values())
    for behaviour, share in behaviours.items():
        for number in range(max(1, round(many * share / whole))):
            random = Random(f"{seed} {behaviour.__name__} {number}")
            trace = Trace(random)
            behaviour(trace, random)
            yield behaviour, trace
