"""May we write to this person: the ground, what stands against it, and until when.

Silence has no end of its own: unsubscribed, complained, bounced, on a list of ours. Quiet has one: what the
person asked, an absence, a reply that a colleague has to answer, an address that seems full or broken.
Permission is not lifecycle: who may not be written to is scored all the same, and may ask for sales.
"""

from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from nurture.core import facts as f
from nurture.core.answers import FOREVER, Answer, Reason
from nurture.core.policy import months_later, policy_of

BASES = ("none", "legitimate_interest", "soft_opt_in", "customer", "consent")
"""Grounds for writing, the weakest first. A stronger one takes the place of a weaker."""
EXPRESS = "consent"
"""The ground that no law lets expire by itself."""
_STRENGTH = {basis: strength for strength, basis in enumerate(BASES)}

SUPPRESSED, BOUNCED = "suppressed", "bounced"
"""Silence that a list of ours imposed, or a server; it ends with Released when the name is taken off the
list."""

PAUSED, AWAY, REPLIED, SOFT = "paused", "away", "replied", "soft bounces"

LONGEST_ABSENCE = timedelta(days=90)
"""An absence that names a later date (parental leave, a typing error) is looked at again then."""
SHORT_ABSENCE = timedelta(days=3)
"""What an automatic answer without a date stands for: the usual gap between two messages."""
REPLY_STANDS = timedelta(days=30)
"""How long a reply keeps us quiet where no colleague says go on: as long as a hand-raise lasts, after which
a conversation that nobody took up is over."""

SOFT_BOUNCES = 5
SOFT_OVER = timedelta(days=7)
SOFT_SILENCE = timedelta(days=90)
"""So many soft bounces over so long, nothing delivered between: silence for so long from the last one."""
DELIVERED_AFTER = timedelta(days=3)
"""A message that left and has not come back by then counts as delivered: most servers give up earlier."""
_REMEMBERED = 12
_NOTHING_AGAINST = Reason("may write")


class Quiet(NamedTuple):
    """Nothing until then, and which fact says so."""

    why: str
    until: datetime
    n: int


class Soft(NamedTuple):
    """A soft bounce: the fact, the message that came back (0: nobody knows which), and when."""

    n: int
    touch: int
    at: datetime


class Permission(NamedTuple):
    """May we write? `basis` none: never. `silence`: why not, though a basis was given."""

    basis: str = "none"
    until: datetime | None = None
    silence: str = ""  # unsubscribed, complained, bounced, suppressed
    held: bool = False
    held_until: datetime | None = None
    given: datetime | None = None  # the basis; a ground that the law lets expire counts from there
    quiet: tuple[Quiet, ...] = ()  # one for each reason
    unwanted: tuple[str, ...] = ()  # sequences they unsubscribed from
    soft: tuple[Soft, ...] = ()  # soft bounces since the last delivery or sign of life
    out: tuple[tuple[int, datetime], ...] = ()  # since the first of those: touches that left, not come back


def may_we_write(permission: Permission, country: object, now: datetime) -> Answer:
    """Is there a ground for writing, and nothing against it?"""
    if permission.silence:
        return Answer(False, Reason("silent", {"why": permission.silence}))
    if permission.basis == "none":
        return Answer(False, Reason("no consent"))
    ends = ground_ends(permission, country)
    if ends <= now:
        return Answer(False, _over(permission, country, ends))
    if permission.held and (permission.held_until is None or permission.held_until > now):
        until = permission.held_until or FOREVER
        return Answer(False, Reason("held", {"until": until}), until)
    if permission.quiet:
        longest = max(permission.quiet, key=lambda quiet: quiet.until)
        if longest.until > now:
            return Answer(False, _quiet_because(permission, longest), longest.until)
    return Answer(True, _NOTHING_AGAINST, ends)


def ground_ends(permission: Permission, country: object) -> datetime:
    """When the ground for writing ends: as was said when it was given, or as the country's law says."""
    said = permission.until or FOREVER
    if permission.basis == EXPRESS or permission.given is None:
        return said
    months = policy_of(country).months.get(permission.basis)
    if months is None:
        return said
    return min(said, months_later(permission.given, months))


def entered(permission: Permission, at: datetime, body: f.Entered) -> Permission:
    """A ground where there was none, or a stronger one; the same one given later counts from then."""
    given = body.given or at
    before, now = _STRENGTH.get(permission.basis, 0), _STRENGTH.get(body.basis, 0)
    renewed = before == now and (permission.given is None or given > permission.given)
    if now and (now > before or renewed):
        return permission._replace(basis=body.basis, given=given)
    return permission


