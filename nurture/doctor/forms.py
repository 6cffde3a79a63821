"""What came of forms: consents that wait for their owners, and what programs filled in. Counts alone."""

from collections.abc import Iterator

from sqlalchemy import Connection

from nurture.doctor.findings import Finding, Group
from nurture.store import confirmations, dropped

_forms = Group("forms")


def examine_forms(connection: Connection) -> Iterator[Finding]:
    """Nothing, where no form was ever sent that asks for a consent, nor filled in by a program."""
    ticked = confirmations.count(connection)
    if total := sum(ticked):
        became = f"{ticked.confirmed} confirmed, {ticked.waiting} asked, {ticked.not_asked} not asked"
        yield _forms.ok("consents", f"{total} ticked: {became}")
    if filled := dropped.counts(connection):
        names = ", ".join(f"{name} {count}" for name, count in sorted(filled.items()))
        yield _forms.ok("dropped", f"filled in by programs: {names}")
