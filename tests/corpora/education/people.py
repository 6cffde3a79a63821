"""Who the leads are when a message comes: the demo's personas, on the pages of this school."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256

from nurture.simulation.inbox import Received
from nurture.simulation.personas import Act, Dice, Person, plan, read
from nurture.simulation.selling import answers, handoff_in
from tests.corpora.education.leads import Lead, address

SEED = 20260914

_SHARES = (
    ("evaluator", 0.07), ("researcher", 0.11), ("leaver", 0.04), ("scanner", 0.06), ("never-buyer", 0.03),
    ("skimmer", 1.0),
)  # fmt: skip
"""Up to which part of the hundred somebody is of which kind; most hardly open anything."""

_PAGES = {"/vs/spreadsheets": "/compare/three-schools", "/security": "/recognition"}
_FEES = {"never-buyer": "/teach-with-us"}
"""Who never buys here looks for work as a tutor."""


def persona(lead: Lead) -> str:
    """By a hash of the lead's number, so that it says nothing about the lead."""
    chance = _chance(lead, "persona")
    for name, share in _SHARES:
        if chance < share:
            return name
        chance -= share
    raise AssertionError("the last share takes everybody")


def people(leads: Iterable[Lead]) -> dict[str, Person]:
    """Everybody, by address."""
    return {address(lead): _person(lead) for lead in leads}


def reactions(everybody: Mapping[str, Person]) -> Callable[[Received], Iterable[Act]]:
    """What is done about a message: by its reader, or by sales."""

    def react(message: Received) -> Iterator[Act]:
        dice = Dice(SEED, message.message_id)
        person = everybody.get(message.recipient)
        if person is not None:
            acts = plan(person, read(message.raw), message.at, dice)
            yield from (_here(person, act) for act in acts)
        else:
            handoff = handoff_in(message.raw)
            assert handoff is not None, f"a message to a stranger: {message.recipient}"
            yield from answers(handoff, message.at, dice)

    return react


def _person(lead: Lead) -> Person:
    number = int(lead["Lead Number"])
    network = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    asked = not lead["What is your current occupation"] and _chance(lead, "occupation") < 0.5
    return Person(address(lead), persona(lead), {"occupation": "professional"} if asked else {}, network)


def _here(person: Person, act: Act) -> Act:
    """The same act on this school's site."""
    if act.kind == "form":
        return act._replace(
            url="call", fields={"email": person.address, "consent": "yes", **person.attributes}
        )
    if act.url == "/pricing":
        return act._replace(url=_FEES.get(person.persona, "/fees"))
    return act._replace(url=_PAGES.get(act.url, act.url))


def _chance(lead: Lead, name: str) -> float:
    digest = sha256(f"{name} {lead['Lead Number']}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
