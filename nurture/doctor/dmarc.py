"""DMARC (RFC 9989): what a domain asks receivers to do with mail that does not prove itself.

The organisational domain is found by the tree walk of RFC 9989 (4.10): from the From domain upwards, at
most eight names; the public suffix list of RFC 7489 is not asked.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nurture.doctor.resolving import Questions

_MOST_LABELS = 8
POLICIES = ("none", "quarantine", "reject")


class Published(NamedTuple):
    """A DMARC record and where it stands."""

    domain: str
    tags: Mapping[str, str]


class Found(NamedTuple):
    """What the walk found: the record that counts, the organisational domain, and what got in the way."""

    record: Published | None
    organisation: str
    trouble: str = ""
    doubled: str = ""

    def policy(self, domain: str) -> str:
        """What is asked for mail from `domain`: a subdomain has `sp`, where there is one."""
        if self.record is None:
            return ""
        tags = self.record.tags
        inherited = tags.get("sp", "") if self.record.domain != domain else ""
        wanted = inherited or tags.get("p", "")
        return wanted if wanted in POLICIES else "none" if "rua" in tags else ""


def find(questions: Questions, domain: str) -> Found:
    """Walk up from a From domain (4.10): its own record counts, else that of the organisational domain."""
    records: list[Published] = []
    trouble = doubled = ""
    for name in _names(domain):
        answer = questions.text(f"_dmarc.{name}")
        if not answer.is_known:
            trouble = trouble or f"_dmarc.{name}: {answer.said.value}"
        here = [tags for tags in map(tags_of, answer.records) if tags.get("v") == "DMARC1"]
        if len(here) > 1:
            doubled = doubled or name
        elif here:
            records.append(Published(name, here[0]))
            if here[0].get("psd") in ("y", "n"):
                break
    organisation = _organisation(domain, records)
    own = next((record for record in records if record.domain == domain), None)
    counts = own or next((record for record in records if record.domain == organisation), None)
    return Found(counts, organisation, trouble, doubled)


def tags_of(record: str) -> dict[str, str]:
    """The tags of a record such as `v=DMARC1; p=none`, also of a DKIM key; the first of equal ones counts."""
    tags: dict[str, str] = {}
    for part in record.split(";"):
        name, sign, value = part.partition("=")
        if sign:
            tags.setdefault(name.strip().lower(), "".join(value.split()))
    return tags


def _names(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield domain
    rest = labels[1:] if len(labels) <= _MOST_LABELS else labels[1 - _MOST_LABELS :]
    for start in range(len(rest)):
        yield ".".join(rest[start:])


def _organisation(domain: str, records: list[Published]) -> str:
    """The domain of the shortest name with a record; below a public suffix that says that it is one."""
    if not records:
        return domain
    top = records[-1]
    if top.tags.get("psd") == "y" and top.domain != domain:
        below = domain.removesuffix(f".{top.domain}").rpartition(".")[2]
        return f"{below}.{top.domain}"
    return top.domain
