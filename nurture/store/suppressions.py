"""Addresses and domains that are never mailed, as keyed hashes: the list says nothing about anybody.

It outlives the person's rows (erase keeps it), so the key never changes: `keep_fingerprint` refuses another.
Addresses and domains come normalised. A domain covers the addresses right at it, not at its subdomains.
A row for all mail (scope `all`) is what the sender asks for; one for a single sequence (scope: its id) says
what a person asked for, so that it is found again when their address comes back.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.errors import Mistake
from nurture.store import sql
from nurture.store.facts import chunks
from nurture.store.tables import META, SUPPRESSIONS

ALL = "all"
"""The scope of whoever is to get no mail at all."""

ERASED = "erased"
BOUNCED = "bounced"
BY_US = ("manual", "competitor", "customer")
"""Reasons that the company has itself; nobody's word has to be taken back for them."""

REASONS = (*BY_US, BOUNCED, "unsubscribed", "complained", ERASED)
"""From the weakest to the strongest: a stronger reason takes a weaker one's place, never the reverse."""

THEIR_OWN = frozenset({"unsubscribed", "complained", ERASED})
"""What people said themselves is only lifted on evidence that they changed their mind."""

_FINGERPRINT = "suppression_key"
_ABOUT_THE_KEY = "fingerprint of the suppression key"


def suppress(
    connection: Connection,
    key: bytes,
    name: str,
    reason: str,
    at: datetime,
    evidence: str = "",
    scope: str = ALL,
) -> None:
    """Never mail this address (or, without an @, this domain). Doing it again keeps the stronger reason."""
    suppress_many(connection, key, {name: reason}, at=at, evidence=evidence, scope=scope)


def suppress_many(
    connection: Connection,
    key: bytes,
    reasons: Mapping[str, str],
    *,
    at: datetime,
    evidence: str = "",
    scope: str = ALL,
    rows_held: bool = False,
) -> None:
    """Never mail these addresses or domains, each with its reason, one of REASONS; or not from one sequence.

    A stronger reason takes a weaker one's place; `at` stays the instant since when they are not mailed.

    On PostgreSQL this waits for fences under way, and later ones wait for it, so that none of them misses
    it; unless the caller holds the rows of these addresses (`rows_held`), which does the same for them.
    """
    rows = [
        {
            "hash": _hashed(key, name),
            "covers": "address" if "@" in name else "domain",
            "reason": reason,
            "scope": scope,
            "evidence": evidence,
            "at": at,
        }
        for name, reason in sorted(reasons.items())
    ]
    if not rows:
        return
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    if kind is postgresql and not rows_held:
        connection.execute(select(func.pg_advisory_xact_lock(sql.SILENCING)))
    connection.execute(
        kind.insert(SUPPRESSIONS).on_conflict_do_nothing(index_elements=["hash", "scope"]), rows
    )
    for rank, reason in enumerate(REASONS):
        hashes = [row["hash"] for row in rows if row["reason"] == reason]
        for some in chunks(hashes):
            here = SUPPRESSIONS.c.hash.in_(some), SUPPRESSIONS.c.scope == scope
            weaker = SUPPRESSIONS.c.reason.in_(REASONS[:rank])
            connection.execute(
                update(SUPPRESSIONS).where(*here, weaker).values(reason=reason, evidence=evidence)
            )


def is_suppressed(connection: Connection, key: bytes, address: str) -> bool:
    """Whether the address or its domain is never mailed."""
    return address in reasons_of(connection, key, [address])


def reasons_of(connection: Connection, key: bytes, addresses: Iterable[str]) -> dict[str, str]:
    """Why, for those of these addresses that are never mailed; the address's own reason comes first."""
    asked = {address: (_hashed(key, address), _hashed(key, _domain(address))) for address in addresses}
    hashes = sorted({each for pair in asked.values() for each in pair})
    statements, driver = sql.of(connection)
    found = statements.silenced(driver, hashes) if hashes else {}
    return {
        address: found.get(own) or found[domain]
        for address, (own, domain) in asked.items()
        if own in found or domain in found
    }


