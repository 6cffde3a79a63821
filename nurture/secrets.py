"""The keys and passwords of a workspace. They stand in `secrets.toml`, which only its owner can read."""

import binascii
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from secrets import token_bytes
from typing import Any

from nurture.errors import Mistake
from nurture.settings import read_toml

SECRETS = "secrets.toml"
"""The file beside nurture.toml."""

_KEY_BYTES = 32
_LONG_ENOUGH = re.compile(r"[A-Za-z0-9_-]{43,100}", re.ASCII)
"""32 random bytes, as base64 writes them for addresses."""


@dataclass(frozen=True)
class WebhookSecrets:
    """[webhooks.NAME] of secrets.toml: what whoever sends there must know. Several: while one is changed."""

    secret: tuple[str, ...] = field(repr=False)
    """Last parts of the address."""
    basic: tuple[str, ...] = field(default=(), repr=False)
    """user:password"""
    key: tuple[str, ...] = field(default=(), repr=False)
    """Mailgun's signing key, SendGrid's verification key."""


@dataclass(frozen=True)
class Secrets:
    """Keys and passwords. None of them is ever shown: not in repr, not in an error."""

    current: str
    """Which token key signs new links."""
    tokens: Mapping[str, bytes] = field(repr=False)
    """Token keys by id; older ones still open the links they signed."""
    suppression: bytes = field(repr=False)
    """Hashes addresses that are never mailed. Never changes."""
    smtp_password: str | None = field(default=None, repr=False)
    mailbox_password: str | None = field(default=None, repr=False)
    events: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Tokens of those who may post events, by the sender's name."""
    webhooks: Mapping[str, WebhookSecrets] = field(default_factory=dict, repr=False)


def read_secrets(folder: Path) -> Secrets:
    """The keys of the workspace in `folder`. Raises Mistake, which never shows a value."""
    data = read_toml(folder / SECRETS, "; nurture init writes one")
    _only("", data, ("tokens", "suppression", "smtp", "mailbox", "events", "webhooks"))
    tokens = dict(_table(data, "tokens"))
    current = _text(tokens.pop("current", None), "tokens.current")
    keys = {name: _key(value, f"tokens.{name}") for name, value in tokens.items()}
    if current not in keys:
        raise Mistake(f"{SECRETS}: tokens.current names a key that is not in [tokens]")
    passwords = {name: _password(data, name) for name in ("smtp", "mailbox")}
    suppression = _table(data, "suppression")
    _only("suppression.", suppression, ("key",))
    return Secrets(
        current=current,
        tokens=keys,
        suppression=_key(suppression.get("key"), "suppression.key"),
        smtp_password=passwords["smtp"],
        mailbox_password=passwords["mailbox"],
        events={name: _token(name, value) for name, value in _table(data, "events").items()},
        webhooks={name: _webhook(name, value) for name, value in _table(data, "webhooks").items()},
    )


def write_secrets(folder: Path) -> None:
    """New keys in a file that only its owner can read. Never overwrites: FileExistsError."""
    token, suppression = (b64encode(token_bytes(_KEY_BYTES)).decode() for _ in range(2))
    text = (
        "# Keys of this workspace. Keep them out of version control, and keep a copy somewhere safe.\n"
        "# Token keys sign links; to change them add k2 and make it current (k1 still opens old links).\n"
        f'[tokens]\ncurrent = "k1"\nk1 = "{token}"\n\n'
        "# Hashes the addresses that are never mailed. It can never change.\n"
        f'[suppression]\nkey = "{suppression}"\n'
    )
    handle = os.open(folder / SECRETS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _webhook(name: str, value: object) -> WebhookSecrets:
    if not isinstance(value, dict):
        raise Mistake(f"{SECRETS}: [webhooks.{name}] must be a section")
    _only(f"webhooks.{name}.", value, ("secret", "basic", "key"))
    found = {part: _texts(each, f"webhooks.{name}.{part}") for part, each in value.items()}
    for secret in found.get("secret", ()):
        if not _LONG_ENOUGH.fullmatch(secret):
            raise Mistake(
                f"{SECRETS}: webhooks.{name}.secret must be at least 43 letters, digits, - or _;"
                " nurture webhook secret makes one"
            )
    for pair in found.get("basic", ()):
        if not all(pair.partition(":")[::2]):
            raise Mistake(f'{SECRETS}: webhooks.{name}.basic is "user:password"')
    return WebhookSecrets(found.get("secret", ()), found.get("basic", ()), found.get("key", ()))


def _token(name: str, value: object) -> str:
    """The token of one sender of events."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
        raise Mistake(f"{SECRETS}: [events] {name}: call a sender by small letters, digits, - and _")
    token = _text(value, f"events.{name}")
    if not re.fullmatch(r"[!-~]{32,200}", token):
        raise Mistake(f"{SECRETS}: events.{name}: a token has 32 to 200 letters and signs, without spaces")
    return token


def _password(data: Mapping[str, Any], name: str) -> str | None:
    """The one key of a section that may be left out."""
    section = _table(data, name)
    _only(f"{name}.", section, ("password",))
    password = section.get("password")
    return None if password is None else _text(password, f"{name}.password")


def _key(value: object, name: str) -> bytes:
    try:
        key = b64decode(_text(value, name), validate=True)
    except (binascii.Error, ValueError):
        raise Mistake(f"{SECRETS}: {name} is not base64") from None
    if len(key) != _KEY_BYTES:
        raise Mistake(f"{SECRETS}: {name} must be {_KEY_BYTES} bytes in base64, not {len(key)}")
    return key


def _texts(value: object, name: str) -> tuple[str, ...]:
    """One text, or several in a list."""
    return tuple(_text(each, name) for each in (value if isinstance(value, list) else [value]))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Mistake(f"{SECRETS}: {name} is missing or is not text")
    return value


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise Mistake(f"{SECRETS}: [{name}] must be a section")
    return table


def _only(section: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in table:
        if name not in known:
            close = get_close_matches(name, known, 1) or known
            raise Mistake(f'{SECRETS}: unknown key {section}{name}; did you mean "{close[0]}"?')
