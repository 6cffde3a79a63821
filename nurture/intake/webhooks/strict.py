"""JSON as providers send it, read strictly, and single values of it, read leniently.

A key that stands twice means one thing to one reader and another to the next, so it is refused. Whatever is
taken out of it is text that any database keeps: no NUL, no half of a surrogate pair.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from nurture.intake.webhooks.seam import MOST_EVENTS, Refused

LONGEST = 2_000
DEEPEST = 40
_KEY_LENGTH = 200


def json_of(body: bytes | str) -> object | Refused:
    """The value. Refused: no JSON in UTF-8, a key twice, NaN or Infinity, nested too deep."""
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        value: object = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError) as wrong:
        said = "nested too deep" if isinstance(wrong, RecursionError) else str(wrong)[:120]
        return Refused(400, f"no JSON that can be believed: {clean(said)}")
    return Refused(400, "JSON that is nested too deep") if _is_deep(value) else value


def objects(value: object) -> list[dict[str, Any]] | Refused:
    """Several objects, or one, as a list."""
    found = value if isinstance(value, list) else [value]
    if len(found) > MOST_EVENTS:
        return Refused(413, f"more than {MOST_EVENTS} events at once")
    events = [one for one in found if isinstance(one, dict)]
    return events if len(events) == len(found) else Refused(400, "no object where an event is expected")


def get(value: object, *path: str) -> Any:
    """What stands at the end of this path; None where something on the way is missing."""
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def word(value: object, *path: str) -> str:
    """Text at the end of this path, as it stands; a number as text; empty where there is neither."""
    found = get(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return clean(str(found))


def clean(text: str, most: int = LONGEST) -> str:
    """Text that any database keeps."""
    return text[:most].encode("utf-8", "replace").decode().replace("\0", "")


def each(value: object, *path: str) -> Iterator[Any]:
    """The members of a list at the end of this path."""
    found = get(value, *path)
    return iter(found if isinstance(found, list) else ())


def words(value: object) -> tuple[str, ...]:
    """A list of texts, or one text, as texts; empty ones are left out."""
    found = value if isinstance(value, list) else [value]
    return tuple(clean(one) for one in found if isinstance(one, str) and one)


def instant(text: str) -> datetime | None:
    """An ISO 8601 instant; None where it is none."""
    try:
        at = datetime.fromisoformat(text)
        return _in_our_times(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def epoch(value: object, per_second: int = 1) -> datetime | None:
    """An instant given as seconds (or parts of one) since 1970."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return _in_our_times(datetime.fromtimestamp(float(value) / per_second, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def key_of(*parts: str) -> str:
    """What makes an event the same when it comes again: its parts, or their hash where they are long."""
    key = ":".join(parts)
    return key if len(key) <= _KEY_LENGTH else sha256(key.encode()).hexdigest()


def digest_of(value: object) -> str:
    """A short hash of a value of JSON, in whatever order its keys stand."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def said(value: object) -> bytes:
    """A value of JSON as it is kept."""
    return json.dumps(value, separators=(",", ":")).encode()


def _in_our_times(at: datetime) -> datetime | None:
    at = at.astimezone(UTC)
    return at if 2000 <= at.year < 2200 else None


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner = [
            one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)
        ]
        level = [each for members in inner for each in members]
        if not level:
            return False
    return True


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
