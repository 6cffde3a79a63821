"""Signed tokens for addresses in our messages, and the id each message carries.

A token is base64url(version, key id, touch id, link number, signature): 38 characters, never more than 48.
The destination of a link is looked up by touch and number, so a token can never name one. Every purpose
signs with a key of its own (HKDF, RFC 5869), so a click token is no unsubscribe token. Keys are called
`k1` to `k255`; the number is the key id in the token. A new key becomes current; the old ones stay, so
that links in messages already sent go on working.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from nurture.errors import Mistake

PURPOSES: Mapping[str, str] = {
    "c": "click",
    "u": "unsubscribe",
    "o": "open",
    "v": "page view",
    "b": "bounce",
    "r": "reply",
    "y": "confirm a consent",
}
"""What a token is good for: one letter each, and nothing else with it."""

VERSION = 1
TOO_LONG = 48
KEY_BYTES = 32
_SIGNATURE = 16
_PAYLOAD = 12
_CHARACTERS = 38
_FILLING = b"\0\0"  # to a whole number of base64 groups, so that many tokens can be written as one text
_FILLED = 40
_WHOLE = re.compile(r"[A-Za-z0-9_-]{37}[AQgw]", re.ASCII)
"""A token's one spelling: the last character carries two bits, the other four are nought."""
_LOCAL = re.compile(r"([bru])\+([a-z2-7]{16})\.([a-z2-7]{16})", re.ASCII)
_ADDRESS_SIGNATURE = 10
_KEY_NAME = re.compile(r"k([1-9][0-9]{0,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Keys:
    """The token keys: name to 32 secret bytes, and the name that signs now.

    Raises Mistake where a name is not `k1` to `k255`, a secret is not 32 bytes or `current` names none.
    """

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        for name, secret in self.secrets.items():
            _key_id(name)
            if len(secret) != KEY_BYTES:
                raise Mistake(f"secrets.toml, [tokens] {name}: a token key is base64 of {KEY_BYTES} bytes.")
        if self.current not in self.secrets:
            raise Mistake(f"secrets.toml, [tokens] current: there is no key called {self.current!r}.")

    def first(self) -> bytes:
        """The oldest secret. It never goes, so what hangs on it is the same for ever."""
        return self.secrets[min(self.secrets, key=_key_id)]


class Token(NamedTuple):
    """What a genuine token says: the touch, and the link in it (0 where no link is meant)."""

    touch: int
    link: int


def sign(keys: Keys, purpose: str, touch: int, link: int = 0) -> str:
    """The token for `touch` (and link number `link`, up to 65535) that is good for `purpose` alone."""
    head = bytes((VERSION, _key_id(keys.current)))
    payload = head + touch.to_bytes(8, "big") + link.to_bytes(2, "big")
    return _encode(payload + _signature(keys.secrets[keys.current], purpose, payload))


def sign_message(keys: Keys, touch: int, links: int) -> list[bytes]:
    """The tokens of one message: first the one to unsubscribe, then the click on each link, in order.

    Each is what `sign` gives, at a quarter of the cost: the keys are taken in once, and all tokens are
    written in one go.
    """
    secret, head = keys.secrets[keys.current], bytes((VERSION, _key_id(keys.current)))
    payload = head + touch.to_bytes(8, "big")
    first = payload + b"\0\0"
    raw = [first, _digest(secret, "u", head[:1] + b"u" + first)[:_SIGNATURE], _FILLING]
    inner, outer = _taken_in(secret, "c")
    signed = inner.copy()
    signed.update(head[:1] + b"c" + payload)
    for number in range(1, links + 1):
        link = number.to_bytes(2, "big")
        inside, outside = signed.copy(), outer.copy()
        inside.update(link)
        outside.update(inside.digest())
        raw += (payload, link, outside.digest()[:_SIGNATURE], _FILLING)
    written = base64.urlsafe_b64encode(b"".join(raw))
    return [written[at : at + _CHARACTERS] for at in range(0, len(written), _FILLED)]


def read(keys: Keys, purpose: str, token: str) -> Token | None:
    """What `token` says, or None where it is not ours, not whole, or meant for another purpose.

    Exactly one spelling of each token is taken: base64url without padding and without stray bits.
    """
    if not _WHOLE.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token + "==")
    payload, signature = raw[:_PAYLOAD], raw[_PAYLOAD:]
    secret = keys.secrets.get(f"k{payload[1]}")
    if payload[0] != VERSION or secret is None:
        return None
    if not hmac.compare_digest(signature, _signature(secret, purpose, payload)):
        return None
    return Token(int.from_bytes(payload[2:10], "big"), int.from_bytes(payload[10:], "big"))


