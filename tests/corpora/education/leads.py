"""The leads of an education company as their export has them, and the list made of it: addresses added."""

import csv
import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

EXPORT = Path(__file__).parents[4] / "shared" / "data" / "education_leads" / "leads.csv.gz"
LEADS = 5544
DOMAINS = 40
HOME = "Asia/Kolkata"
"""The school's zone, for whoever says no country."""

ZONES = {
    "India": HOME, "United States": "America/New_York", "United Arab Emirates": "Asia/Dubai",
    "Saudi Arabia": "Asia/Riyadh", "Singapore": "Asia/Singapore", "Australia": "Australia/Sydney",
    "United Kingdom": "Europe/London", "Qatar": "Asia/Qatar", "Hong Kong": "Asia/Hong_Kong",
    "Oman": "Asia/Muscat", "South Africa": "Africa/Johannesburg", "Bahrain": "Asia/Bahrain",
    "Germany": "Europe/Berlin", "France": "Europe/Paris", "Bangladesh": "Asia/Dhaka",
    "Nigeria": "Africa/Lagos", "Philippines": "Asia/Manila", "Canada": "America/Toronto",
    "Italy": "Europe/Rome", "Uganda": "Africa/Kampala", "China": "Asia/Shanghai",
    "Indonesia": "Asia/Jakarta", "Vietnam": "Asia/Ho_Chi_Minh", "Denmark": "Europe/Copenhagen",
    "Switzerland": "Europe/Zurich", "Liberia": "Africa/Monrovia", "Netherlands": "Europe/Amsterdam",
    "Malaysia": "Asia/Kuala_Lumpur", "Belgium": "Europe/Brussels", "Tanzania": "Africa/Dar_es_Salaam",
    "Kenya": "Africa/Nairobi", "Sweden": "Europe/Stockholm",
}  # fmt: skip
"""The export knows countries and no zones; of a country with several, the one of its largest city."""

_SILENCE = ("Email Bounced", "Unsubscribed", "Email Marked Spam")

Lead = Mapping[str, str]
"""A row of the list, by column."""


def address(lead: Lead) -> str:
    """The address that a lead gets."""
    number = int(lead["Lead Number"])
    return f"lead-{number}@d{number % DOMAINS + 1}.example.test"


def leads() -> list[Lead]:
    """Every lead, with the two columns that the export does not have."""
    with gzip.open(EXPORT, "rt", encoding="utf-8-sig", newline="") as file:
        rows: list[Lead] = list(csv.DictReader(file))
    return [{**row, "Email": address(row), "Zone": ZONES.get(row["Country"], "")} for row in rows]


def write_list(rows: Iterable[Lead], path: Path) -> None:
    """The list that is imported."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def give_a_source(rejects: Path, corrected: Path) -> list[Lead]:
    """The rejected rows, put right by hand: who came from nowhere known is said to come from there."""
    with rejects.open(encoding="utf-8", newline="") as file:
        rows: list[Lead] = list(csv.DictReader(file))
    write_list([{**row, "Lead Source": "Not said"} for row in rows], corrected)
    return rows


def is_silent(lead: Lead) -> bool:
    """Asked not to be mailed, came back, unsubscribed or called us spam."""
    return lead["Do Not Email"] == "Yes" or lead["Last Activity"] in _SILENCE


def zone(lead: Lead) -> str:
    """The zone whose clock counts for a lead."""
    return ZONES.get(lead["Country"], HOME)
