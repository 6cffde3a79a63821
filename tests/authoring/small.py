"""The smallest workspace with one of everything, as text: tests change a word of it and look."""

from collections.abc import Mapping
from datetime import date

from nurture.authoring import Loaded, load

TODAY = date(2026, 3, 2)

NURTURE = """\
[sender]
name = "Ada"
address = "ada@mail.acme.example"
company = "Acme Ltd"
postal = "1 High Street, Sheffield"
zone = "Europe/London"

[site]
url = "https://www.acme.example"
hosts = ["acme.example"]

[sales]
to = ["tom@acme.example"]

[attributes]
first_name = {type = "text", personal = true}
company = {type = "text"}
role = {type = "choice", values = ["buyer", "student"]}
employees = {type = "number", ask = "How many?"}
customer = {type = "flag"}
contract_end = {type = "date"}
systems = {type = "list"}
country = {type = "country"}
zone = {type = "zone"}

[forms.demo]
source = "demo-form"
kind = "intent"
fields = {first_name = "first_name", role = "role"}

[store]
database = "sqlite:///nurture.db"
"""

PROGRAMME = """\
signals:
  pricing: {page: {starts_with: /pricing}}
  careers: {page: {is: /careers}}
  click:   {click: any}
  webinar: {event: webinar_attended}
  demo:    {form: demo}
  read:    {consumed: mid}
  reply:   {reply: any}
stages:
  half_life: 21 days
  enter: 3
  exit: 1
  dwell: 2 days
  prior: {default: early, webinar: mid}
  evidence: {consumed: 1, pricing: {late: 2}}
topics:
  signals: {pricing: [cost]}
  sources: {webinar-cost: [cost]}
pace:
  gap: 3 days
  at_most: [2 per 7 days, 6 per 30 days]
  cool_down: 2 days
calendar:
  weekdays: mon-fri
  hours: "08:30-17:30"
  zone: prospect
  holidays: [GB, 2026-12-24]
  spread: 45 minutes
"""

AGREEMENT = """\
version: 3
agreed: {on: 2026-01-12, marketing: Ada Ray, sales: Tom Vo, review_by: 2026-04-12}
fit:
  grades: {A: 80, B: 60, C: 40}
  criteria:
    size: {weight: 25, when: {employees: {min: 50, max: 2000}}}
    role: {weight: 10, when: {role: buyer}}
intent:
  pricing: {points: 15, half_life: 14 days, cap: 40, once_per: 1 day}
  click:   {points: 2, half_life: 14 days, cap: 10}
  careers: {points: -10, lasts: 90 days}
timing:
  recent:  {did: [pricing, webinar], within: 14 days}
  heat:    {gained: 25, within: 7 days}
  renewal: {contract_end: {after: in 30 days, before: in 180 days}}
hand_raise: {demo: {at_least: C, lasts: 30 days}}
promote: {A: 40, B: 50, C: 70}
after_sales_returns: {fresh_points: 20}
disqualify: {student: {role: student}}
answers:
  rejected: {not_icp: close, bad_data: nurture}
  recycled: {not_now: {stage: mid, after: 90 days}}
clock:
  weekdays: mon-fri
  hours: "09:00-17:30"
  zone: Europe/London
  holidays: [GB]
  answer: 1 business day
  recall: 3 business days
"""

SEQUENCE = """\
sequence: evaluate
priority: 10
audience: {source_kind: [content, referral], fit: {at_least: C}}
again: after 180 days
leave_when: {customer: true}
say: [cost-of-bad-data, compare, cost]
slower: {gap: 5 days}
when_nothing_is_left: {wait: 14 days, then: rest, for: 90 days}
"""

COST = """\
---
title: What bad data costs
subject: "What it costs {{ prospect.company }}"
topics: [cost]
url: /guides/cost
---
Hello {{ prospect.first_name | default("there") }},

[read on](/guides/cost).
"""

COMPARE = """\
---
title: Four ways to compare
subject: Compare
topics: [method]
needs: [cost-of-bad-data]
when: {employees: {min: 10}}
---
Some text about comparing, with [a link](/vs/us).
"""

PLAIN = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body>
{{ body }}
<p>{{ sender.company }}, {{ sender.postal }}</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</body></html>
"""

PACKET_HTML = "<!DOCTYPE html><html><body><p>{{ packet.grade }}</p></body></html>\n"
PACKET_TEXT = "Subject: A lead for you\nGrade {{ packet.grade }}\n"

FILES: Mapping[str, str] = {
    "nurture.toml": NURTURE,
    "programme.yaml": PROGRAMME,
    "agreement.yaml": AGREEMENT,
    "sequences/evaluate.yaml": SEQUENCE,
    "templates/early/cost-of-bad-data.md": COST,
    "templates/mid/compare.md": COMPARE,
    "templates/layouts/plain.html": PLAIN,
    "templates/sales/packet.html": PACKET_HTML,
    "templates/sales/packet.txt": PACKET_TEXT,
}


def changed(file: str, old: str, new: str) -> dict[str, str]:
    """The workspace with one word of one file written differently."""
    assert FILES[file].count(old) == 1, f"{old!r} stands {FILES[file].count(old)} times in {file}"
    return {**FILES, file: FILES[file].replace(old, new)}


def problems(files: Mapping[str, str | bytes | None]) -> list[str]:
    """What is told about these files (None: there is no such file)."""
    return [str(problem) for problem in loaded(files).problems]


def loaded(files: Mapping[str, str | bytes | None]) -> Loaded:
    """The files, loaded on the second of March 2026."""
    return load({file: text for file, text in files.items() if text is not None}, today=TODAY)