def sign_address(keys: Keys, purpose: str, touch: int) -> str:
    """The local part that names `touch` in an address of ours: `b+ID.SIGNATURE`, 35 characters.

    Base32 in small letters, because mail servers on the way may change their case. The signature is the
    first 80 bits of the purpose's. Purposes: b for returned mail (MAIL FROM), r for answers, u to
    unsubscribe by mail.
    """
    payload = bytes((VERSION, _key_id(keys.current))) + touch.to_bytes(8, "big")
    signature = _address_signature(keys.secrets[keys.current], purpose, payload)
    return f"{purpose}+{_base32(payload)}.{_base32(signature)}"


def sign_addresses(keys: Keys, touch: int) -> tuple[str, str, str]:
    """The local parts of one message: for returned mail, for answers, to unsubscribe by mail.

    Each is what `sign_address` gives, and the touch is written once for all.
    """
    secret = keys.secrets[keys.current]
    payload = bytes((VERSION, _key_id(keys.current))) + touch.to_bytes(8, "big")
    signed = b"".join(_address_signature(secret, purpose, payload) for purpose in "bru")
    named, written = _base32(payload), _base32(signed)
    return f"b+{named}.{written[:16]}", f"r+{named}.{written[16:32]}", f"u+{named}.{written[32:]}"


def read_address(keys: Keys, purpose: str, local: str) -> int | None:
    """The touch that a local part names, in any case of letters; None where we did not sign it."""
    match = _LOCAL.fullmatch(local.lower())
    if match is None or match[1] != purpose:
        return None
    payload = base64.b32decode(match[2].upper())
    secret = keys.secrets.get(f"k{payload[1]}")
    if payload[0] != VERSION or secret is None:
        return None
    expected = _base32(_address_signature(secret, purpose, payload))
    return int.from_bytes(payload[2:], "big") if hmac.compare_digest(match[3], expected) else None


def copies_to(keys: Keys) -> str:
    """The local part that takes in copies of what colleagues write: `s+SECRET`, until the key changes."""
    return f"s+{_base32(_digest(keys.secrets[keys.current], 's', b'copies')[:_ADDRESS_SIGNATURE])}"


def takes_copies(keys: Keys, local: str) -> bool:
    """Whether `copies_to` gave this local part, under any of the keys."""
    said = local.lower().encode("utf-8", "replace")
    known = (copies_to(Keys(name, keys.secrets)) for name in keys.secrets)
    return any(hmac.compare_digest(said, each.encode()) for each in known)


def message_id(keys: Keys, touch: int, domain: str) -> str:
    """The Message-ID of a touch, the same in every try and after every change of keys.

    `<n1.` + 32 characters of base32(HMAC-SHA256(key, touch id)) + `@` + domain + `>`.
    """
    digest = _digest(keys.first(), "message-id", touch.to_bytes(8, "big"))
    return f"<n1.{base64.b32encode(digest[:20]).decode().lower()}@{domain}>"


@lru_cache(maxsize=512)
def _key_id(name: str) -> int:
    match = _KEY_NAME.fullmatch(name)
    if match is None or int(match[1]) > 255:
        raise Mistake(f"secrets.toml, [tokens] {name}: call token keys k1, k2 and so on, up to k255.")
    return int(match[1])


def _address_signature(secret: bytes, purpose: str, payload: bytes) -> bytes:
    signed = payload[:1] + b"@" + purpose.encode() + payload
    return _digest(secret, purpose, signed)[:_ADDRESS_SIGNATURE]


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(secret: bytes, purpose: str, payload: bytes) -> bytes:
    if purpose not in PURPOSES:
        raise ValueError(f"no such purpose: {purpose!r}")
    signed = payload[:1] + purpose.encode() + payload
    return _digest(secret, purpose, signed)[:_SIGNATURE]


def _digest(secret: bytes, purpose: str, message: bytes) -> bytes:
    """HMAC-SHA256 with the purpose's key, as `hmac.digest`, which takes the key in anew each time."""
    inner, outer = _taken_in(secret, purpose)
    inside, outside = inner.copy(), outer.copy()
    inside.update(message)
    outside.update(inside.digest())
    return outside.digest()


@lru_cache(maxsize=2048)
def _taken_in(secret: bytes, purpose: str) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The two hashes of HMAC (RFC 2104, section 4) that have read the purpose's key and nothing else."""
    key = _purpose_key(secret, purpose).ljust(64, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)
    return hashlib.sha256(inner), hashlib.sha256(outer)


@lru_cache(maxsize=2048)
def _purpose_key(secret: bytes, purpose: str) -> bytes:
    """HKDF-SHA256 (RFC 5869), one block, salt `nurture`, info = the purpose."""
    extracted = hmac.digest(b"nurture", secret, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