def scopes_of(connection: Connection, key: bytes, addresses: Iterable[str]) -> dict[str, dict[str, str]]:
    """The single sequences that are not to write to these addresses (or their domains), with the reasons."""
    asked = {address: (_hashed(key, address), _hashed(key, _domain(address))) for address in addresses}
    found: dict[str, dict[str, str]] = {}
    for some in chunks(sorted({each for pair in asked.values() for each in pair})):
        of = SUPPRESSIONS.c
        rows = select(of.hash, of.scope, of.reason).where(of.hash.in_(some), of.scope != ALL)
        for hash, scope, reason in connection.execute(rows):
            found.setdefault(hash, {})[scope] = reason
    return {
        address: {**found.get(domain, {}), **found.get(own, {})}
        for address, (own, domain) in asked.items()
        if own in found or domain in found
    }


def list_suppressions(connection: Connection) -> Sequence[Row[Any]]:
    """All of them, the newest first; the hashes do not say who they are."""
    return connection.execute(
        select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.at.desc(), SUPPRESSIONS.c.hash, SUPPRESSIONS.c.scope)
    ).all()


def reason_of(connection: Connection, key: bytes, name: str, scope: str = ALL) -> str | None:
    """Why this very address or domain is on the list; None where it is not."""
    of = SUPPRESSIONS.c
    reason: str | None = connection.scalar(
        select(of.reason).where(of.hash == _hashed(key, name), of.scope == scope)
    )
    return reason


def since(connection: Connection, key: bytes, name: str, scope: str = ALL) -> datetime | None:
    """Since when this very address or domain is on the list, for whatever reason; None where it is not."""
    of = SUPPRESSIONS.c
    at: datetime | None = connection.scalar(
        select(of.at).where(of.hash == _hashed(key, name), of.scope == scope)
    )
    return at


def lift(connection: Connection, key: bytes, name: str, *, evidence: str = "", scope: str = ALL) -> bool:
    """Mail this address or domain again (or from this sequence again); False if it was not suppressed.

    Raises Mistake where the person had said so themselves and there is no `evidence` of a new consent. The
    caller keeps that evidence with the consent.
    """
    reason = reason_of(connection, key, name, scope)
    if reason in THEIR_OWN and not evidence.strip():
        raise Mistake(f"{name} {_SAID[reason]}: only evidence of a new consent lifts that.")
    own = SUPPRESSIONS.c.hash == _hashed(key, name), SUPPRESSIONS.c.scope == scope
    connection.execute(delete(SUPPRESSIONS).where(*own))
    return reason is not None


_SAID = {"unsubscribed": "unsubscribed", "complained": "complained about us", ERASED: "asked to be forgotten"}


def is_made_with(connection: Connection, key: bytes) -> bool:
    """Whether this database's hashes were made with this key, as far as it remembers."""
    before = connection.scalar(select(META.c.value).where(META.c.key == _FINGERPRINT))
    return before in (None, _hashed(key, _ABOUT_THE_KEY)[:16])


def keep_fingerprint(connection: Connection, key: bytes) -> None:
    """Remember which key this database's hashes were made with. Mistake if it was another one."""
    fingerprint = _hashed(key, _ABOUT_THE_KEY)[:16]
    before = connection.scalar(select(META.c.value).where(META.c.key == _FINGERPRINT))
    if before is None:
        connection.execute(insert(META).values(key=_FINGERPRINT, value=fingerprint))
    elif before != fingerprint:
        raise Mistake(
            "secrets.toml [suppression] key is not the one this database was made with, so nobody who "
            "said no would be recognised: put the old key back."
        )


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


@lru_cache(maxsize=4096)  # whom a claim looks up, the fence looks up again
def _hashed(key: bytes, name: str) -> str:
    return hmac.digest(key, name.encode(), "sha256").hex()
