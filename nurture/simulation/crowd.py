"""The people of the demo: names, companies and a list of them as a company would export it."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from nurture.simulation.personas import Dice, Person

T = TypeVar("T")

_SHARES = {
    "evaluator": 45, "researcher": 75, "skimmer": 75, "leaver": 30, "scanner": 45, "never-buyer": 30,
}  # fmt: skip
_FIRST = (
    "Ada", "Ben", "Cleo", "Dan", "Elif", "Finn", "Grace", "Hugo", "Iris", "Jon", "Kim", "Lena", "Max", "Nina",
    "Omar", "Pia", "Quinn", "Rosa", "Sam", "Tess", "Uma", "Vera", "Will", "Yara", "Zoe",
)  # fmt: skip
_LAST = (
    "Adler", "Brandt", "Cole", "Drake", "Evans", "Fox", "Gray", "Hart", "Iqbal", "Jensen", "Klein", "Lowe",
    "Marsh", "Nolan", "Okoro", "Price", "Quist", "Reed", "Stone", "Turner", "Usher", "Vance", "Wolf", "Young",
)  # fmt: skip
_FIRMS = (
    "alder", "birch", "cedar", "damson", "elder", "fir", "gorse", "hazel", "iris", "juniper", "kale", "larch",
    "maple", "nettle", "oak", "pine", "quince", "rowan", "sorrel", "thyme", "umber", "vetch", "willow",
)  # fmt: skip
_SOURCES = (
    ("guide-stuck-invoices", "content"), ("webinar-month-end", "content"), ("search-duplicates", "intent"),
    ("partner-ledger", "partner"), ("fair-2026", "outbound"), ("customer-word", "referral"),
)  # fmt: skip
_COUNTRIES = (
    ("GB", "Europe/London"), ("IE", "Europe/Dublin"), ("NL", "Europe/Amsterdam"), ("DE", "Europe/Berlin"),
)  # fmt: skip
_ROLES = ("finance-director", "controller", "ap-manager", "procurement")
_INDUSTRIES = ("manufacturing", "wholesale", "construction", "logistics")
_COLUMNS = (
    "email", "first_name", "last_name", "company", "role", "employees", "industry", "invoices", "country",
    "zone", "source", "kind",
)  # fmt: skip

MAP = """\
# How the demo's list is read.
email: {column: email}
source: {column: source}
kind: {column: kind}
basis: consent
date: %s
zone: {column: zone}
columns:
  first_name: first_name
  last_name: last_name
  company: company
  role: role
  employees: employees
  industry: industry
  invoices: invoices
  country: country
"""


def crowd(seed: int) -> list[Person]:
    """300 people of six personas, mixed, the same for the same seed."""
    personas = [name for name, count in _SHARES.items() for _ in range(count)]
    dice = Dice(seed, "crowd")
    order = sorted(range(len(personas)), key=lambda n: dice(f"order {n}"))
    return [_person(number, personas[n], Dice(seed, f"person {n}")) for number, n in enumerate(order)]


def write_list(people: Sequence[Person], path: Path) -> None:
    """The CSV file that is imported."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({"email": person.address, **person.attributes} for person in people)


def _person(number: int, persona: str, dice: Dice) -> Person:
    first, last = _of(_FIRST, dice("first")), _of(_LAST, dice("last"))
    firm = f"{_of(_FIRMS, dice('firm'))}-{number % 60 + 1}"
    country, zone = _of(_COUNTRIES, dice("country"))
    source, kind = _of(_SOURCES, dice("source"))
    attributes = {
        "first_name": first,
        "last_name": last,
        "company": firm.replace("-", " ").title(),
        "country": country,
        "zone": zone,
        "source": source,
        "kind": kind,
    }
    if persona == "never-buyer":  # too small and in the wrong business; the size is not known at first
        attributes |= {
            "role": "other",
            "industry": "public-sector",
            "country": "US",
            "zone": "America/New_York",
        }
        attributes |= {"source": "guide-stuck-invoices", "kind": "content"}
    else:
        attributes |= {
            "role": _of(_ROLES, dice("role")),
            "industry": _of(_INDUSTRIES, dice("industry")),
            "employees": str(100 + int(dice("employees") * 1900)),
        }
        if dice("invoices known") < 0.6:
            attributes["invoices"] = str(200 + int(dice("invoices") * 6000))
    address = f"{first}.{last}.{number}@{firm}.example".lower()
    network = f"10.{number // 250}.{number % 250}.7"  # one of their own: hits keep their /24
    return Person(address, persona, attributes, network)


def _of(things: Sequence[T], chance: float) -> T:
    return things[int(chance * len(things))]