def consented(permission: Permission, at: datetime, body: f.Consented) -> Permission:
    """To everything: no silence stands against it. To one sequence: it is wanted again."""
    if body.scope != "all":
        return permission._replace(unwanted=tuple(name for name in permission.unwanted if name != body.scope))
    return permission._replace(basis=body.basis, until=body.until, silence="", given=body.given or at)


def unsubscribed(permission: Permission, body: f.Unsubscribed) -> Permission:
    """From everything, or from one sequence."""
    if body.scope == "all":
        return permission._replace(silence="unsubscribed")
    return permission._replace(unwanted=(*(n for n in permission.unwanted if n != body.scope), body.scope))


def released(permission: Permission) -> Permission:
    """All that a colleague may end; not what the person said."""
    silence = "" if permission.silence in (SUPPRESSED, BOUNCED) else permission.silence
    quiet = tuple(one for one in permission.quiet if one.why == PAUSED)
    return permission._replace(held=False, held_until=None, silence=silence, quiet=quiet, soft=(), out=())


def paused(permission: Permission, n: int, until: datetime | None) -> Permission:
    """As the person asked: the last word counts."""
    if until is None:
        return without(permission, PAUSED)
    return _quiet(permission, Quiet(PAUSED, until, n))


def away(permission: Permission, at: datetime, n: int, until: datetime | None) -> Permission:
    """Out of office: a date takes the place of what was known, none adds three days at least."""
    if until is not None:
        return _quiet(permission, Quiet(AWAY, min(until, at + LONGEST_ABSENCE), n))
    known = next((one.until for one in permission.quiet if one.why == AWAY), at)
    return _quiet(permission, Quiet(AWAY, max(known, at + SHORT_ABSENCE), n))


def replied(permission: Permission, at: datetime, n: int) -> Permission:
    """A colleague has the word."""
    return _quiet(permission, Quiet(REPLIED, at + REPLY_STANDS, n))


def retracted(permission: Permission, n: int) -> Permission:
    """Quiet that rests on fact n is over; a soft bounce of that number counts no more."""
    soft = tuple(one for one in permission.soft if one.n != n)
    if soft != permission.soft and not _too_soft(soft):
        permission = without(permission, SOFT)
    return permission._replace(quiet=tuple(one for one in permission.quiet if one.n != n), soft=soft)


def left_us(permission: Permission, touch: int, at: datetime) -> Permission:
    """A message was sent; remembered only where it may tell that an address works again."""
    if not permission.soft:
        return permission
    return permission._replace(out=(*permission.out, (touch, at))[-_REMEMBERED:])


def bounced_softly(
    permission: Permission, touch: int, at: datetime, n: int, engaged: datetime | None
) -> Permission:
    """One more soft bounce; those before the last delivery or sign of life (`engaged`) count no more.

    A message counts once, however many servers send it back. A bounce that names no touch (0) is taken to be
    of the last message that left.
    """
    if touch and any(one.touch == touch for one in permission.soft):
        return permission
    out = tuple(one for one in permission.out if one[0] != touch) if touch else permission.out[:-1]
    delivered = [sent for _, sent in out if sent + DELIVERED_AFTER <= at]
    worked = max((moment for moment in (*delivered, engaged) if moment is not None), default=None)
    still = (one for one in permission.soft if worked is None or one.at > worked)
    soft = tuple(sorted((*still, Soft(n, touch, at)), key=attrgetter("at")))
    if len(soft) > _REMEMBERED:  # the first one says since when
        soft = (soft[0], *soft[1 - _REMEMBERED :])
    out = tuple(one for one in out if one[1] not in delivered)
    permission = permission._replace(soft=soft, out=out)
    return _quiet(permission, Quiet(SOFT, soft[-1].at + SOFT_SILENCE, n)) if _too_soft(soft) else permission


def without(permission: Permission, why: str) -> Permission:
    """The same without that quiet."""
    return permission._replace(quiet=tuple(one for one in permission.quiet if one.why != why))


def _too_soft(soft: tuple[Soft, ...]) -> bool:
    return len(soft) >= SOFT_BOUNCES and soft[-1].at - soft[0].at >= SOFT_OVER


def _quiet(permission: Permission, quiet: Quiet) -> Permission:
    return permission._replace(quiet=(*without(permission, quiet.why).quiet, quiet))


def _over(permission: Permission, country: object, ends: datetime) -> Reason:
    figures: dict[str, object] = {"at": ends, "basis": permission.basis}
    if ends != permission.until:
        months = policy_of(country).months[permission.basis]
        figures |= {"given": permission.given, "months": months}
    return Reason("consent over", figures)


def _quiet_because(permission: Permission, quiet: Quiet) -> Reason:
    figures: dict[str, object] = {"until": quiet.until}
    if quiet.why == SOFT and permission.soft:
        figures |= {"count": len(permission.soft), "since": permission.soft[0].at}
    return Reason(quiet.why, figures)
