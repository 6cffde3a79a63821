"""Not for us, or not yet: what the person's own word changes in the record, and how it is taken back."""

from datetime import datetime
from typing import Any

from nurture.core import facts as f
from nurture.core.journey import DECLINES, PROMOTED, Journey, Refusal


def declined(journey: Journey, at: datetime, body: f.Declined) -> dict[str, Any]:
    """What somebody's word does where they stand; a promotion is only shaken, and withdrawn when decided."""
    if journey.lifecycle == PROMOTED:
        return {"shaken": "declined", "declined": Refusal(body.until, PROMOTED)}
    return refused(journey, body.until, at)


def refused(journey: Journey, until: datetime | None, at: datetime) -> dict[str, Any]:
    """Closed, or at rest until the date, and no click ends it earlier; a later date of sales' stands."""
    target = DECLINES["not before" if until else "not for us"].get(journey.lifecycle)
    if target is None:
        return {}
    before = Refusal(
        until,
        journey.lifecycle,
        journey.rest_until,
        journey.rest_fixed,
        journey.resting_since,
        journey.enrolled,
    )
    changes: dict[str, Any] = {"lifecycle": target, "declined": before}
    if until is None:
        gone = dict.fromkeys(journey.enrolled, at)
        return {**changes, "enrolled": {}, "left": {**journey.left, **gone}}
    if journey.rest_fixed and journey.rest_until is not None:
        until = max(until, journey.rest_until)
    return {**changes, "rest_until": until, "rest_fixed": True, "resting_since": at}


def reconsidered(journey: Journey) -> dict[str, Any]:
    """Back to where they stood before they declined, if that still stands."""
    before = journey.declined
    if before is None:
        return {}
    if journey.lifecycle == PROMOTED:  # not withdrawn yet
        return {"declined": None, "shaken": "" if journey.shaken == "declined" else journey.shaken}
    return {
        "declined": None,
        "lifecycle": before.state,
        "rest_until": before.rest_until,
        "rest_fixed": before.rest_fixed,
        "resting_since": before.resting_since,
        "enrolled": before.enrolled,
        "left": {name: when for name, when in journey.left.items() if name not in before.enrolled},
    }
