"""What the law of a country lets us do without express consent: one row a country, sources beside it.

Nobody's lawyer wrote this table; it errs towards silence, and a company that knows better about its own
markets changes a row. Express consent (`consent`) stands until it is withdrawn, everywhere.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from nurture.core.answers import FOREVER


class Policy(NamedTuple):
    """A country's row. `months`: how long a ground stands after it was given; one not named does not end.

    `views_need_consent`: page views may be kept only of people who agreed to it.
    """

    months: Mapping[str, int]
    views_need_consent: bool


ELSEWHERE = Policy(
    # Three years after the last contact that came from the person is the longest that a European regulator
    # has named for keeping prospects' data (CNIL, Referentiel relatif aux activites commerciales, 2022); the
    # law itself says no longer than necessary (GDPR article 5(1)(e)).
    months={"customer": 36, "soft_opt_in": 36, "legitimate_interest": 36},
    # Directive 2002/58/EC article 5(3); in the United Kingdom PECR regulation 6.
    views_need_consent=True,
)
"""The row of every country that has none, and of nobody's: the strictest about page views."""

POLICIES: Mapping[str, Policy] = {
    # Canada: CASL section 10(10). An existing business relationship lasts two years after a purchase, six
    # months after an inquiry (which is what soft_opt_in is there). There is no legitimate interest: the
    # nearest, a published business address (section 10(9)(b)), has no term, and keeps the cautious one.
    # Page views: Quebec's Act P-39.1 section 8.1, tracking is off until the person turns it on.
    "CA": Policy({"customer": 24, "soft_opt_in": 6, "legitimate_interest": 36}, views_need_consent=True),
    # United States: CAN-SPAM, 15 U.S.C. 7704(a): commercial mail may be sent until somebody opts out.
    "US": Policy({}, views_need_consent=False),
    # Australia: Spam Act 2003, schedule 2: consent inferred from a relationship, without a term; Privacy Act
    # 1988, APP 3 asks no consent for information that is not sensitive.
    "AU": Policy(ELSEWHERE.months, views_need_consent=False),
    # New Zealand: Unsolicited Electronic Messages Act 2007 section 4: inferred consent, without a term;
    # Privacy Act 2020, principle 3: people are told.
    "NZ": Policy(ELSEWHERE.months, views_need_consent=False),
}
"""ISO 3166 code -> row."""


def policy_of(country: object) -> Policy:
    """The row of a country; of what is no country we know, the default one."""
    return POLICIES.get(country, ELSEWHERE) if isinstance(country, str) else ELSEWHERE


def views_need_consent(country: str | None) -> bool:
    """May page views of somebody there be kept only after they agreed? None: nobody knows where."""
    return policy_of(country).views_need_consent


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and time so many calendar months later, or the month's last day where it has none such."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if year >= FOREVER.year:
        return FOREVER
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
